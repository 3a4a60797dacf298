//! Starting the tools and waiting for them.

use libfast::{Client, ClientOptions};
use libfast_testkit::ZooKeeper;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longer than anything here takes on any machine that is fit for tests.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The tool of that name, as if called through its link.
pub fn tool(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_libfast-cli"));
    command.arg0(name).env_remove("FAST_REGISTRY").env_remove("FAST_OUTPUT").stdin(Stdio::null());
    command
}

/// What a finished tool left.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| panic!("ended by a signal: {self:?}"))
    }

    /// Its output, of a tool that must have succeeded without a word.
    pub fn data(self) -> String {
        assert!(self.status.success() && self.stderr.is_empty(), "{self:?}");
        self.stdout
    }

    pub fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.data()).unwrap()
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

pub fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Runs a tool to its end.
pub fn run(name: &str, args: &[&str]) -> Ended {
    finish(start(tool(name).args(args)))
}

/// Waits for the end of a process; one that does not end is killed and fails the test.
pub fn finish(child: Child) -> Ended {
    let id = child.id();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    receiver.recv_timeout(LIMIT).map(|output| output.unwrap().into()).unwrap_or_else(|_| {
        signal(id, Signal::KILL);
        panic!("process {id} did not end")
    })
}

pub fn signal(id: u32, signal: Signal) {
    kill_process(Pid::from_raw(id as i32).unwrap(), signal).unwrap();
}

/// A running `fastserve`, killed when dropped.
pub struct Fastserve {
    child: Option<Child>,
    pub line: String,
}

impl Fastserve {
    /// On a free port, with more arguments.
    pub fn start(args: &[&str]) -> Self {
        Self::of(start(tool("fastserve").args(["-p", "0"]).args(args)))
    }

    /// Waits until the process serves.
    pub fn of(mut child: Child) -> Self {
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            panic!("fastserve does not serve: {:?}", finish(child));
        }
        Self { child: Some(child), line }
    }

    pub fn address(&self) -> &str {
        self.line.split_whitespace().nth(3).unwrap()
    }

    /// Host and port of the monitoring pages.
    pub fn admin(&self) -> &str {
        self.line.split_whitespace().nth(5).and_then(|url| url.strip_prefix("http://")).unwrap()
    }

    pub fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn signal(&self, kind: Signal) {
        signal(self.id(), kind);
    }

    /// Waits until it says something else than what it serves; a line of that.
    pub fn says(&mut self) -> String {
        let id = self.id();
        let (heard, waiting) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            if waiting.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                signal(id, Signal::KILL);
            }
        });
        let stderr = self.child.as_mut().unwrap().stderr.as_mut().unwrap();
        let mut line = String::new();
        // Of one byte, so that nothing beyond the line is taken.
        BufReader::with_capacity(1, stderr).read_line(&mut line).unwrap();
        drop(heard);
        line
    }

    pub fn finish(mut self) -> Ended {
        finish(self.child.take().unwrap())
    }

    /// Kills it and waits until the system has cleaned up after it.
    pub fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Fastserve {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A client of the library, for what `fastcall` cannot do.
pub fn client(target: &str) -> Client {
    let mut options = ClientOptions::default();
    options.timeout_ms = LIMIT.as_millis() as u64;
    Client::with_options(target, options).unwrap()
}

/// Repeats `look` until it gives something.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < LIMIT, "never happened: {what}");
        std::thread::yield_now();
    }
}

/// A server, unless this machine cannot have one; then the test named `test` says that it is skipped.
pub fn zookeeper(test: &str) -> Option<ZooKeeper> {
    ZooKeeper::start().map_err(|why| eprintln!("skipped: {test}: {why}")).ok()
}
