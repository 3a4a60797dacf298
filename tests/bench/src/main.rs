//! Runs the contenders in turn and prints one table.
//!
//! Ratios of one run hold; absolute figures move with the machine. So every contender runs each workload once per round, in
//! turn, and a figure is the median of the rounds.

#![forbid(unsafe_code)]

mod contender;
mod table;

use contender::Contender;
use libfast_bench::WORKLOADS;
use std::collections::BTreeMap;

/// Per contender and workload, the results of the rounds.
type Results = BTreeMap<(usize, usize), Vec<serde_json::Value>>;

fn main() -> Result<(), String> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let quick = std::env::var_os("QUICK").is_some();
    let (rounds, seconds) = if quick { (3, 0.5) } else { (5, 2.0) };
    let contenders: Vec<Contender> = contender::all()?
        .into_iter()
        .filter(|contender| wanted.is_empty() || wanted.iter().any(|name| *name == contender.name))
        .collect();
    let mut results = Results::new();
    for round in 0..rounds {
        for (column, workload) in WORKLOADS.iter().enumerate() {
            for (row, contender) in contenders.iter().enumerate() {
                match contender.run(workload, seconds) {
                    Ok(result) => results.entry((row, column)).or_default().push(result),
                    Err(error) if round == 0 => eprintln!("{} {}: {error}", contender.name, workload.name),
                    Err(_) => {}
                }
            }
        }
    }
    print!("{}", table::render(&contenders, &results));
    Ok(())
}
