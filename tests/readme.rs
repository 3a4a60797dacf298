//! The programs in the README are files of `examples/`, to the letter, and do what it says.

use libfast_tests::{files_shown_in, root};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

struct Language {
    name: &'static str,
    /// None: it has no server yet, and calls the one in Rust.
    server: Option<&'static [&'static str]>,
    client: &'static [&'static str],
}

const PYTHON: &str = ".build/venv/bin/python";
const LANGUAGES: &[Language] = &[
    Language {
        name: "rust",
        server: Some(&["target/release/examples/hello_server"]),
        client: &["target/release/examples/hello_client"],
    },
    Language { name: "c", server: Some(&[".build/c/c/hello_server"]), client: &[".build/c/c/hello_client"] },
    Language {
        name: "cpp",
        server: Some(&[".build/c/cpp/hello_server"]),
        client: &[".build/c/cpp/hello_client"],
    },
    Language {
        name: "python",
        server: Some(&[PYTHON, "examples/python/hello_server.py"]),
        client: &[PYTHON, "examples/python/hello_client.py"],
    },
    Language {
        name: "node",
        server: Some(&["node", "examples/node/hello_server.mjs"]),
        client: &["node", "examples/node/hello_client.mjs"],
    },
    Language { name: "php", server: None, client: &["php", "examples/php/hello_client.php"] },
];

#[test]
fn the_programs_in_the_readme_are_the_examples() {
    let shown = files_shown_in("README.md");
    for (path, text) in &shown {
        assert!(text.lines().count() <= 30, "{path} is too long for a README");
    }
    assert_eq!(shown.len(), 11, "a server and a client per language, but no server in PHP");
}

#[test]
fn the_programs_in_the_readme_greet_the_world() {
    for language in LANGUAGES {
        if !is_built(language) {
            println!("skipped: the README's programs in {} are not built", language.name);
            assert!(std::env::var_os("CI").is_none(), "in CI every language runs");
            continue;
        }
        // The default registry of the programs, for this test alone.
        let folder = tempfile::tempdir().expect("a temporary folder");
        let registry = format!("dir://{}", folder.path().display());
        let words = language.server.unwrap_or(LANGUAGES[0].server.expect("Rust has a server"));
        let mut server = Killed(command(words, &registry).stdout(Stdio::piped()).spawn().expect("a server"));
        let mut line = String::new();
        BufReader::new(server.0.stdout.take().expect("its output is piped"))
            .read_line(&mut line)
            .expect("text");
        assert!(line.starts_with("listening "), "{}: {line:?}", language.name);
        let output = command(language.client, &registry).output().expect("a client");
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("Hello, world!") && output.status.success(),
            "{}: {said}{errors}",
            language.name
        );
        println!("{:<7} {}", language.name, said.trim());
    }
}

fn is_built(language: &Language) -> bool {
    let programs = [Some(language.client), language.server].into_iter().flatten().map(|words| words[0]);
    programs.into_iter().all(|program| !program.contains('/') || root().join(program).exists())
}

fn command(words: &[&str], registry: &str) -> Command {
    let program = if words[0].contains('/') { root().join(words[0]) } else { words[0].into() };
    let mut command = Command::new(program);
    command.args(&words[1..]).current_dir(root()).env("FAST_REGISTRY", registry).stdin(Stdio::null());
    command
}

/// A process that is killed when the test is done with it.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
