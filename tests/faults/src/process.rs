//! A process of a row.

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Longest wait for a line or an end that is due.
const LIMIT: Duration = Duration::from_secs(20);

/// A process that is killed when this is dropped, also while it is stopped.
pub struct Process {
    child: Child,
    name: String,
    lines: Receiver<String>,
}

/// Called by what the rig starts: nothing outlives it, even if it is killed.
pub fn die_with_parent() {
    // Without it, the end of the input ends all but a process that is stopped.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}

impl Process {
    /// Starts a program, of which the arguments come first that are its own.
    pub fn start(program: &[String], arguments: &[String]) -> Result<Self, String> {
        let (first, own) = program.split_first().ok_or("no program")?;
        let name = format!("{first} {} {}", own.join(" "), arguments.join(" "));
        let mut command = Command::new(first);
        command.args(own).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        let output = child.stdout.take().ok_or("no output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Ok(Self { child, name, lines })
    }

    /// The next line that it prints.
    pub fn line(&self) -> Result<String, String> {
        self.lines.recv_timeout(LIMIT).map_err(|error| format!("{} says nothing: {error}", self.name))
    }

    /// Writes a line to its input.
    pub fn tell(&mut self, line: &str) -> Result<(), String> {
        let input = self.child.stdin.as_mut().ok_or("its input is closed")?;
        writeln!(input, "{line}").map_err(|error| format!("{}: {error}", self.name))
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<(), String> {
        kill_process(self.pid(), signal).map_err(|error| format!("{}: {error}", self.name))
    }

    /// Ends its input.
    pub fn end_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for its end, and says how long that took. One that does not end is killed, and that is an error.
    pub fn wait(&mut self, limit: Duration) -> Result<Duration, String> {
        let begun = Instant::now();
        while self.child.try_wait().map_err(|error| error.to_string())?.is_none() {
            if begun.elapsed() > limit {
                let _ = self.child.kill();
                return Err(format!("{} did not end within {} s", self.name, limit.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(begun.elapsed())
    }

    /// Whether it has not ended.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Its id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Its resident memory, in MiB.
    pub fn resident_mib(&self) -> f64 {
        self.memory_mib("VmRSS:")
    }

    /// The most that was resident, in MiB.
    pub fn peak_mib(&self) -> f64 {
        self.memory_mib("VmHWM:")
    }

    fn memory_mib(&self, name: &str) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
            .map_or(0.0, |kib: f64| kib / 1024.0)
    }

    /// Its open files.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }

    /// Seconds of CPU time that it took so far.
    pub fn cpu_seconds(&self) -> f64 {
        // utime and stime are the 12th and 13th words after the name in brackets.
        let stat = self.proc("stat");
        let words = stat.rsplit_once(')').map_or("", |(_, words)| words).split_whitespace().skip(11).take(2);
        let ticks: f64 = words.filter_map(|word| word.parse::<f64>().ok()).sum();
        ticks / rustix::param::clock_ticks_per_second() as f64
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
