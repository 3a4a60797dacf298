//! What all rows measured, and the file it is kept in.

use crate::report::{Figure, Report, Trouble};
use crate::rig::Rig;
use crate::row::Row;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Instant, SystemTime};

/// All rows that were run, with when and where.
#[derive(Debug, Serialize, Deserialize)]
pub struct Results {
    /// The form of this file.
    pub schema: String,
    /// Milliseconds since 1970.
    pub started_ms: u64,
    /// Whether it was the long form.
    pub is_long: bool,
    /// The system and the number of CPUs.
    pub machine: String,
    /// Load of the last minute, before anything was run.
    pub load: String,
    /// In the order of the matrix.
    pub rows: Vec<Outcome>,
}

/// What came of one row.
#[derive(Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Its number.
    pub id: u32,
    /// What was broken.
    pub name: String,
    /// How.
    pub what: String,
    /// How long that took.
    pub seconds: f64,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// The errors of its calls, and how many there were of each.
    #[serde(default)]
    pub errors: BTreeMap<String, u64>,
    /// Why it could not be run here.
    pub skipped: Option<String>,
    /// Why it could not be run to its end.
    pub error: Option<String>,
}

impl Results {
    /// Nothing yet.
    pub fn new(is_long: bool) -> Self {
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let system = rustix::system::uname();
        let cpus = std::thread::available_parallelism().map_or(0, usize::from);
        let [name, release] =
            [system.sysname(), system.release()].map(|part| part.to_string_lossy().into_owned());
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            schema: "libfast.faults/1".into(),
            started_ms: started.map_or(0, |since| since.as_millis() as u64),
            is_long,
            machine: format!("{name} {release}, {cpus} CPUs"),
            load: load.split_whitespace().next().unwrap_or("–").into(),
            rows: vec![],
        }
    }
}

impl Outcome {
    /// Runs a row.
    pub fn of(row: &Row, program: &Path, is_long: bool) -> Self {
        let begun = Instant::now();
        let mut report = Report::default();
        let run = Rig::new(program.to_owned(), is_long).and_then(|rig| (row.run)(&rig, &mut report));
        let (skipped, error) = match run {
            Ok(()) => (None, None),
            Err(Trouble::Skipped(why)) => (Some(why), None),
            Err(Trouble::Failed(why)) => (None, Some(why)),
        };
        let (name, what) = (row.name.into(), row.what.into());
        let seconds = begun.elapsed().as_secs_f64();
        let Report { figures, errors } = report;
        Self { id: row.id, name, what, seconds, figures, errors, skipped, error }
    }

    /// Lines for people.
    pub fn text(&self) -> String {
        let mut text = format!("{} {} ({}), {:.0} s\n", self.id, self.name, self.what, self.seconds);
        if let Some(why) = &self.skipped {
            text.push_str(&format!("  skipped: {why}\n"));
        }
        if let Some(why) = &self.error {
            text.push_str(&format!("  FAILED: {why}\n"));
        }
        for figure in &self.figures {
            let bar = figure.bar.map_or(String::new(), |bar| {
                format!("  {bar}{}", if figure.is_met() { "" } else { "  NOT MET" })
            });
            let value = crate::report::short(figure.value);
            text.push_str(&format!("  {}: {value} {}{bar}\n", figure.name, figure.unit));
        }
        for (error, count) in &self.errors {
            text.push_str(&format!("  {count} times {error}\n"));
        }
        text
    }
}
