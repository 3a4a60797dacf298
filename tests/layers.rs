//! The layers of the workspace: a crate depends only on lower ones, and what goes out stays light.

use libfast_tests::{output, packages, root};
use std::collections::{BTreeMap, BTreeSet};

/// Crate to layer. ZooKeeper stands one above the registry whose traits it implements (docs/decisions/0001).
const LAYERS: &[(&str, u32)] = &[
    ("libfast-model", 0),
    ("libfast-protocol", 1),
    ("libfast-balance", 1),
    ("libfast-registry", 2),
    ("libfast-zookeeper", 3),
    ("libfast-rpc", 4),
    ("libfast", 5),
    ("libfast-embed", 6),
    ("libfast-cli", 6),
    ("libfast-ffi", 7),
    ("libfast-python", 7),
    ("libfast-node", 7),
];

/// Crates that never go out, and may use anything.
const DEVELOPMENT: &[&str] = &[
    "libfast-bench",
    "libfast-codegen",
    "libfast-faults",
    "libfast-testkit",
    "libfast-tests",
    "libfast-demo",
];

#[test]
fn a_crate_depends_only_on_lower_layers() {
    let layers: BTreeMap<_, _> = LAYERS.iter().copied().collect();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        if DEVELOPMENT.contains(&name) {
            continue;
        }
        let layer = layers.get(name).unwrap_or_else(|| panic!("{name} has no layer: add it to this table"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let below = dependency["name"].as_str().unwrap();
            let shipped = dependency["kind"] != "dev";
            if shipped && below.starts_with("libfast") {
                assert!(!DEVELOPMENT.contains(&below), "{name} ships {below}, which is for development");
                assert!(
                    layers[below] < *layer,
                    "{name} (layer {layer}) depends on {below} (layer {})",
                    layers[below]
                );
            }
        }
    }
}

/// Time is an argument there, so that whole clusters can be tested in one thread: a runtime, a socket or a clock of
/// its own would end that.
#[test]
fn the_pure_layers_stay_pure() {
    for folder in ["core/model/src", "core/protocol/src", "core/balance/src"] {
        for (path, text) in sources(folder) {
            for word in [
                "tokio",
                "Instant::now",
                "SystemTime::now",
                "std::net::Tcp",
                "std::thread",
                "fastrand::Rng::new",
            ] {
                assert!(!text.contains(word), "{path} uses {word}");
            }
        }
    }
}

#[test]
fn unsafe_code_stays_at_the_boundary() {
    let allowed = ["ffi/", "core/embed/", "bindings/"];
    // Put together, so that this file does not find itself.
    let unsafety = ["{", "fn", "impl"].map(|what| ["unsafe", what].join(" "));
    for folder in ["core", "ffi", "bindings", "tests", "examples"] {
        for (path, text) in sources(folder) {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let found = code.filter(|line| unsafety.iter().any(|word| line.contains(word))).count();
            assert!(
                found == 0 || allowed.iter().any(|start| path.starts_with(start)),
                "{path} has unsafe code"
            );
        }
    }
}

#[test]
fn the_c_library_stays_light() {
    for (features, most) in [(vec!["--no-default-features"], 60), (vec![], 150)] {
        let mut args =
            vec!["tree", "-p", "libfast-ffi", "-e", "normal", "--prefix", "none", "--format", "{p}"];
        args.extend(features);
        let tree = output(env!("CARGO"), &args);
        let crates: BTreeSet<_> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        println!(
            "{} crates {}",
            crates.len(),
            if most == 60 { "without ZooKeeper" } else { "with ZooKeeper" }
        );
        assert!(crates.len() <= most, "{} crates instead of at most {most}: {crates:#?}", crates.len());
    }
}

/// The Rust sources below a folder, with their paths from the root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let listed = output("git", &["ls-files", "--cached", "--others", "--exclude-standard", "--", folder]);
    let paths = listed.lines().filter(|path| path.ends_with(".rs"));
    let read =
        |path: &str| std::fs::read_to_string(root().join(path)).ok().map(|text| (path.to_owned(), text));
    let found: Vec<_> = paths.filter_map(read).collect();
    found
}
