//! The processes of one measurement, and the CPU time they took.

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

/// A process that ends before this value does.
pub struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts a program with more arguments than its own.
    pub fn start(program: &[String], arguments: &[String]) -> Result<Self, String> {
        let (name, own) = program.split_first().ok_or("no program")?;
        let mut command = Command::new(name);
        command.args(own).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("FAST_LIB", crate::contender::root().join("target/release/libfast.so"));
        let child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        Ok(Self { child, name: name.clone() })
    }

    /// The port that a server prints.
    pub fn port(&mut self) -> Result<u16, String> {
        let output = self.child.stdout.take().ok_or("asked twice")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        let port = line.trim().strip_prefix("listening ").and_then(|port| port.parse().ok());
        port.ok_or_else(|| format!("{} printed {line:?} instead of its port", self.name))
    }

    /// What a client prints until it ends.
    pub fn report(&mut self) -> Result<serde_json::Value, String> {
        let (mut output, mut text) = (self.child.stdout.take().ok_or("asked twice")?, String::new());
        output.read_to_string(&mut text).map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| format!("{} printed {text:?}: {error}", self.name))
    }

    /// Ends its input, on which a server ends; waits for it, and gives the seconds of CPU time that it took.
    pub fn finish(mut self) -> Result<f64, String> {
        drop(self.child.stdin.take());
        let pid = Pid::from_child(&self.child);
        // Not reaped yet: its account is still there, with all of its threads.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), options).map_err(|error| format!("waiting for {}: {error}", self.name))?;
        let path = format!("/proc/{}/stat", pid.as_raw_pid());
        let stat = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("{} ended with {status}", self.name));
        }
        ticks(&stat)
            .map(|ticks| ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
            .ok_or_else(|| format!("{path} is not understood: {stat:?}"))
    }
}

/// utime and stime, which are the 12th and 13th words after the name in brackets.
fn ticks(stat: &str) -> Option<u64> {
    let mut words = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || words.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

impl Drop for Process {
    fn drop(&mut self) {
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
}
