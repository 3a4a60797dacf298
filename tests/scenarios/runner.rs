//! One language's runner: a line of JSON in, a line of JSON out.

use super::languages::Language;
use libfast_tests::root;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

pub struct Runner {
    name: &'static str,
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Runner {
    /// `None` if it is not built. Everything but the program itself is always there.
    pub fn start(language: &Language) -> Option<Self> {
        let program = language.command[0];
        let built = program.contains('/').then(|| root().join(program));
        if built.as_ref().is_some_and(|path| !path.exists()) {
            return None;
        }
        let mut command = Command::new(built.unwrap_or_else(|| program.into()));
        command.args(&language.command[1..]).current_dir(root()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().ok()?;
        let output = BufReader::new(child.stdout.take().expect("its output is piped"));
        Some(Self { name: language.name, child, output })
    }

    /// Runs one scenario. A runner that dies is a failure of the whole test: the process must stay intact.
    pub fn run(&mut self, input: &Json) -> Json {
        let stdin = self.child.stdin.as_mut().expect("its input is piped");
        writeln!(stdin, "{input}")
            .and_then(|()| stdin.flush())
            .unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let mut line = String::new();
        let read = self.output.read_line(&mut line).unwrap_or_else(|e| panic!("{}: {e}", self.name));
        assert!(read > 0, "the {} runner ended on {input}", self.name);
        serde_json::from_str(&line)
            .unwrap_or_else(|e| panic!("the {} runner printed {line:?}: {e}", self.name))
    }

    /// Ends its input; it must end well.
    pub fn finish(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().expect("a child can be waited for");
        assert!(status.success(), "the {} runner ended with {status}", self.name);
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
