//! The processes of one measurement, and the CPU time they took.

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// A process that ends before this value does, and before it took too long.
pub struct Process {
    child: Child,
    name: String,
    output: BufReader<ChildStdout>,
    /// Whoever waits for this to be dropped kills the process if it takes too long.
    watched: Option<Sender<()>>,
}

impl Process {
    /// Starts a program with more arguments than its own. It is killed if it has not ended after `limit`.
    pub fn start(program: &[String], arguments: &[String], limit: Duration) -> Result<Self, String> {
        let (name, own) = program.split_first().ok_or("no program")?;
        let mut command = Command::new(name);
        command.args(own).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("FAST_LIB", crate::contender::root().join("target/release/libfast.so"));
        let mut child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let (watched, watch) = channel();
        let pid = Pid::from_child(&child);
        // Not reaped before the sender is dropped: the id is still that of the process.
        std::thread::spawn(move || {
            if watch.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                let _ = kill_process(pid, Signal::KILL);
            }
        });
        Ok(Self { child, name: name.clone(), output, watched: Some(watched) })
    }

    /// The port that a server prints.
    pub fn port(&mut self) -> Result<u16, String> {
        let mut line = String::new();
        self.output.read_line(&mut line).map_err(|error| error.to_string())?;
        let port = line.trim().strip_prefix("listening ").and_then(|port| port.parse().ok());
        port.ok_or_else(|| format!("{} printed {line:?} instead of its port", self.name))
    }

    /// What a client prints at its end. `on_mark` is told of the lines before that, as they come.
    pub fn report(&mut self, mut on_mark: impl FnMut(&str)) -> Result<serde_json::Value, String> {
        let (mut last, mut line) = (String::new(), String::new());
        while self.output.read_line(&mut line).map_err(|error| error.to_string())? > 0 {
            if line.starts_with('{') {
                last.clone_from(&line);
            } else {
                on_mark(line.trim());
            }
            line.clear();
        }
        if last.is_empty() {
            let status = self.child.wait().map_err(|error| error.to_string())?;
            return Err(format!("{} ended with {status} and without a report", self.name));
        }
        serde_json::from_str(&last).map_err(|error| format!("{} printed {last:?}: {error}", self.name))
    }

    /// A file about it in /proc.
    pub fn proc(&self, file: &str) -> Result<String, String> {
        let path = format!("/proc/{}/{file}", self.child.id());
        std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
    }

    /// A handle for [`cpu_seconds`].
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends its input, on which a server ends; waits for it, and gives the seconds of CPU time that it took.
    pub fn finish(mut self) -> Result<f64, String> {
        drop(self.child.stdin.take());
        let pid = Pid::from_child(&self.child);
        // Not reaped yet: its account is still there, with all of its threads.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), options).map_err(|error| format!("waiting for {}: {error}", self.name))?;
        let stat = self.proc("stat")?;
        drop(self.watched.take());
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("{} ended with {status}", self.name));
        }
        ticks(&stat)
            .map(|ticks| ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
            .ok_or_else(|| format!("the account of {} is not understood: {stat:?}", self.name))
    }
}

/// CPU time that the threads of a process took so far, to the microsecond; of those that are still there.
pub fn cpu_seconds(process: u32) -> Option<f64> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
    // A thread may end after it was listed.
    let of = |thread: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some(threads.filter_map(of).sum::<u64>() as f64 / 1e9)
}

/// utime and stime, which are the 12th and 13th words after the name in brackets.
fn ticks(stat: &str) -> Option<u64> {
    let mut words = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || words.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.watched.take());
        // Both do nothing to a process that ended in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cpu_time_behind_any_name() {
        assert_eq!(ticks("7 (a) b) Z 1 2 3 4 5 6 7 8 9 10 30 12 0 0 20 0 1"), Some(42));
        assert_eq!(ticks("nonsense"), None);
    }

    #[test]
    fn knows_the_cpu_time_of_a_live_process() {
        assert!(cpu_seconds(std::process::id()).is_some_and(|seconds| seconds > 0.0));
    }
}
