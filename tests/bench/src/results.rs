//! What was measured, and the file it is kept in.

use crate::machine;
use crate::options::Options;
use serde_json::{Value, json};
use std::time::SystemTime;

/// The report of one client.
pub struct Measurement {
    pub contender: &'static str,
    pub workload: &'static str,
    /// From 0 on.
    pub round: usize,
    pub report: Value,
}

#[derive(Default)]
pub struct Results(pub Vec<Measurement>);

impl Results {
    /// The median of a figure over the rounds.
    pub fn median(&self, contender: &str, workload: &str, figure: &str) -> Option<f64> {
        let of = |run: &&Measurement| run.contender == contender && run.workload == workload;
        let mut values: Vec<f64> =
            self.0.iter().filter(of).filter_map(|run| run.report[figure].as_f64()).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    /// All of it, with when, where and with what.
    pub fn json(&self, options: &Options, started: SystemTime) -> Value {
        let started_ms =
            started.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let runs: Vec<Value> = self.0.iter().map(Measurement::json).collect();
        json!({
            "schema": "libfast.bench/1",
            "started_ms": started_ms,
            "machine": machine::machine(),
            "versions": machine::versions(),
            "rounds": options.rounds,
            "seconds": options.seconds,
            "runs": runs,
        })
    }
}

impl Measurement {
    fn json(&self) -> Value {
        let mut run = self.report.clone();
        run["contender"] = self.contender.into();
        run["workload"] = self.workload.into();
        run["round"] = self.round.into();
        run
    }
}
