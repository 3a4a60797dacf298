//! The results as text.

use crate::Results;
use crate::contender::Contender;
use libfast_bench::{Kind, WORKLOADS, Workload};
use std::fmt::Write as _;

/// One row per contender, one column per workload.
pub fn render(contenders: &[Contender], results: &Results) -> String {
    let mut table = format!("{:16}", "");
    for workload in WORKLOADS {
        let _ = write!(table, " {:>14}", workload.name);
    }
    table.push('\n');
    for (row, contender) in contenders.iter().enumerate() {
        let _ = write!(table, "{:16}", contender.name);
        for (column, workload) in WORKLOADS.iter().enumerate() {
            let cell = results.get(&(row, column)).map_or("-".into(), |rounds| cell(workload, rounds));
            let _ = write!(table, " {cell:>14}");
        }
        table.push('\n');
    }
    table
}

fn cell(workload: &Workload, rounds: &[serde_json::Value]) -> String {
    if workload.in_flight == 1 && workload.connections == 1 && workload.kind == Kind::Echo(100) {
        return format!("{:.1}/{:.0} us", median(rounds, "p50_us"), median(rounds, "p99_us"));
    }
    let per_second = median(rounds, "per_second");
    match workload.kind {
        Kind::Echo(bytes) if bytes > 1000 => format!("{:.0} MB/s", per_second / 1e6),
        _ => format!("{:.0} k/s", per_second / 1e3),
    }
}

fn median(rounds: &[serde_json::Value], name: &str) -> f64 {
    let mut values: Vec<f64> = rounds.iter().filter_map(|round| round[name].as_f64()).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
