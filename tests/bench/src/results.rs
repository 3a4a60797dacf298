//! What was measured, and the file it is kept in.

use crate::contender::Contender;
use crate::counts::Count;
use crate::growth::Point;
use crate::memory::Memory;
use crate::options::Options;
use crate::{machine, versions};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::time::SystemTime;

/// All of it, with when, where and with what.
#[derive(Serialize, Deserialize)]
pub struct Results {
    pub schema: String,
    /// Milliseconds since 1970.
    pub started_ms: u64,
    pub machine: Map<String, Value>,
    pub versions: Map<String, Value>,
    pub rounds: usize,
    /// For how long each client measured.
    pub seconds: f64,
    /// In the order of the tables.
    pub contenders: Vec<String>,
    pub workloads: Vec<String>,
    pub runs: Vec<Run>,
    pub failures: Vec<Failure>,
    pub counts: Vec<Count>,
    pub growth: Vec<Point>,
    pub memory: Vec<Memory>,
}

/// What one client reported.
#[derive(Serialize, Deserialize)]
pub struct Run {
    pub contender: String,
    pub workload: String,
    /// From 0 on.
    pub round: usize,
    #[serde(flatten)]
    pub figures: Map<String, Value>,
}

/// A run without figures.
#[derive(Serialize, Deserialize)]
pub struct Failure {
    pub contender: String,
    pub workload: String,
    pub round: usize,
    pub error: String,
}

/// A figure over the rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    /// None without values.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median =
            if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 };
        Some(Self { median, least, most })
    }
}

impl Results {
    /// Nothing yet, with what these contenders are and run on.
    pub fn new(contenders: &[Contender], options: &Options) -> Self {
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self {
            schema: "libfast.bench/2".into(),
            started_ms: started.map_or(0, |since| since.as_millis() as u64),
            machine: machine::machine(),
            versions: versions::versions(),
            rounds: options.rounds,
            seconds: options.seconds,
            contenders: contenders.iter().map(|contender| contender.name.into()).collect(),
            workloads: options.workloads.iter().map(|workload| workload.name.into()).collect(),
            runs: vec![],
            failures: vec![],
            counts: vec![],
            growth: vec![],
            memory: vec![],
        }
    }

    /// A figure over the rounds.
    pub fn spread(&self, contender: &str, workload: &str, figure: &str) -> Option<Spread> {
        let of = |run: &&Run| run.contender == contender && run.workload == workload;
        Spread::of(self.runs.iter().filter(of).filter_map(|run| run.figures.get(figure)?.as_f64()))
    }

    /// The median of a figure over the rounds.
    pub fn median(&self, contender: &str, workload: &str, figure: &str) -> Option<f64> {
        self.spread(contender, workload, figure).map(|spread| spread.median)
    }

    /// Keeps a failure, and says so if it is the first of its kind.
    pub fn failed(&mut self, failure: Failure) {
        let same = |old: &Failure| old.contender == failure.contender && old.workload == failure.workload;
        if !self.failures.iter().any(same) {
            eprintln!("bench: {}, {}: {}", failure.contender, failure.workload, failure.error);
        }
        self.failures.push(failure);
    }

    /// As JSON text, with a line for each run: readable, and small in a history of such files.
    pub fn json(&self) -> Result<String, String> {
        let value = serde_json::to_value(self).map_err(|error| error.to_string())?;
        let Value::Object(members) = value else { return Err("no object".into()) };
        let mut text = String::from("{\n");
        for (i, (name, value)) in members.iter().enumerate() {
            let end = if i + 1 < members.len() { ",\n" } else { "\n" };
            let _ = match value {
                Value::Array(items) if items.first().is_some_and(Value::is_object) => {
                    let lines: Vec<_> = items.iter().map(|item| format!("    {item}")).collect();
                    write!(text, "  {name:?}: [\n{}\n  ]{end}", lines.join(",\n"))
                }
                value => write!(text, "  {name:?}: {value}{end}"),
            };
        }
        Ok(text + "}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_in_the_middle() {
        let of = |values: &[f64]| Spread::of(values.iter().copied()).map(|spread| spread.median);
        assert_eq!((of(&[3.0, 1.0, 2.0]), of(&[4.0, 1.0]), of(&[])), (Some(2.0), Some(2.5), None));
    }
}
