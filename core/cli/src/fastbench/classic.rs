//! The classic form's output, line by line as scripts for it expect.

use super::figures::ratio;
use super::live::Look;
use super::plan::{Classic, Plan};
use super::tally::Tally;
use libfast::Timestamp;
use std::time::Duration;

/// What is going to happen.
pub fn banner(plan: &Plan, classic: &Classic, now_ms: u64) -> String {
    let milliseconds = plan.duration.map(|duration| duration.as_millis());
    let how_long = match (plan.requests, milliseconds) {
        (Some(requests), None) => format!("for {requests} requests"),
        (Some(requests), Some(ms)) => format!("for {requests} requests or {ms} milliseconds"),
        (None, Some(ms)) => format!("for {ms} milliseconds"),
        (None, None) => "until killed (type CTRL-C for results)".into(),
    };
    let (time, id, workload) = (Timestamp(now_ms), std::process::id(), &classic.workload);
    format!("{time} ({now_ms}) pid {id}: running workload \"{workload}\" {how_long}")
}

/// That it begins.
pub fn established(plan: &Plan, classic: &Classic) -> String {
    format!("established {} connections to {}:{}", plan.connections, classic.host, classic.port)
}

/// What happened between two looks.
pub fn progress(now_ms: u64, since_start: Duration, last: &Look, look: &Look) -> String {
    let (seconds, ms) = (since_start.as_secs(), since_start.subsec_millis());
    let failed = look.failed - last.failed;
    let completed = look.succeeded - last.succeeded + failed;
    format!("{now_ms} {seconds:4}.{ms:03}ms  {completed} completed, {failed} failed")
}

/// The results.
pub fn summary(tally: &Tally) -> String {
    let runtime = tally.ended.duration_since(tally.began);
    let completed = tally.succeeded + tally.failed;
    let per_second = ratio(completed as f64, runtime.as_secs_f64());
    let each = ratio(completed as f64, tally.most_in_flight as f64);
    let latency = ratio(runtime.as_secs_f64(), each) * 1e6;
    let lines = [
        ("total runtime:", format!("{}.{:06}s", runtime.as_secs(), runtime.subsec_micros())),
        ("total requests completed:", format!("{completed} ({} issued)", tally.sent)),
        ("total unexpected errors:", tally.failed.to_string()),
        ("error rate:", format!("{:.2}%", ratio(tally.failed as f64, completed as f64) * 100.0)),
        ("maximum concurrency:", tally.most_in_flight.to_string()),
        ("request throughput:", format!("{per_second:.0} requests per second")),
        ("estimated average latency:", format!("{latency:.0} us")),
    ];
    let lines = lines.map(|(name, value)| format!("\n{name:<27}{value}"));
    format!("{}{}", "-".repeat(35), lines.concat())
}
