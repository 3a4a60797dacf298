//! The process of one ZooKeeper server.

use crate::Unavailable;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Runs `java` (the arguments after the folder) and prints its process id. Kills it and removes the folder when
/// standard input closes, which also happens when the test process is killed.
const GUARD: &str = r#"
folder=$1; shift
exec 3<&0
"$@" </dev/null >>"$folder/log" 2>&1 3<&- &
java=$!
echo "$java"
exec >/dev/null
{
  cat <&3
  trap '' TERM
  kill -9 "$java"
  while kill -0 "$java"; do sleep 0.01; done
  rm -rf -- "$folder"
} 2>/dev/null &
guard=$!
wait "$java"
kill "$guard"
"#;

/// A running server, which dies with the value: its guard sees the end of its leash.
pub struct Process {
    guard: Child,
    // Apart from `guard`, whose `wait` would close it and so have the folder removed.
    _leash: Option<ChildStdin>,
    java: Pid,
}

impl Process {
    /// Runs the server that `folder/zoo.cfg` describes; `java` has more arguments for the virtual machine.
    pub fn start(folder: &Path, class_path: &str, java: &[String]) -> Result<Self, Unavailable> {
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "guard"])
            .arg(folder)
            .args(["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"])
            // Losing the last writes in a power cut is no matter here, and waiting for the disk is slow. One
            // preallocated block per log file keeps the folder small.
            .args([
                "-Dzookeeper.forceSync=no",
                "-Dzookeeper.preAllocSize=64",
                "-Dzookeeper.jmx.log4j.disable=true",
            ])
            .args(java)
            .args(["-cp", class_path, "org.apache.zookeeper.server.quorum.QuorumPeerMain"])
            .arg(folder.join("zoo.cfg"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("guard.log"))?)
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = guard.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let java = line.trim().parse().ok().and_then(Pid::from_raw);
        let java = java.ok_or_else(|| Unavailable::Refused(format!("sh said {line:?}")))?;
        Ok(Self { _leash: guard.stdin.take(), guard, java })
    }

    /// Kills it, and returns when it is dead.
    pub fn kill(mut self) {
        // A stopped process dies of this signal too. The guard ends when it has seen the death.
        self.signal(Signal::KILL);
        let _ = self.guard.wait();
    }

    /// Stops it where it stands, and returns when all of it stands.
    pub fn stop(&mut self) {
        self.signal(Signal::STOP);
        while !self.has_ended() && self.runs().unwrap_or(false) {
            std::thread::yield_now();
        }
    }

    /// Lets it go on after a stop.
    pub fn go_on(&mut self) {
        self.signal(Signal::CONT);
    }

    /// Whether it has died.
    pub fn has_ended(&mut self) -> bool {
        self.guard.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Whether any of its threads does not stand still.
    fn runs(&self) -> std::io::Result<bool> {
        for task in fs::read_dir(format!("/proc/{}/task", self.java.as_raw_pid()))? {
            // The state is the letter after the name, which is in parentheses.
            let stat = fs::read_to_string(task?.path().join("stat"))?;
            if stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('T')) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn signal(&mut self, signal: Signal) {
        // The guard outlives java, so while it runs the process id cannot be somebody else's.
        if !self.has_ended() {
            let _ = kill_process(self.java, signal);
        }
    }
}
