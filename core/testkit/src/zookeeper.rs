//! One ZooKeeper server in a process of its own.

use crate::{Unavailable, zookeeper_jars};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest wait for a server to answer; a start takes about 1 s on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(30);
const STARTS: usize = 5;

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

/// How a server is started.
#[derive(Debug, Clone)]
pub struct ZooKeeperSettings {
    /// The unit of time; sessions last from 2 to 20 of it. Default 500 ms, for sessions of 1 s.
    pub tick: Duration,
}

impl Default for ZooKeeperSettings {
    fn default() -> Self {
        Self { tick: Duration::from_millis(500) }
    }
}

impl ZooKeeperSettings {
    /// Starts a server and waits until it serves.
    pub fn start(&self) -> Result<ZooKeeper, Unavailable> {
        let class_path = zookeeper_jars::class_path()?;
        let mut failure = None;
        // Another process can take the port between the choice and the start.
        for _ in 0..STARTS {
            let mut server = ZooKeeper::on_port(free_port()?, self.tick, class_path.clone())?;
            match server.launch() {
                Err(error @ Unavailable::NoAnswer(_)) => failure = Some(error),
                Err(error) => return Err(error),
                Ok(()) => return Ok(server),
            }
        }
        Err(failure.unwrap_or_else(|| Unavailable::NoAnswer("it was never started".into())))
    }
}

/// A running ZooKeeper server on 127.0.0.1. Dropping it kills the process and removes its data.
pub struct ZooKeeper {
    port: u16,
    folder: TempDir,
    class_path: String,
    process: Option<Process>,
}

struct Process {
    guard: Child,
    // Apart from `guard`, whose `wait` would close it and so have the folder removed.
    _leash: Option<ChildStdin>,
    java: Pid,
}

impl ZooKeeper {
    /// Starts a server with the default settings and waits until it serves.
    pub fn start() -> Result<Self, Unavailable> {
        ZooKeeperSettings::default().start()
    }

    /// A server that is not running yet, on a port that nobody listens on; [`restart`](Self::restart) starts it.
    pub fn stopped() -> Result<Self, Unavailable> {
        Self::on_port(free_port()?, ZooKeeperSettings::default().tick, zookeeper_jars::class_path()?)
    }

    /// `127.0.0.1:port`.
    pub fn connect_string(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills the process at once, as a crash does. Its data stays.
    pub fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // A stopped process dies of this signal too. The guard ends when it has seen the death.
        process.signal(Signal::KILL);
        let _ = process.guard.wait();
    }

    /// Stops the process where it stands: connections stay open and nothing answers. Returns when all of it stands.
    pub fn stop_process(&mut self) {
        let Some(process) = &mut self.process else { return };
        process.signal(Signal::STOP);
        while !process.has_ended() && process.runs().unwrap_or(false) {
            std::thread::yield_now();
        }
    }

    /// Lets a stopped process go on.
    pub fn cont_process(&mut self) {
        if let Some(process) = &mut self.process {
            process.signal(Signal::CONT);
        }
    }

    /// Starts the server again, after killing it if it runs, on the same port and data; waits until it serves.
    pub fn restart(&mut self) -> Result<(), Unavailable> {
        self.kill();
        self.launch()
    }

    /// Kills the server and removes what it stored, so that it knows nobody when it is restarted.
    pub fn forget(&mut self) -> Result<(), Unavailable> {
        self.kill();
        Ok(fs::remove_dir_all(self.folder.path().join("data"))?)
    }

    fn on_port(port: u16, tick: Duration, class_path: String) -> Result<Self, Unavailable> {
        let folder = tempfile::Builder::new().prefix("libfast-zookeeper-").tempdir()?;
        let config = format!(
            "tickTime={}\ndataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n\
             admin.enableServer=false\n4lw.commands.whitelist=ruok,srvr,conf\n",
            tick.as_millis(),
            folder.path().join("data").display(),
        );
        fs::write(folder.path().join("zoo.cfg"), config)?;
        Ok(Self { port, folder, class_path, process: None })
    }

    fn launch(&mut self) -> Result<(), Unavailable> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|folder| folder.join("java").is_file()) {
            return Err(Unavailable::NoJava);
        }
        self.process = Some(Process::start(self.folder.path(), &self.class_path)?);
        let limit = Instant::now() + START_LIMIT;
        while !self.serves() {
            let ended = self.process.as_mut().is_none_or(Process::has_ended);
            if ended || Instant::now() > limit {
                self.kill();
                let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                let lines: Vec<_> = log.lines().rev().take(5).collect();
                return Err(Unavailable::NoAnswer(lines.into_iter().rev().collect::<Vec<_>>().join(" / ")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Whether this very server (known by its folder) answers, and not another one that took the port.
    fn serves(&self) -> bool {
        let data = self.folder.path().join("data");
        ask(self.port, "conf").is_ok_and(|answer| answer.contains(&*data.to_string_lossy()))
            && ask(self.port, "srvr").is_ok_and(|answer| answer.contains("Mode:"))
    }
}

impl Drop for ZooKeeper {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process {
    fn start(folder: &Path, class_path: &str) -> Result<Self, Unavailable> {
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
            .args(["-cp", class_path, "org.apache.zookeeper.server.ZooKeeperServerMain"])
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

    fn has_ended(&mut self) -> bool {
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

/// Asks with a four-letter word.
fn ask(port: u16, word: &str) -> std::io::Result<String> {
    // A word that comes in the first moments of a server is never answered; asking again soon costs nothing.
    let limit = Duration::from_millis(300);
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.write_all(word.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A port below the range that the system gives to outgoing connections: a client that tries to reach a dead server
/// on a port of that range can, once in a while, connect to itself and hold the port.
fn free_port() -> Result<u16, Unavailable> {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let port = std::iter::repeat_with(|| fastrand::u16(20_000..32_000)).take(1000).find(free);
    port.ok_or_else(|| Unavailable::Refused("no port from 20000 to 32000 is free".into()))
}
