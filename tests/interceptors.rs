//! The programs in docs/INTERCEPTORS.md are files of `examples/`, to the letter, and print what it says.

use libfast::{Request, Server, ServerOptions};
use libfast_tests::{files_shown_in, root};
use std::process::Command;
use tokio::runtime::Runtime;

/// A file and the command that runs it.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("examples/rust/interceptors.rs", &["target/release/examples/interceptors"]),
    ("examples/python/interceptors.py", &[".build/venv/bin/python", "examples/python/interceptors.py"]),
    (
        "examples/python/aio_interceptors.py",
        &[".build/venv/bin/python", "examples/python/aio_interceptors.py"],
    ),
    ("examples/node/interceptors.mjs", &["node", "examples/node/interceptors.mjs"]),
    ("examples/cpp/interceptors.cpp", &[".build/c/cpp/interceptors"]),
    ("examples/php/interceptors.php", &["php", "examples/php/interceptors.php"]),
];

/// The service that the client in PHP calls.
fn serve(runtime: &Runtime, announce: String) -> Server {
    runtime.block_on(async {
        let mut options = ServerOptions::default();
        options.announce = announce;
        let server = Server::new(options).expect("a server");
        server.method("greet", |_: Request| async { Ok("Hello!") }).expect("a new method");
        server.start().await.expect("it is announced");
        server
    })
}

#[test]
fn the_programs_in_the_document_print_what_it_says() {
    let shown: Vec<_> = files_shown_in("docs/INTERCEPTORS.md").into_iter().map(|(path, _)| path).collect();
    assert_eq!(shown, PROGRAMS.iter().map(|(path, _)| *path).collect::<Vec<_>>());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let registry = format!("dir://{}", folder.path().display());
    let runtime = Runtime::new().expect("a runtime");
    let _server = serve(&runtime, format!("{registry}/hello"));
    for (path, command) in PROGRAMS {
        let program = root().join(command[0]);
        if command[0].contains('/') && !program.exists() {
            println!("skipped: {path} is not built");
            assert!(std::env::var_os("CI").is_none(), "in CI every language runs");
            continue;
        }
        let program = if command[0].contains('/') { program } else { command[0].into() };
        let mut run = Command::new(program);
        let run = run.args(&command[1..]).current_dir(root()).env("FAST_REGISTRY", &registry);
        let output = run.output().unwrap_or_else(|error| panic!("{path}: {error}"));
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        let attempts = if path.ends_with("php") { 0 } else { 1 };
        let expected =
            format!("greet: 1 values, ok, 1 attempts\ngreet: 0 values, Denied, {attempts} attempts\n");
        assert_eq!(said, expected, "{path}: {errors}");
        assert!(output.status.success(), "{path}: {errors}");
    }
}
