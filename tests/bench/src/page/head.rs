//! What was measured, where, and what to make of it.

use super::row;
use crate::results::Results;
use serde_json::Value;
use std::process::Command;

/// Rounds below which a median says little.
const ENOUGH: usize = 5;
/// The load of a machine with nothing else to do.
const QUIET: f64 = 0.5;

pub fn render(results: &Results) -> String {
    let machine = |name: &str| plain(results.machine.get(name));
    let cpus = machine("cpus");
    let mut text = format!(
        "<!-- Written by `make bench`; do not edit. -->\n# Benchmarks\n\n\
         Client and server are two processes that share the {cpus} CPUs of one machine, over loopback: there is no network in \
         these figures, and at full load the two sides take CPU time from each other. All contenders ran in turn, so the ratios \
         hold; absolute figures are those of this machine. Every figure is the median of {} rounds of {} s each, after a \
         warm-up of 0.3 s. What the workloads and the contenders are: [tests/bench](../tests/bench/README.md).\n\n",
        results.rounds, results.seconds,
    );
    if results.rounds < ENOUGH {
        text.push_str("**This was a quick run: too few and too short rounds to be quoted.**\n\n");
    }
    if machine("load").parse().is_ok_and(|load: f64| load > QUIET) {
        let load = machine("load");
        let warning =
            format!("**The machine was not idle when it began (load {load}): not to be quoted.**\n\n");
        text.push_str(&warning);
    }
    text.push_str("| | |\n|---|---|\n");
    let system = ["system", "release", "machine"].map(machine).join(" ");
    for (name, value) in [
        ("date", date(results.started_ms)),
        ("CPU", format!("{}, {cpus} CPUs", machine("cpu"))),
        ("memory", machine("memory")),
        ("kernel", system),
        ("load before", machine("load")),
    ] {
        text.push_str(&row([name.into(), value]));
    }
    for (name, version) in &results.versions {
        let version = match version {
            Value::Object(peers) => {
                let named = peers.iter().map(|(name, version)| format!("{name} {}", plain(Some(version))));
                named.collect::<Vec<_>>().join(", ")
            }
            version => plain(Some(version)),
        };
        text.push_str(&row([name.clone(), version]));
    }
    text + &failures(results)
}

/// What has no figures, and why.
fn failures(results: &Results) -> String {
    if results.failures.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nFailed, and not measured:\n\n");
    let mut told = Vec::new();
    for failure in &results.failures {
        let who = (&failure.contender, &failure.workload);
        if !told.contains(&who) {
            told.push(who);
            let rounds = results.failures.iter().filter(|other| (&other.contender, &other.workload) == who);
            let error = failure.error.replace('\n', " ");
            text.push_str(&format!("* {}, {}, {} times: {error}\n", who.0, who.1, rounds.count()));
        }
    }
    text
}

fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "–".into(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn date(started_ms: u64) -> String {
    let seconds = format!("@{}", started_ms / 1000);
    let output = Command::new("date").args(["-u", "-d", &seconds, "+%Y-%m-%d %H:%M UTC"]).output();
    output.map_or(seconds, |output| String::from_utf8_lossy(&output.stdout).trim().into())
}
