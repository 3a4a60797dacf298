//! How the examples of each language are run, from the root of the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A server that the demo starts.
pub struct Server {
    /// Its language, which is its name as well.
    pub language: &'static str,
    /// Program and arguments; the target and the name follow.
    pub command: &'static [&'static str],
}

/// A client that the demo runs.
pub struct Client {
    /// Its language.
    pub language: &'static str,
    /// Program and arguments; the target follows.
    pub command: &'static [&'static str],
}

const PYTHON: &str = ".build/venv/bin/python";

/// One server per language that has them.
pub const SERVERS: &[Server] = &[
    Server { language: "rust", command: &["target/release/examples/calc_server"] },
    Server { language: "c", command: &[".build/c/c/calc_server"] },
    Server { language: "cpp", command: &[".build/c/cpp/calc_server"] },
    Server { language: "python", command: &[PYTHON, "examples/python/calc_server.py"] },
    Server { language: "node", command: &["node", "examples/node/calc_server.mjs"] },
];

/// The clients of all languages but Rust, whose client runs while servers come and go.
pub const CLIENTS: &[Client] = &[
    Client { language: "c", command: &[".build/c/c/calc_client"] },
    Client { language: "cpp", command: &[".build/c/cpp/calc_client"] },
    Client { language: "python", command: &[PYTHON, "examples/python/calc_client.py"] },
    Client { language: "node", command: &["node", "examples/node/calc_client.mjs"] },
    Client { language: "php", command: &["php", "examples/php/calc_client.php"] },
];

/// The Rust client.
pub const PACED_CLIENT: &[&str] = &["target/release/examples/calc_client"];

/// The command, run in the root of the repository.
pub fn command(words: &[&str], more: &[&str]) -> Command {
    let root = root();
    // A path is relative to the root; a bare name is looked for in $PATH.
    let program = if words[0].contains('/') { root.join(words[0]) } else { PathBuf::from(words[0]) };
    let mut command = Command::new(program);
    command.args(&words[1..]).args(more).current_dir(root);
    command
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
