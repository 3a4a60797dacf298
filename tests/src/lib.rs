//! What the tests of this crate share.

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a command prints; panics with its errors if it fails.
pub fn output(program: &str, args: &[&str]) -> String {
    let result = Command::new(program).args(args).current_dir(root()).output();
    let result = result.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(result.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&result.stderr));
    String::from_utf8_lossy(&result.stdout).into_owned()
}

/// The files that a document shows, by `<!-- file: PATH -->` before a block of code, and their text; panics if the document
/// shows one otherwise than it is.
pub fn files_shown_in(document: &str) -> Vec<(String, String)> {
    let read = |path: &str| {
        std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let shown = |part: &str| {
        let (path, rest) = part.split_once(" -->\n```").expect("a marker is followed by a block");
        let (_, rest) = rest.split_once('\n').expect("a block begins with its language");
        let (block, _) = rest.split_once("```").expect("a block ends");
        let file = read(path);
        assert_eq!(block, file, "{document} does not show {path} as it is");
        (path.to_owned(), file)
    };
    read(document).split("<!-- file: ").skip(1).map(shown).collect()
}

/// The packages of the workspace as `cargo metadata` describes them.
pub fn packages() -> Vec<Json> {
    let text = output(env!("CARGO"), &["metadata", "--no-deps", "--format-version", "1"]);
    let mut json: Json = serde_json::from_str(&text).expect("cargo writes JSON");
    std::mem::take(json["packages"].as_array_mut().expect("a workspace has packages"))
}
