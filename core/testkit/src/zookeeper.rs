//! One ZooKeeper server in a process of its own.

use crate::zookeeper_process::Process;
use crate::{Unavailable, zookeeper_jars};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest wait for a server to answer; a start takes about 1 s on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How often other ports are tried: another process can take one between the choice and the start.
pub(crate) const STARTS: usize = 5;

/// How a server is started.
#[derive(Debug, Clone)]
pub struct ZooKeeperSettings {
    /// The unit of time; sessions last from 2 to 20 of it. Default 500 ms, for sessions of 1 s.
    pub tick: Duration,
    /// More lines of `zoo.cfg`, as in `secureClientPort=2281`. Default none.
    pub config: Vec<String>,
    /// More arguments for the virtual machine, as in `-Dzookeeper.skipACL=yes`. Default none.
    pub java: Vec<String>,
}

impl Default for ZooKeeperSettings {
    fn default() -> Self {
        Self { tick: Duration::from_millis(500), config: Vec::new(), java: Vec::new() }
    }
}

impl ZooKeeperSettings {
    /// Starts a server and waits until it serves.
    pub fn start(&self) -> Result<ZooKeeper, Unavailable> {
        let class_path = zookeeper_jars::class_path()?;
        let mut failure = None;
        for _ in 0..STARTS {
            let mut server = ZooKeeper::on_port(free_port()?, self, class_path.clone())?;
            match server.launch().and_then(|()| server.wait()) {
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
    java: Vec<String>,
    /// Its number in an ensemble.
    id: Option<usize>,
    process: Option<Process>,
}

impl ZooKeeper {
    /// Starts a server with the default settings and waits until it serves.
    pub fn start() -> Result<Self, Unavailable> {
        ZooKeeperSettings::default().start()
    }

    /// A server that is not running yet, on a port that nobody listens on; [`restart`](Self::restart) starts it.
    pub fn stopped() -> Result<Self, Unavailable> {
        Self::on_port(free_port()?, &ZooKeeperSettings::default(), zookeeper_jars::class_path()?)
    }

    /// `127.0.0.1:port`.
    pub fn connect_string(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Asks with a four-letter word: `srvr`, `conf`, `mntr`, `cons` or `ruok`. Fails if it does not answer.
    pub fn ask(&self, word: &str) -> std::io::Result<String> {
        // A word that comes in the first moments of a server is never answered; asking again soon costs nothing.
        let limit = Duration::from_millis(300);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut stream = TcpStream::connect_timeout(&address, limit)?;
        stream.set_read_timeout(Some(limit))?;
        stream.write_all(word.as_bytes())?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Kills the process at once, as a crash does. Its data stays.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Stops the process where it stands: connections stay open and nothing answers. Returns when all of it stands.
    pub fn stop_process(&mut self) {
        if let Some(process) = &mut self.process {
            process.stop();
        }
    }

    /// Lets a stopped process go on.
    pub fn cont_process(&mut self) {
        if let Some(process) = &mut self.process {
            process.go_on();
        }
    }

    /// Starts the server again, after killing it if it runs, on the same port and data; waits until it serves.
    pub fn restart(&mut self) -> Result<(), Unavailable> {
        self.kill();
        self.launch()?;
        self.wait()
    }

    /// Kills the server and removes what it stored, so that it knows nobody when it is restarted.
    pub fn forget(&mut self) -> Result<(), Unavailable> {
        self.kill();
        Ok(fs::remove_dir_all(self.folder.path().join("data"))?)
    }

    pub(crate) fn on_port(
        port: u16,
        settings: &ZooKeeperSettings,
        class_path: String,
    ) -> Result<Self, Unavailable> {
        let folder = tempfile::Builder::new().prefix("libfast-zookeeper-").tempdir()?;
        let mut config = format!(
            "tickTime={}\ndataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n\
             admin.enableServer=false\n4lw.commands.whitelist=ruok,srvr,conf,mntr,cons\n",
            settings.tick.as_millis(),
            folder.path().join("data").display(),
        );
        settings.config.iter().for_each(|line| config.extend([line, "\n"]));
        fs::write(folder.path().join("zoo.cfg"), config)?;
        Ok(Self { port, folder, class_path, java: settings.java.clone(), id: None, process: None })
    }

    /// Makes it a member of an ensemble, before its first start.
    pub(crate) fn numbered(mut self, id: usize) -> Self {
        self.id = Some(id);
        self
    }

    /// Starts the process, without waiting.
    pub(crate) fn launch(&mut self) -> Result<(), Unavailable> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|folder| folder.join("java").is_file()) {
            return Err(Unavailable::NoJava);
        }
        if let Some(id) = self.id {
            let data = self.folder.path().join("data");
            fs::create_dir_all(&data)?;
            fs::write(data.join("myid"), id.to_string())?;
        }
        self.process = Some(Process::start(self.folder.path(), &self.class_path, &self.java)?);
        Ok(())
    }

    /// Waits until it serves. One that does not is killed, and that is an error.
    pub(crate) fn wait(&mut self) -> Result<(), Unavailable> {
        let limit = Instant::now() + START_LIMIT;
        while !self.serves() {
            let ended = self.process.as_mut().is_none_or(Process::has_ended);
            if ended || Instant::now() > limit {
                self.kill();
                return Err(Unavailable::NoAnswer(self.last_words()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Whether this very server (known by its folder) answers, and not another one that took the port.
    fn serves(&self) -> bool {
        let data = self.folder.path().join("data");
        self.ask("conf").is_ok_and(|answer| answer.contains(&*data.to_string_lossy()))
            && self.mode().is_some()
    }

    /// `standalone`, `leader` or `follower`; nothing while it does not serve.
    pub(crate) fn mode(&self) -> Option<String> {
        let answer = self.ask("srvr").ok()?;
        let mode = answer.lines().find_map(|line| line.strip_prefix("Mode: "))?;
        Some(mode.to_owned())
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }
}

impl Drop for ZooKeeper {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port below the range that the system gives to outgoing connections: a client that tries to reach a dead server
/// on a port of that range can, once in a while, connect to itself and hold the port.
pub(crate) fn free_port() -> Result<u16, Unavailable> {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let port = std::iter::repeat_with(|| fastrand::u16(20_000..32_000)).take(1000).find(free);
    port.ok_or_else(|| Unavailable::Refused("no port from 20000 to 32000 is free".into()))
}
