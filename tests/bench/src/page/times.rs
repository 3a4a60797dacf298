//! The times: an overview, and a table for each workload.

use super::{cell, head, row, short};
use crate::contender::is_peer;
use crate::results::{Results, Spread};
use crate::table::FLOOR;
use libfast_bench::{Kind, Workload};

pub fn render(results: &Results) -> String {
    let workloads: Vec<_> = results.workloads.iter().filter_map(|name| Workload::find(name).ok()).collect();
    if results.runs.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n## Overview\n\nMedians: `lat` is the latency, the others are throughput; in brackets how many times as good as the floor.\n\n",
    );
    let names: Vec<_> = [""].into_iter().chain(workloads.iter().map(|workload| workload.name)).collect();
    text.push_str(&head(&names));
    for contender in &results.contenders {
        let cells = workloads.iter().map(|workload| overview(results, contender, workload));
        text.push_str(&row([contender.clone()].into_iter().chain(cells)));
    }
    for workload in workloads {
        text.push_str(&details(results, workload));
    }
    text
}

fn overview(results: &Results, contender: &str, workload: &Workload) -> String {
    let Some(spread) = main_figure(results, contender, workload) else {
        return missing(results, contender, workload).into();
    };
    let ratio = better(results, workload, contender, FLOOR).map(|ratio| format!(" ({})", short(ratio)));
    figure(workload, spread.median) + &ratio.unwrap_or_default()
}

/// One workload: everything about everyone.
fn details(results: &Results, workload: &Workload) -> String {
    let able: Vec<_> = results
        .contenders
        .iter()
        .filter(|contender| {
            main_figure(results, contender, workload).is_some() || has_failed(results, contender, workload)
        })
        .collect();
    let best = best_peer(results, workload);
    let against = best.map_or("best peer: none".to_owned(), |best| format!("× best peer ({best})"));
    let mut text = format!("\n### {}\n\n{}.\n\n", workload.name, about(workload));
    let unit = if is_latency(workload) { "median" } else { "per second" };
    text.push_str(&head(&[
        "",
        unit,
        "lowest – highest",
        "p50 µs",
        "p99 µs",
        "p99.9 µs",
        "CPU µs client",
        "CPU µs server",
        "× floor",
        &against,
    ]));
    for contender in able {
        let Some(spread) = main_figure(results, contender, workload) else {
            text.push_str(&row([contender.clone(), "failed".into()].into_iter().chain(vec!["".into(); 8])));
            continue;
        };
        let of = |name| cell(results.median(contender, workload.name, name));
        let range = format!("{} – {}", figure(workload, spread.least), figure(workload, spread.most));
        text.push_str(&row([
            contender.clone(),
            figure(workload, spread.median),
            range,
            of("p50_us"),
            of("p99_us"),
            of("p999_us"),
            of("client_cpu_us_per_call"),
            of("server_cpu_us_per_call"),
            cell(better(results, workload, contender, FLOOR)),
            cell(best.and_then(|best| better(results, workload, contender, best))),
        ]));
    }
    text
}

fn about(workload: &Workload) -> String {
    let what = match workload.kind {
        Kind::Echo(bytes) if bytes > 1000 => {
            format!("{bytes} bytes there and back, counted by bytes one way")
        }
        Kind::Echo(bytes) => format!("{bytes} bytes there and back"),
        Kind::Stream(objects) => format!("{objects} small objects in each answer, counted by objects"),
    };
    format!("Connections: {}; calls under way on each: {}; {what}", workload.connections, workload.in_flight)
}

fn is_latency(workload: &Workload) -> bool {
    workload.name == "lat"
}

/// What the contenders are compared by.
fn main_figure(results: &Results, contender: &str, workload: &Workload) -> Option<Spread> {
    let name = if is_latency(workload) { "p50_us" } else { "per_second" };
    results.spread(contender, workload.name, name)
}

/// How many times as good one is as the other.
fn better(results: &Results, workload: &Workload, contender: &str, other: &str) -> Option<f64> {
    let of = |contender| main_figure(results, contender, workload).map(|spread| spread.median);
    let ratio = of(contender)? / of(other)?;
    Some(if is_latency(workload) { 1.0 / ratio } else { ratio })
}

fn best_peer<'r>(results: &'r Results, workload: &Workload) -> Option<&'r str> {
    let peers = results.contenders.iter().filter(|name| is_peer(name));
    let value = |name: &&String| {
        let median = main_figure(results, name, workload)?.median;
        Some(if is_latency(workload) { -median } else { median })
    };
    let able = peers.filter_map(|name| Some((value(&name)?, name)));
    able.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name.as_str())
}

fn has_failed(results: &Results, contender: &str, workload: &Workload) -> bool {
    results.failures.iter().any(|failure| failure.contender == contender && failure.workload == workload.name)
}

fn missing(results: &Results, contender: &str, workload: &Workload) -> &'static str {
    if has_failed(results, contender, workload) { "failed" } else { "–" }
}

fn figure(workload: &Workload, value: f64) -> String {
    match workload.kind {
        _ if is_latency(workload) => format!("{} µs", short(value)),
        Kind::Echo(bytes) if bytes > 1000 => format!("{} MB", short(value / 1e6)),
        _ if value >= 1e6 => format!("{} M", short(value / 1e6)),
        _ => format!("{} k", short(value / 1e3)),
    }
}
