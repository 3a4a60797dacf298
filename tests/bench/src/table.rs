//! The results as text.

use crate::contender::Contender;
use crate::results::Results;
use libfast_bench::{Kind, Workload};
use std::fmt::Write as _;

/// The contender that the others are compared with.
pub const FLOOR: &str = "floor";

/// Two tables with a row per contender and a column per workload: the figures, and the CPU time behind them.
pub fn render(contenders: &[Contender], workloads: &[&Workload], results: &Results) -> String {
    let figures = table(contenders, workloads, |contender, workload| figure(results, contender, workload));
    let costs = table(contenders, workloads, |contender, workload| cost(results, contender, workload));
    format!(
        "Medians: lat p50/p99, else per second; how many times as good as the floor\n{figures}\n\
         CPU time of a call in microseconds, client + server\n{costs}"
    )
}

fn table(
    contenders: &[Contender],
    workloads: &[&Workload],
    cell: impl Fn(&str, &Workload) -> Option<String>,
) -> String {
    let mut table = format!("{:14}", "");
    for workload in workloads {
        let _ = write!(table, " {:>19}", workload.name);
    }
    table.push('\n');
    for contender in contenders {
        let _ = write!(table, "{:14}", contender.name);
        for workload in workloads {
            let cell = cell(contender.name, workload).unwrap_or("-".into());
            let _ = write!(table, " {cell:>19}");
        }
        table.push('\n');
    }
    table
}

fn figure(results: &Results, contender: &str, workload: &Workload) -> Option<String> {
    let of = |contender, figure| results.median(contender, workload.name, figure);
    let (text, ratio) = if workload.name == "lat" {
        let p50 = of(contender, "p50_us")?;
        let text = format!("{p50:.0}/{:.0} us", of(contender, "p99_us")?);
        (text, of(FLOOR, "p50_us").map(|floor| floor / p50))
    } else {
        let rate = of(contender, "per_second")?;
        let text = match workload.kind {
            Kind::Echo(bytes) if bytes > 1000 => format!("{:.0} MB/s", rate / 1e6),
            _ => format!("{:.1} k/s", rate / 1e3),
        };
        (text, of(FLOOR, "per_second").map(|floor| rate / floor))
    };
    Some(ratio.map_or(text.clone(), |ratio| format!("{text} {ratio:5.2}x")))
}

fn cost(results: &Results, contender: &str, workload: &Workload) -> Option<String> {
    let of = |side| results.median(contender, workload.name, side);
    Some(format!("{:.1} + {:.1}", of("client_cpu_us_per_call")?, of("server_cpu_us_per_call")?))
}
