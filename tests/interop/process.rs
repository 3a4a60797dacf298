//! The processes of peers, and what to do when they are not there.

use libfast_tests::root;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A process with piped input and output. Dropping it kills it.
pub struct Process {
    child: Child,
    pub input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let spawned = command.current_dir(root()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child =
            spawned.unwrap_or_else(|error| panic!("{command:?}: {error}; run `make interop-peers`"));
        let input = child.stdin.take().expect("its input is piped");
        let output = BufReader::new(child.stdout.take().expect("its output is piped"));
        Self { child, input, output }
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        self.next_line().unwrap_or_else(|| panic!("it has ended: {:?}", self.child.wait()))
    }

    /// The next line that it prints; `None` when it has ended.
    pub fn next_line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line).expect("it prints text");
        (read > 0).then_some(line)
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `node` with a script of `tests/interop/node-fast`, which may be one of the package itself.
pub fn node(script: &str) -> Command {
    let folder = root().join("tests/interop/node-fast");
    assert!(
        folder.join("node_modules/fast").exists(),
        "node-fast is not installed; run `make interop-peers`"
    );
    let mut command = Command::new("node");
    // The package uses things that Node warns of.
    command.arg("--no-deprecation").arg(folder.join(script)).env_remove("LOG_LEVEL");
    command
}

/// A program of `tests/interop/rust-fast`.
pub fn rust_fast(program: &str) -> Command {
    Command::new(built(root().join("target/interop/debug").join(program), "make interop-peers"))
}

/// One of libfast's tools, in the profile of this test.
pub fn tool(name: &str) -> Command {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.ancestors().nth(2).expect("a test is built into target/PROFILE/deps");
    let mut command = Command::new(built(folder.join("libfast-cli"), "cargo build -p libfast-cli"));
    command.arg(name).env_remove("FAST_REGISTRY");
    command
}

fn built(path: PathBuf, how: &str) -> PathBuf {
    assert!(path.exists(), "{} is not built; run `{how}`", path.display());
    path
}
