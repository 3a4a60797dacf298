//! What every language must show alike: the scenarios of `scenarios/README.md`, run by each language's runner.

mod scenarios {
    pub mod languages;
    pub mod list;
    pub mod runner;
    pub mod servers;
}

use scenarios::languages::LANGUAGES;
use scenarios::list::scenarios;
use scenarios::runner::Runner;
use scenarios::servers::Servers;

#[test]
fn every_language_answers_alike() {
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
