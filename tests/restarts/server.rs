//! A process of the calc server of a language.

use libfast_tests::root;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The languages that have servers, and their commands from the root of the repository; target and name follow.
pub const SERVERS: &[(&str, &[&str])] = &[
    ("rust", &["target/release/examples/calc_server"]),
    ("c", &[".build/c/c/calc_server"]),
    ("cpp", &[".build/c/cpp/calc_server"]),
    ("python", &[".build/venv/bin/python", "examples/python/calc_server.py"]),
    ("node", &["node", "examples/node/calc_server.mjs"]),
];

/// Longer than any of them takes to stop.
const LONG: Duration = Duration::from_secs(30);

/// Dropping it kills it.
pub struct Server {
    child: Child,
    name: String,
}

impl Server {
    pub fn is_built(command: &[&str]) -> bool {
        !command[0].contains('/') || root().join(command[0]).exists()
    }

    /// Starts it and waits until it is listed.
    pub fn start(command: &[&str], target: &str, name: &str) -> Self {
        let program = if command[0].contains('/') { root().join(command[0]) } else { command[0].into() };
        let mut run = Command::new(program);
        let run = run.args(&command[1..]).args([target, name]).current_dir(root());
        // It would stop at the end of its input as well.
        let mut child = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it is built");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output is piped");
        BufReader::new(output).read_line(&mut line).expect("text");
        assert!(line.starts_with("listening "), "{name}: {line:?}");
        Self { child, name: name.to_owned() }
    }

    /// Tells it to stop and waits until it has, well.
    pub fn stop_by_sigterm(&mut self) {
        let pid = Pid::from_raw(self.child.id() as i32).expect("it has one");
        kill_process(pid, Signal::TERM).expect("it runs");
        let told = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                break status;
            }
            assert!(told.elapsed() < LONG, "{} does not stop", self.name);
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{} ended with {status}", self.name);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
