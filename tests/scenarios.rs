//! What every language must show alike: the scenarios of `scenarios/README.md`, run by each language's runner.

mod scenarios {
    pub mod languages;
    pub mod list;
    pub mod named;
    pub mod runner;
    pub mod servers;
}

use scenarios::languages::LANGUAGES;
use scenarios::list::scenarios;
use scenarios::named::Named;
use scenarios::runner::Runner;
use scenarios::servers::Servers;
use serde_json::json;
use std::sync::Mutex;

/// Scenarios have times in which they are done: nothing else of this file runs meanwhile.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn every_language_answers_alike() {
    let _turn = TURN.lock();
    let servers = Servers::start();
    let mut wrong = Vec::new();
    for language in LANGUAGES {
        let Some(mut runner) = Runner::start(language) else {
            // `make test` builds all of them; a developer may have built only one.
            println!("skipped: scenarios in {} ({} is not built)", language.name, language.command[0]);
            assert!(std::env::var_os("CI").is_none(), "in CI every language runs");
            continue;
        };
        let mut right = 0;
        for scenario in scenarios(&servers) {
            match scenario.check(&runner.run(&scenario.input(&servers))) {
                Ok(()) => right += 1,
                Err(why) => wrong.push(format!("{}: {}: {why}", language.name, scenario.name)),
            }
        }
        runner.finish();
        println!("{:<7} {right} scenarios", language.name);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How many keys the languages are compared by.
const KEYS: u64 = 10_000;

#[test]
fn every_language_asks_the_same_owner_for_a_key() {
    let _turn = TURN.lock();
    let servers = Named::start(5);
    let owners: Vec<_> = (0..KEYS).map(|i| servers.owner(&format!("key-{i}"))).collect();
    let input = json!({
        "target": servers.target(), "method": "name", "args": [], "keys": KEYS,
        "client_options": {"policy": "hash"},
    });
    for language in LANGUAGES {
        let Some(mut runner) = Runner::start(language) else {
            println!("skipped: owners in {} ({} is not built)", language.name, language.command[0]);
            assert!(std::env::var_os("CI").is_none(), "in CI every language runs");
            continue;
        };
        let answer = runner.run(&input);
        runner.finish();
        assert!(answer["error"].is_null(), "{}: {}", language.name, answer["error"]);
        let asked = answer["values"].as_array().expect("an array of names");
        let wrong = asked.iter().zip(&owners).filter(|(asked, owner)| asked != owner).count();
        assert_eq!(
            (asked.len(), wrong),
            (owners.len(), 0),
            "{}: keys, and those asked elsewhere",
            language.name
        );
        println!("{:<7} {KEYS} keys in {} ms", language.name, answer["ms"]);
    }
    // Equal shares, or the comparison says nothing.
    for address in servers.addresses() {
        let share = owners.iter().filter(|owner| *owner == address).count();
        assert!((1500..2500).contains(&share), "{address} owns {share} of {KEYS} keys");
    }
}
