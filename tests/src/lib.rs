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

/// The packages of the workspace as `cargo metadata` describes them.
pub fn packages() -> Vec<Json> {
    let text = output(env!("CARGO"), &["metadata", "--no-deps", "--format-version", "1"]);
    let mut json: Json = serde_json::from_str(&text).expect("cargo writes JSON");
    std::mem::take(json["packages"].as_array_mut().expect("a workspace has packages"))
}
