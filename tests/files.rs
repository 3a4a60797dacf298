//! The size of files: one noun each.

use libfast_tests::{output, root};

const LONGEST: usize = 500;
const MEDIAN: usize = 200;
const SOURCES: &[&str] =
    &[".rs", ".py", ".js", ".mjs", ".cjs", ".ts", ".php", ".c", ".h", ".cpp", ".hpp", ".sh"];
const GENERATED: &[&str] = &["include/fast.h", "bindings/php/src/fast_php.h"];

#[test]
fn files_stay_small() {
    let listed = output("git", &["ls-files", "--cached", "--others", "--exclude-standard"]);
    let is_source = |path: &&str| SOURCES.iter().any(|end| path.ends_with(end)) && !GENERATED.contains(path);
    let lines = |path: &str| {
        std::fs::read_to_string(root().join(path)).ok().map(|text| (text.lines().count(), path.to_owned()))
    };
    let mut sizes: Vec<_> = listed.lines().filter(is_source).filter_map(lines).collect();
    sizes.sort();
    let (longest, path) = sizes.last().expect("there are sources");
    println!("{} files, median {}, longest {longest} ({path})", sizes.len(), sizes[sizes.len() / 2].0);
    assert!(*longest <= LONGEST, "{path} has {longest} lines; split it by noun");
    assert!(sizes[sizes.len() / 2].0 < MEDIAN);
}
