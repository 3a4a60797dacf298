//! What the contenders are, were built with, and run on.

use crate::contender::root;
use serde_json::{Map, Value, json};
use std::path::Path;
use std::process::Command;

/// The peers that are crates.
const CRATES: [&str; 4] = ["fast-rpc", "tarpc", "tonic", "capnp-rpc"];

/// By name; null for what is not installed. Those of the peers are from their lock files.
pub fn versions() -> Map<String, Value> {
    let python = root().join(".build/venv/bin/python").display().to_string();
    let mut all = Map::new();
    for (name, version) in [
        ("libfast", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("commit", first_line("git", &["describe", "--always", "--dirty"])),
        ("rustc", first_line("rustc", &["--version"])),
        ("cc", first_line("cc", &["--version"])),
        ("python", first_line(&python, &["--version"])),
        ("node", first_line("node", &["--version"])),
        ("php", first_line("php", &["--version"])),
    ] {
        all.insert(name.into(), json!(version));
    }
    let folder = root().join("tests/bench/peers");
    let peers =
        [rust(&folder.join("rust")), node(&folder.join("node")), python_packages(&folder), debian(&folder)];
    all.insert("peers".into(), peers.into_iter().flatten().collect::<Map<_, _>>().into());
    all
}

type Named = Vec<(String, Value)>;

fn rust(folder: &Path) -> Named {
    let lock = read(&folder.join("Cargo.lock"));
    let version = |name: &str| {
        let package =
            lock.split("[[package]]").find(|package| package.contains(&format!("name = \"{name}\"\n")))?;
        Some(package.lines().find_map(|line| line.strip_prefix("version = "))?.trim_matches('"').to_owned())
    };
    CRATES.iter().filter_map(|name| Some(((*name).to_owned(), version(name)?.into()))).collect()
}

fn node(folder: &Path) -> Named {
    let json = |file| serde_json::from_str(&read(&folder.join(file))).unwrap_or(Value::Null);
    let (wanted, lock): (Value, Value) = (json("package.json"), json("package-lock.json"));
    let names = wanted["dependencies"].as_object().into_iter().flat_map(Map::keys);
    let version = |name: &String| lock["packages"][format!("node_modules/{name}")]["version"].clone();
    names.map(|name| (format!("{name} (npm)"), version(name))).collect()
}

fn python_packages(folder: &Path) -> Named {
    let text = read(&folder.join("python/requirements.txt"));
    let lines = text.lines().filter_map(|line| line.split_once("=="));
    lines.map(|(name, version)| (format!("{name} (PyPI)"), version.trim().into())).collect()
}

/// Packages of the system have no lock file: what is installed.
fn debian(folder: &Path) -> Named {
    let packages = read(&folder.join("packages.txt"));
    let version = |name: &str| first_line("dpkg-query", &["-W", "-f", "${Version}\n", name]);
    let names = packages.split_whitespace();
    names.filter_map(|name| Some((format!("{name} (Debian)"), version(name)?.into()))).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).current_dir(root()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).lines().next().map(Into::into))?
}
