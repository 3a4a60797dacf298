//! The tests that `docs/COMPATIBILITY.md` names exist.

use libfast_tests::{output, root};
use std::collections::BTreeSet;

/// What is written as code, looks like the name of a test, and is none.
const OTHERS: &[&str] = &["max_frame_bytes"];

#[test]
fn every_test_that_the_page_names_exists() {
    let page = std::fs::read_to_string(root().join("docs/COMPATIBILITY.md")).expect("there is a page");
    let listed =
        output("git", &["ls-files", "--cached", "--others", "--exclude-standard", "--", "core", "tests"]);
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap_or_default();
    let sources: String = listed.lines().filter(|path| path.ends_with(".rs")).map(read).collect();
    // Every second piece between backticks is code.
    let named: BTreeSet<_> = page.split('`').skip(1).step_by(2).filter(|code| is_name(code)).collect();
    assert!(named.len() > 80, "only {} names found", named.len());
    let gone: Vec<_> = named.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert!(gone.is_empty(), "no such tests: {gone:#?}");
}

fn is_name(code: &str) -> bool {
    let word = code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    word && code.matches('_').count() >= 2 && !OTHERS.contains(&code)
}
