//! Features that differ between commands of the Makefile make Cargo build the crate, and all above it, once more for each.

use libfast_tests::output;
use std::collections::{BTreeMap, BTreeSet};

const LIBRARIES: [&str; 8] =
    ["-p", "libfast-ffi", "-p", "libfast-python", "-p", "libfast-node", "-p", "libfast-bench"];

/// What only programs need: processes and signals, and what comes with a server of HTTP.
const DIFFER: [&str; 3] = ["serde_core", "smallvec", "tokio"];

#[test]
fn libraries_and_programs_agree_on_features() {
    let (libraries, programs) = (features(&LIBRARIES), features(&["--workspace"]));
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
    let libraries = features(&LIBRARIES);
    let tokio = libraries.iter().filter(|(name, _)| name.starts_with("tokio v"));
    let tokio: Vec<_> = tokio.flat_map(|(_, features)| features).flat_map(|list| list.split(',')).collect();
    assert!(tokio.contains(&"net"), "{tokio:?}");
    assert!(!tokio.contains(&"signal") && !tokio.contains(&"process"), "{tokio:?}");
}

/// The features of each crate of others below the packages selected; several if it is also built for build scripts.
fn features(selected: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut args =
        vec!["tree", "-e", "normal,build", "--prefix", "none", "--no-dedupe", "--format", "{p};{f}"];
    args.extend(selected);
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    // Empty lines are between the trees of the packages.
    for (package, features) in output(env!("CARGO"), &args).lines().filter_map(|line| line.split_once(';')) {
        if !package.contains("(/") {
            found.entry(package.to_owned()).or_default().insert(features.to_owned());
        }
    }
    found
}
