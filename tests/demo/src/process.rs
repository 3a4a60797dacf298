//! A child process whose output is read line by line, with a time limit.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A child process. Dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Starts it. Its errors go where ours go.
    pub fn start(name: &str, mut command: Command) -> Result<Self, String> {
        let shown = format!("{command:?}");
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|error| format!("cannot start {shown}: {error}"))?;
        let output = child.stdout.take().ok_or("a child without output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let whole = BufReader::new(output).lines().map_while(Result::ok);
            // Ends when nobody listens any more.
            let _ = whole.map(|line| sender.send(line)).take_while(Result::is_ok).count();
        });
        Ok(Self { name: name.to_owned(), child, lines })
    }

    /// The next line.
    pub fn line(&mut self, limit: Duration) -> Result<String, String> {
        self.lines.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("{} printed nothing for {limit:?}", self.name),
            RecvTimeoutError::Disconnected => format!("{} ended early: {:?}", self.name, self.child.wait()),
        })
    }

    /// Waits for the end and returns the last line.
    pub fn last_line(&mut self, limit: Duration) -> Result<String, String> {
        let mut last = self.line(limit)?;
        let until = Instant::now() + limit;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => last = line,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("{} ran longer than {limit:?}", self.name));
                }
            }
        }
        match self.finish(limit)? {
            status if status.success() => Ok(last),
            status => Err(format!("the {} client ended with {status}", self.name)),
        }
    }

    /// Ends its input and waits for it.
    pub fn finish(&mut self, limit: Duration) -> Result<ExitStatus, String> {
        drop(self.child.stdin.take());
        // Its output ends with it.
        let until = Instant::now() + limit;
        while self.lines.recv_timeout(until.saturating_duration_since(Instant::now())).is_ok() {}
        if Instant::now() >= until {
            return Err(format!("{} did not stop within {limit:?}", self.name));
        }
        self.child.wait().map_err(|error| format!("{}: {error}", self.name))
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> Result<(), String> {
        self.child.kill().map_err(|error| format!("cannot kill {}: {error}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
