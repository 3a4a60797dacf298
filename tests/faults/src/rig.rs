//! What rows are run with: servers and loads, in a folder that goes when the row ends.

use crate::ledger::Ledger;
use crate::network::Network;
use crate::process::Process;
use crate::report::{Report, Trouble};
use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest wait for anything that is bound to come.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Starts the processes of one row.
pub struct Rig {
    /// The program `faults`, with what it is started by.
    program: Vec<String>,
    folder: Arc<TempDir>,
    /// Whether it is the long form, whose times count.
    pub is_long: bool,
}

/// A server of a row.
pub struct Server {
    /// The process.
    pub process: Process,
    /// Where it listens, also after it was started again.
    pub address: String,
    program: Vec<String>,
    arguments: Vec<String>,
}

/// A client of a row.
pub struct Load {
    /// The process.
    pub process: Process,
    ledger: PathBuf,
    descriptors: usize,
}

impl Rig {
    /// With the program `faults`, which is its own servers and clients.
    pub fn new(program: PathBuf, is_long: bool) -> Result<Self, Trouble> {
        let folder = tempfile::Builder::new().prefix("libfast-faults-").tempdir()?;
        let program = vec![program.display().to_string()];
        Ok(Self { program, folder: Arc::new(folder), is_long })
    }

    /// The same, but what it starts runs in that network.
    pub fn within(&self, network: &Network) -> Self {
        let program = [network.prefix(), self.program.clone()].concat();
        Self { program, folder: self.folder.clone(), is_long: self.is_long }
    }

    /// The first in the long form, the second in the short one.
    pub fn choose<T>(&self, long: T, short: T) -> T {
        if self.is_long { long } else { short }
    }

    /// A path in the folder of the row.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a server with these arguments, and a journal.
    pub fn server(&self, name: &str, arguments: &[&str]) -> Result<Server, Trouble> {
        self.limited_server(name, &[], arguments)
    }

    /// The same with limits, as `prlimit` takes them.
    pub fn limited_server(&self, name: &str, limits: &[&str], arguments: &[&str]) -> Result<Server, Trouble> {
        let mut program = self.program.clone();
        if !limits.is_empty() {
            program.insert(0, "prlimit".into());
            program.splice(1..1, limits.iter().map(|limit| (*limit).to_owned()));
        }
        let journal = self.path(&format!("{name}.journal")).display().to_string();
        let mut all = vec!["server".to_owned(), "--journal".into(), journal];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let process = Process::start(&program, &all)?;
        let address = address(&process)?;
        Ok(Server { process, address, program, arguments: all })
    }

