//! `make demo`: one server per language, found through a registry, called by a client in every language; while the last client
//! runs, one server is killed and a new one started. Prints what happened and fails if any number is wrong.
//!
//! `libfast-demo [dir|zk]`. Everything it starts must have been built before (`make demo` does that).

mod check;
mod languages;
mod process;
mod report;

use languages::{CLIENTS, SERVERS, Server, command};
use libfast_testkit::ZooKeeper;
use process::Process;
use report::Row;
use serde_json::Value as Json;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a server may take to start and a client to finish; only a defect takes longer.
const LIMIT: Duration = Duration::from_secs(60);
/// When, in calls done by the paced client, the server is killed and the new one started.
const KILL_AT: u64 = 300;
const START_AT: u64 = 500;
const KILLED: &str = "c";

fn main() -> ExitCode {
    let registry = std::env::args().nth(1).unwrap_or_else(|| "dir".into());
    match run(&registry) {
        Ok(wrong) if wrong.is_empty() => {
            println!("\nall numbers are right");
            ExitCode::SUCCESS
        }
        Ok(wrong) => {
            for line in wrong {
                eprintln!("WRONG: {line}");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(registry: &str) -> Result<Vec<String>, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let zookeeper = match registry {
        "dir" => None,
        "zk" => Some(ZooKeeper::start().map_err(|error| error.to_string())?),
        other => return Err(format!("REGISTRY={other:?} is neither dir nor zk")),
    };
    let target = match &zookeeper {
        None => format!("dir://{}/calc", folder.path().display()),
        Some(zookeeper) => format!("zk://{}/demo/calc", zookeeper.connect_string()),
    };
    println!("service {target}\n");

    let mut servers = Vec::new();
    for server in SERVERS {
        servers.push(start(server, server.language, &target)?);
    }
    let mut rows = Vec::new();
    let mut wrong = Vec::new();
    for client in CLIENTS {
        let mut process = Process::start(client.language, command(client.command, &[&target]))?;
        let row = Row::parse(&process.last_line(LIMIT)?)?;
        wrong.extend(check::steady(client.language, &row, &servers));
        rows.push(row);
    }
    let (row, story) = kill_and_start(&target, &mut servers)?;
    wrong.extend(story.wrong(&row));
    rows.push(row);
    report::print(&rows);
    story.print();
    for server in &mut servers {
        if let Some(status) = server.stop(LIMIT)?.filter(|status| !status.success()) {
            wrong.push(format!("the {} server ended with {status} when it was asked to stop", server.name));
        }
    }
    Ok(wrong)
}

/// A server that runs and is announced.
pub struct Running {
    name: String,
    address: String,
    process: Process,
    killed: bool,
}

impl Running {
    /// Ends its input, which asks it to stop; `None` if it was killed before.
    fn stop(&mut self, limit: Duration) -> Result<Option<std::process::ExitStatus>, String> {
        if self.killed { Ok(None) } else { self.process.finish(limit).map(Some) }
    }
}

fn start(server: &Server, name: &str, target: &str) -> Result<Running, String> {
    let mut process = Process::start(name, command(server.command, &[target, name]))?;
    let line = process.line(LIMIT)?;
    let address =
        line.strip_prefix("listening ").ok_or_else(|| format!("the {name} server printed {line:?}"))?;
    println!("{name:>8} server  {address}");
    Ok(Running { name: name.to_owned(), address: address.to_owned(), process, killed: false })
}

/// What happened around the kill.
struct Story {
    killed_ms: u64,
    last_pick_ms: Option<u64>,
    announced_ms: u64,
    first_answer_ms: Option<u64>,
}

/// The name of the server that is started while the client runs.
const NEW: &str = "rust-2";

fn kill_and_start(target: &str, servers: &mut Vec<Running>) -> Result<(Row, Story), String> {
    let rust = SERVERS.iter().find(|server| server.language == "rust").ok_or("no Rust server")?;
    let client = command(languages::PACED_CLIENT, &[target, "--paced"]);
    let mut client = Process::start("rust", client)?;
    let mut story = Story { killed_ms: 0, last_pick_ms: None, announced_ms: 0, first_answer_ms: None };
    let mut killed_address = String::new();
    loop {
        let line = client.line(LIMIT)?;
        let said: Json =
            serde_json::from_str(&line).map_err(|error| format!("the client printed {line:?}: {error}"))?;
        if said["first"] == NEW {
            story.first_answer_ms = said["at_ms"].as_u64();
        }
        match said["done"].as_u64() {
            Some(KILL_AT) => {
                let victim =
                    servers.iter_mut().find(|server| server.name == KILLED).ok_or("nobody to kill")?;
                story.killed_ms = now_ms();
                victim.process.kill()?;
                victim.killed = true;
                killed_address = victim.address.clone();
            }
            Some(START_AT) => {
                servers.push(start(rust, NEW, target)?);
                story.announced_ms = now_ms();
            }
            _ => {}
        }
        if said["language"].is_string() {
            story.last_pick_ms = said["last_pick_ms"][&killed_address].as_u64();
            return Ok((Row::parse(&line)?, story));
        }
    }
}

impl Story {
    const UNUSED_AFTER_MS: u64 = 100;
    const USED_AFTER_MS: u64 = 500;

    fn print(&self) {
        let after = |from: u64, to: Option<u64>| match to {
            None => "never".to_owned(),
            Some(to) if to < from => format!("{} ms before", from - to),
            Some(to) => format!("{} ms after", to - from),
        };
        println!("\nwhile the paced Rust client ran:");
        println!(
            "  the {KILLED} server was killed; its last call was chosen {} that",
            after(self.killed_ms, self.last_pick_ms)
        );
        println!(
            "  {NEW} was started; it answered its first call {} it was announced",
            after(self.announced_ms, self.first_answer_ms)
        );
    }

    fn wrong(&self, row: &Row) -> Vec<String> {
        let mut wrong = check::calls("rust, with a kill", row);
        if self.last_pick_ms.is_none_or(|at| at > self.killed_ms + Self::UNUSED_AFTER_MS) {
            wrong.push(format!(
                "the killed server was chosen {} ms after the kill or later",
                Self::UNUSED_AFTER_MS
            ));
        }
        if self.first_answer_ms.is_none_or(|at| at > self.announced_ms + Self::USED_AFTER_MS) {
            wrong.push(format!("the new server got no call within {} ms", Self::USED_AFTER_MS));
        }
        wrong
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
