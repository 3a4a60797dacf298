//! The licences of everything that is linked, against the list of `deny.toml`, which `cargo deny` reads as well.

use libfast_tests::{output, root};
use serde_json::Value as Json;

#[test]
fn every_dependency_has_a_licence_that_is_allowed() {
    let allowed = allowed();
    let text = output(env!("CARGO"), &["metadata", "--format-version", "1", "--locked"]);
    let metadata: Json = serde_json::from_str(&text).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(|licence| is_allowed(licence, &allowed)))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

/// The names in the list `allow` of `deny.toml`.
fn allowed() -> Vec<String> {
    let file = std::fs::read_to_string(root().join("deny.toml")).expect("there is a deny.toml");
    let list =
        file.split_once("allow = [").and_then(|(_, rest)| rest.split_once(']')).expect("it has a list").0;
    list.split(',')
        .map(|name| name.trim().trim_matches('"').to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Whether one of the alternatives is allowed in all its parts. Old crates write `/` for `OR`; parentheses only ever group
/// alternatives.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.replace('/', " OR ");
    expression.split(" AND ").all(|part| {
        let alternatives = part.trim_matches(|c| matches!(c, '(' | ')' | ' ')).split(" OR ");
        alternatives
            .into_iter()
            .any(|name| allowed.iter().any(|known| known == name.trim_matches(['(', ')'])))
    })
}
