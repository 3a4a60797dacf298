//! How far the results of several runs are apart.

use super::figures::{Figures, ratio};
use serde::Serialize;

/// The main figures of each run, and how far they are apart.
#[derive(Debug, Clone, Serialize)]
pub struct Spread {
    pub rate: Range,
    pub p50_ms: Range,
    pub p99_ms: Range,
}

/// A figure in several runs.
#[derive(Debug, Clone, Serialize)]
pub struct Range {
    /// In the order of the runs; latencies of those that had successes.
    pub values: Vec<f64>,
    pub median: f64,
    /// Highest minus lowest, as a share of the median.
    pub spread: f64,
}

impl Spread {
    pub fn of(runs: &[Figures]) -> Self {
        let latencies = || runs.iter().filter_map(|run| run.latency_ms.as_ref());
        Self {
            rate: Range::of(runs.iter().map(|run| run.rate)),
            p50_ms: Range::of(latencies().map(|latency| latency.p50)),
            p99_ms: Range::of(latencies().map(|latency| latency.p99)),
        }
    }
}

impl Range {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<_> = values.collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.get(sorted.len().div_ceil(2).saturating_sub(1));
        let (lowest, highest) = (sorted.first().copied(), sorted.last().copied());
        let median = middle.copied().unwrap_or_default();
        let width = highest.zip(lowest).map_or(0.0, |(highest, lowest)| highest - lowest);
        Self { values, median, spread: ratio(width, median) }
    }
}

/// Which run has the median throughput; of an even number the lower one in the middle.
pub fn median_run(runs: &[Figures]) -> usize {
    let mut order: Vec<_> = (0..runs.len()).collect();
    order.sort_by(|a, b| runs[*a].rate.total_cmp(&runs[*b].rate));
    order.get(runs.len().div_ceil(2).saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_relative_to_the_median() {
        let range = Range::of([100.0, 90.0, 110.0].into_iter());
        assert_eq!((range.median, range.spread), (100.0, 0.2));
        let even = Range::of([4.0, 2.0].into_iter());
        assert_eq!((even.median, even.spread), (2.0, 1.0));
        assert_eq!(Range::of([0.0].into_iter()).spread, 0.0);
    }
}
