//! The server as a process, and what it holds.

use libfast_tests::root;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};

const RELEASE: &str = "target/release/libfast-cli";
const DEBUG: &str = "target/debug/libfast-cli";

/// A running `fastserve`, killed when dropped.
pub struct Process {
    child: Child,
    /// Kept open: a tool whose output nobody takes may end.
    _output: BufReader<ChildStdout>,
    pub program: &'static str,
    pub address: String,
    /// Descriptors of it without connections.
    idle_descriptors: usize,
}

impl Process {
    /// On a free port, once it serves; `None` if it is not built.
    pub fn start() -> Option<Self> {
        let program = [RELEASE, DEBUG].into_iter().find(|program| root().join(program).exists())?;
        let mut command = Command::new(root().join(program));
        command.arg0("fastserve").args(["-p", "0"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let mut output = BufReader::new(child.stdout.take().expect("it has an output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("it says where it serves");
        let address = line.split_whitespace().nth(3).expect("an address").to_owned();
        let mut process = Self { child, _output: output, program, address, idle_descriptors: 0 };
        process.idle_descriptors = process.descriptors();
        Some(process)
    }

    pub fn is_release(&self) -> bool {
        self.program == RELEASE
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.descriptors().saturating_sub(self.idle_descriptors)
    }

    pub fn resident_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    pub fn peak_resident_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    pub fn assert_alive(&mut self) {
        let ended = self.child.try_wait().expect("it is a child");
        assert!(ended.is_none(), "the server ended: {ended:?}");
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it lives").count()
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it lives");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("it lives");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kib << 10
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
