//! What became of the calls of one run or of many.

use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum End {
    Answered,
    Failed,
    TimedOut,
    /// No endpoint was there.
    Unsent,
}

#[derive(Clone, Copy)]
pub struct Record {
    pub server: usize,
    /// Since the start of the run.
    pub began: Duration,
    pub took: Duration,
    pub end: End,
}

#[derive(Default)]
pub struct Records(pub Vec<Record>);

impl Records {
    /// Those that began in that part of the run.
    pub fn between(&self, from: Duration, to: Duration) -> Self {
        Self(self.0.iter().filter(|call| call.began >= from && call.began < to).copied().collect())
    }

    pub fn after(&self, from: Duration) -> Self {
        self.between(from, Duration::MAX)
    }

    /// The part that went to a server.
    pub fn share(&self, server: usize) -> f64 {
        self.count(|call| call.server == server) as f64 / self.0.len().max(1) as f64
    }

    pub fn count(&self, which: impl Fn(&Record) -> bool) -> usize {
        self.0.iter().filter(|call| which(call)).count()
    }

    /// Calls of each of so many servers.
    pub fn per_server(&self, servers: usize) -> Vec<f64> {
        let mut counts = vec![0.0; servers];
        self.0.iter().for_each(|call| counts[call.server] += 1.0);
        counts
    }
}

/// Latencies of any number of calls, in steps of 2 %.
pub struct Latencies {
    counts: Vec<u64>,
    all: u64,
}

const STEP: f64 = 1.02;

impl Latencies {
    pub fn new() -> Self {
        Self { counts: vec![0; 1500], all: 0 }
    }

    pub fn add(&mut self, records: &Records) {
        for call in &records.0 {
            let step = (call.took.as_secs_f64() * 1e6).max(1.0).log(STEP) as usize;
            self.counts[step.min(1499)] += 1;
            self.all += 1;
        }
    }

    /// The latency in milliseconds that this part of the calls did not exceed.
    pub fn quantile(&self, part: f64) -> f64 {
        let mut left = (self.all as f64 * part).ceil();
        let step = self.counts.iter().position(|&count| {
            left -= count as f64;
            left <= 0.0
        });
        STEP.powi(step.map_or(1500, |step| step as i32 + 1)) / 1e3
    }
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The largest against the mean.
pub fn max_to_mean(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max) / mean(values)
}

/// The standard deviation against the mean.
pub fn variation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    (squares / values.len() as f64).sqrt() / mean
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
