//! Features that differ between commands of the Makefile make Cargo build the crate, and all above it, once more for each.

use libfast_tests::{output, root};
use std::collections::{BTreeMap, BTreeSet};

/// What only programs need: processes and signals, and what comes with a server of HTTP.
const DIFFER: [&str; 3] = ["serde_core", "smallvec", "tokio"];

#[test]
fn all_commands_name_the_whole_workspace_but_that_of_the_libraries() {
    let makefile = makefile();
    let compiles = |line: &&str| {
        let command = line.split_once("$(CARGO) ").map_or("", |(_, command)| command);
        ["build", "clippy", "run", "test"].iter().any(|name| command.starts_with(name))
    };
    let commands: Vec<_> = makefile.lines().filter(compiles).collect();
    assert!(commands.len() > 5, "{commands:?}");
    for command in commands {
        let has = |word: &str| command.split_whitespace().any(|other| other == word);
        // What has a manifest of its own has features of its own.
        let is_alike = (has("--workspace") || has("--manifest-path")) && !has("-p");
        let is_of_libraries = command.starts_with("LIBRARIES := ");
        assert!(is_alike != is_of_libraries, "{command}: builds crates once more for other features");
    }
}

#[test]
fn libraries_and_programs_agree_on_features() {
    let (libraries, programs) = (features(&libraries()), features(&["--workspace".into()]));
    let differ = libraries.iter().filter(|&(name, features)| !features.is_subset(&programs[name]));
    let differ: BTreeSet<_> = differ.map(|(name, _)| name.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(
        differ,
        BTreeSet::from(DIFFER),
        "declare the features of others in Cargo.toml, for the workspace"
    );
}

#[test]
fn libraries_leave_signals_and_processes_to_their_host() {
    let libraries = features(&libraries());
    let tokio = libraries.iter().filter(|(name, _)| name.starts_with("tokio v"));
    let tokio: Vec<_> = tokio.flat_map(|(_, features)| features).flat_map(|list| list.split(',')).collect();
    assert!(tokio.contains(&"net"), "{tokio:?}");
    assert!(!tokio.contains(&"signal") && !tokio.contains(&"process"), "{tokio:?}");
}

fn makefile() -> String {
    std::fs::read_to_string(root().join("Makefile")).expect("the repository has one")
}

/// How the Makefile selects what is shipped for other languages.
fn libraries() -> Vec<String> {
    let makefile = makefile();
    let line = makefile.lines().find(|line| line.starts_with("LIBRARIES := ")).expect("it names them");
    let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
    words.windows(2).filter(|words| words[0] == "-p").flat_map(<[String]>::to_vec).collect()
}

/// The features of each crate of others below the packages selected; several if it is also built for build scripts.
fn features(selected: &[String]) -> BTreeMap<String, BTreeSet<String>> {
    let mut args =
        vec!["tree", "-e", "normal,build", "--prefix", "none", "--no-dedupe", "--format", "{p};{f}"];
    args.extend(selected.iter().map(String::as_str));
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    // Empty lines are between the trees of the packages.
    for (package, features) in output(env!("CARGO"), &args).lines().filter_map(|line| line.split_once(';')) {
        if !package.contains("(/") {
            found.entry(package.to_owned()).or_default().insert(features.to_owned());
        }
    }
    found
}
