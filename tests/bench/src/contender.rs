//! A server and a client to be measured, each a process of its own.

use libfast_bench::Workload;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

pub struct Contender {
    pub name: &'static str,
    server: Vec<String>,
    client: Vec<String>,
}

/// Those that can run here.
pub fn all() -> Result<Vec<Contender>, String> {
    let own = |name: &str| -> Result<String, String> {
        let mut path: PathBuf = std::env::current_exe().map_err(|error| error.to_string())?;
        path.set_file_name(name);
        Ok(path.display().to_string())
    };
    let same = |name: &'static str, program: &str| -> Result<Contender, String> {
        let program = vec![own(program)?];
        Ok(Contender { name, server: program.clone(), client: program })
    };
    Ok(vec![same("raw", "raw")?, same("floor", "floor")?, same("libfast", "libfast")?])
}

impl Contender {
    /// One measurement: the client's report.
    pub fn run(&self, workload: &Workload, seconds: f64) -> Result<serde_json::Value, String> {
        let mut server = Server::start(&self.server)?;
        let port = server.port()?;
        let mut client = command(&self.client);
        client.args(["client", &port.to_string(), workload.name, &seconds.to_string()]);
        let output = client.stderr(Stdio::inherit()).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("the client ended with {}", output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| format!("the client's report: {error}"))
    }
}

fn command(program: &[String]) -> Command {
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]);
    command
}

/// A running server. Dropping it ends its input, on which it ends, and waits for it.
struct Server(Child);

impl Server {
    fn start(program: &[String]) -> Result<Self, String> {
        let mut command = command(program);
        command.arg("server").stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().map(Self).map_err(|error| format!("{}: {error}", program[0]))
    }

    fn port(&mut self) -> Result<u16, String> {
        let output = self.0.stdout.take().ok_or("asked twice")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        let port = line.trim().strip_prefix("listening ").and_then(|port| port.parse().ok());
        port.ok_or_else(|| format!("the server printed {line:?}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