    /// Starts a server that does not begin to serve, and gives how long it took to end, and what it said.
    pub fn refused_server(&self, arguments: &[&str]) -> Result<(Duration, String), Trouble> {
        let (first, own) = self.program.split_first().ok_or("no program")?;
        let said = self.path("refused.said");
        let (output, errors) = (File::create(&said)?, File::options().append(true).open(&said)?);
        let mut command = Command::new(first);
        command.args(own).arg("server").args(arguments).stdin(Stdio::piped()).stdout(output).stderr(errors);
        let begun = Instant::now();
        let mut child = command.spawn()?;
        while child.try_wait()?.is_none() {
            if begun.elapsed() > LIMIT {
                let _ = child.kill();
                let _ = child.wait();
                return Err("a server that should have been refused goes on".into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok((begun.elapsed(), std::fs::read_to_string(said)?))
    }

    /// Starts that many.
    pub fn servers(&self, count: usize, arguments: &[&str]) -> Result<Vec<Server>, Trouble> {
        (0..count).map(|i| self.server(&format!("server-{i}"), arguments)).collect()
    }

    /// Starts a load, once it runs.
    pub fn load(&self, name: &str, target: &str, arguments: &[&str]) -> Result<Load, Trouble> {
        let ledger = self.path(&format!("{name}.ledger"));
        let mut all = vec!["load".to_owned(), target.into(), ledger.display().to_string()];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let process = Process::start(&self.program, &all)?;
        process.line()?;
        let descriptors = process.descriptors();
        Ok(Load { process, ledger, descriptors })
    }

    /// The load of the matrix: 2000 calls per second and 50 streams; fewer in the short form.
    pub fn usual_load(&self, target: &str) -> Result<Load, Trouble> {
        let (rate, streams) = self.choose(("2000", "50"), ("300", "20"));
        self.load("load", target, &["--rate", rate, "--streams", streams])
    }

    /// Adds what holds in every row: each call ends once, in time, with its own answer; what must not run twice does not.
    pub fn universal(&self, ledger: &Ledger, deadline_ms: f64, report: &mut Report) -> Result<(), Trouble> {
        let lost = ledger.calls().filter(|entry| entry.end_us.is_none()).count();
        report.figure("calls without an end", lost as f64, "calls").at_most(0.0).always();
        let wrong = |error: &String| error.starts_with("Wrong");
        let wrong = ledger.calls().filter(|entry| entry.error.as_ref().is_some_and(wrong)).count();
        report.figure("calls with a wrong answer", wrong as f64, "calls").at_most(0.0).always();
        let runs = self.runs()?;
        let once = ledger.calls().filter(|entry| entry.kind == crate::ledger::Kind::Once);
        let twice = once.filter(|entry| runs.get(&entry.id).is_some_and(|runs| *runs > 1)).count();
        report.figure("calls run twice that are not idempotent", twice as f64, "calls").at_most(0.0).always();
        let took = |entry: &crate::ledger::Entry| {
            entry.end_us.map_or(0.0, |end| (end - entry.start_us) as f64 / 1e3 - deadline_ms)
        };
        let longest = ledger.calls().map(took).fold(0.0, f64::max);
        report.figure("longest pause of the machine", ledger.paused_ms, "ms");
        report.figure("calls failed in it", ledger.failed_in_pause().count() as f64, "calls");
        let longest = (longest - ledger.paused_ms).max(0.0);
        report.figure("longest beyond the deadline and a pause", longest, "ms").at_most(50.0);
        Ok(())
    }

    /// Whether the server of that name has run any call.
    pub fn has_run(&self, name: &str) -> Result<bool, Trouble> {
        Ok(self.path(&format!("{name}.journal")).metadata()?.len() > 0)
    }

    /// How often each call ran, by its id.
    pub fn runs(&self) -> Result<HashMap<u64, u32>, Trouble> {
        let mut runs = HashMap::new();
        for file in self.folder.path().read_dir()? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "journal") {
                let bytes = std::fs::read(path)?;
                let (ids, _) = bytes.as_chunks::<8>();
                ids.iter().for_each(|id| *runs.entry(u64::from_le_bytes(*id)).or_default() += 1);
            }
        }
        Ok(runs)
    }
}

/// Waits until it is so, for as long as anything takes that is bound to come.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> Result<bool, Trouble>) -> Result<(), Trouble> {
    let limit = Instant::now() + LIMIT;
    while !condition()? {
        if Instant::now() > limit {
            return Err(format!("it was waited in vain: {what}").into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The target that names all of them.
pub fn target(servers: &[Server]) -> String {
    servers.iter().map(|server| server.address.as_str()).collect::<Vec<_>>().join(",")
}

fn address(process: &Process) -> Result<String, String> {
    let line = process.line()?;
    line.strip_prefix("listening ").map(str::to_owned).ok_or_else(|| format!("it said {line:?}"))
}

impl Server {
    /// Starts it again where it was, after it has ended.
    pub fn restart(&mut self) -> Result<(), Trouble> {
        let mut arguments = self.arguments.clone();
        arguments.extend(["--option".into(), format!("listen={}", self.address)]);
        self.process = Process::start(&self.program, &arguments)?;
        address(&self.process)?;
        Ok(())
    }
}

impl Load {
    /// Waits until all of these are endpoints of it.
    pub fn wait_for(&mut self, servers: &[Server]) -> Result<(), Trouble> {
        for server in servers {
            let what = format!("a load knows {}", server.address);
            wait_until(&what, || self.ask("knows", &server.address))?;
        }
        Ok(())
    }

    /// How many of these were not among its endpoints at some time after they first were, or never were.
    pub fn given_up(&mut self, servers: &[Server]) -> Result<usize, Trouble> {
        let mut count = 0;
        for server in servers {
            count += usize::from(self.ask("gave-up", &server.address)?);
        }
        Ok(count)
    }

    fn ask(&mut self, word: &str, address: &str) -> Result<bool, Trouble> {
        self.process.tell(&format!("{word} {address}"))?;
        let line = self.process.line()?;
        let answer = line.strip_prefix(word).and_then(|answer| answer.trim_start().parse().ok());
        Ok(answer.ok_or_else(|| format!("a load that was asked \"{word} {address}\" said {line:?}"))?)
    }

    /// Ends it; gives its calls, and adds whether it kept descriptors.
    pub fn finish(mut self, report: &mut Report) -> Result<Ledger, Trouble> {
        let more = self.process.descriptors() as f64 - self.descriptors as f64;
        report.figure("descriptors more at the end", more, "").at_most(16.0).always();
        self.process.end_input();
        let line = self.process.line()?;
        let paused = line.strip_prefix("paused ").and_then(|words| words.split_once(' '));
        let paused = paused.and_then(|(us, until)| Some((us.parse::<f64>().ok()?, until.parse().ok()?)));
        self.process.wait(Duration::from_secs(30))?;
        let mut ledger = Ledger::read(&self.ledger)?;
        let (paused_us, until) = paused.ok_or_else(|| format!("a load said {line:?}"))?;
        (ledger.paused_ms, ledger.paused_until_us) = (paused_us / 1e3, until);
        ledger.calls().filter_map(|entry| entry.error.as_ref()).for_each(|error| report.error(error));
        Ok(ledger)
    }
}
