//! What all rows measured, and the file it is kept in.

use crate::measured::Measured;
use crate::report::{Figure, Report, Trouble};
use crate::rig::Rig;
use crate::row::Row;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// All rows that were run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Results {
    /// The form of this file.
    pub schema: String,
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
    /// When and of what.
    pub measured: Measured,
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

impl Default for Results {
    fn default() -> Self {
        Self { schema: "libfast.faults/2".into(), rows: vec![] }
    }
}

impl Results {
    /// Fails if there are rows of the other form: the page would say of all that they are of one.
    pub fn check_form(&self, is_long: bool) -> Result<(), String> {
        let other = if is_long { "short" } else { "long" };
        match self.rows.iter().any(|row| row.measured.is_long != is_long) {
            true => Err(format!(
                "it has rows of the {other} form, and those to run are not: write them to another file"
            )),
            false => Ok(()),
        }
    }

    /// Adds a row, in the place of what was measured of it before.
    pub fn add(&mut self, outcome: Outcome) {
        self.rows.retain(|old| old.id != outcome.id);
        self.rows.push(outcome);
        self.rows.sort_by_key(|row| row.id);
    }
}

impl Outcome {
    /// Runs a row.
    pub fn of(row: &Row, program: &Path, is_long: bool) -> Self {
        let (measured, begun) = (Measured::now(is_long), Instant::now());
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
        Self { id: row.id, name, what, measured, seconds, figures, errors, skipped, error }
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
