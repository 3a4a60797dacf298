//! The results, written for people and for programs.

use super::bars;
use super::baseline::Change;
use super::figures::{Figures, Quantiles, ratio};
use super::live::Look;
use super::objective::Verdict;
use super::options::Format;
use super::plan::Plan;
use super::spread::{Range, Spread};
use super::tally::Tally;
use serde::Serialize;
use std::time::Duration;

/// The results of one or more runs.
#[derive(Debug, Serialize)]
pub struct Report<'r> {
    pub schema: &'static str,
    pub version: &'static str,
    pub started_ms: u64,
    pub target: &'r str,
    pub method: &'r str,
    pub mode: &'static str,
    /// Requests per second that were asked for.
    pub target_rate: Option<f64>,
    pub in_flight: usize,
    pub connections: usize,
    pub threads: usize,
    pub warm_up_s: f64,
    /// Of the run with the median throughput.
    #[serde(flatten)]
    pub figures: &'r Figures,
    /// Of several runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<Spread>,
    pub slo: Vec<Verdict>,
    pub compare: Option<Change>,
    #[serde(skip)]
    pub tally: &'r Tally,
    #[serde(skip)]
    pub all: &'r [Figures],
}

/// The name of the JSON output's form. A form only ever gains members.
pub const SCHEMA: &str = "fast.bench/1";

/// What is going to happen, for people.
pub fn banner(plan: &Plan) -> String {
    let loops = match plan.rate {
        Some(rate) => format!("open loop, {rate}/s target"),
        None => "closed loop: latencies hide queueing; use -q".into(),
    };
    let endpoints = match plan.endpoints() {
        1 => String::new(),
        endpoints => format!(" to each of {endpoints} endpoints"),
    };
    let limit = match (plan.requests, plan.duration) {
        (Some(requests), Some(duration)) => format!("{requests} requests or {duration:?}"),
        (Some(requests), None) => format!("{requests} requests"),
        (None, duration) => duration.map_or("until interrupted".into(), |duration| format!("{duration:?}")),
    };
    let warm_up = match plan.warm_up.is_zero() {
        true => String::new(),
        false => format!(", warm-up {:?} excluded", plan.warm_up),
    };
    let (in_flight, connections, threads) = (plan.in_flight, plan.connections, plan.threads);
    let (connections, threads) = (plural(connections, "connection"), plural(threads, "thread"));
    format!(
        "fastbench: {loops}, {in_flight} in flight max, {connections}{endpoints}, {threads}, {limit}{warm_up}"
    )
}

impl Report<'_> {
    /// In that format, which is not `Auto`.
    pub fn write(&self, format: Format) -> String {
        match format {
            Format::Json => serde_json::to_string(self).expect("a report is plain data"),
            Format::Csv => self.csv(),
            Format::Table | Format::Auto => self.table(),
        }
    }

    fn table(&self) -> String {
        let figures = self.figures;
        let target = self.target_rate.map_or(String::new(), |rate| format!(" of {rate}/s"));
        let mut lines = vec![format!(
            "  rate      {:.0}/s{target}   errors {} ({:.2}%)   sent {}   late {}",
            figures.rate,
            figures.failed,
            figures.error_rate * 100.0,
            figures.sent,
            figures.late.generator + figures.late.in_flight_bound,
        )];
        if self.target_rate.is_some() {
            lines.push(format!(
                "  latency   {}   from INTENDED send time",
                quantiles(figures.latency_ms.as_ref())
            ));
        }
        lines.push(format!("  service   {}   from actual send time", quantiles(figures.service_ms.as_ref())));
        lines.extend(bars::distribution(&self.tally.latency).iter().map(|line| format!("  {line}")));
        lines.extend(self.tally.failures.lines().map(|line| format!("  errors    {line}")));
        lines.extend(self.remarks().iter().map(|remark| format!("  note      {remark}")));
        if let Some(runs) = &self.runs {
            let ranges =
                [("rate", &runs.rate, "/s"), ("p50", &runs.p50_ms, "ms"), ("p99", &runs.p99_ms, "ms")];
            lines.extend(
                ranges.map(|(name, range, unit)| format!("  runs      {}", range_line(name, range, unit))),
            );
        }
        let verdict = |verdict: &Verdict| {
            format!("  SLO       {} {}", verdict.objective, if verdict.pass { "PASS" } else { "FAIL" })
        };
        lines.extend(self.slo.iter().map(verdict));
        lines.extend(self.compare.iter().map(|change| format!("  {}", change.text())));
        lines.join("\n")
    }

    /// What to know before the figures are believed.
    fn remarks(&self) -> Vec<String> {
        let figures = self.figures;
        let mut remarks = Vec::new();
        let late = figures.late;
        if late.generator + late.in_flight_bound > 0 {
            let (generator, bound) = (late.generator, late.in_flight_bound);
            remarks.push(format!(
                "sent over 1ms late: {generator} by the load generator, {bound} because {} were in flight (-c)",
                self.in_flight
            ));
        }
        if figures.unsent > 0 {
            let unsent = plural(figures.unsent as usize, "request");
            remarks.push(format!("{unsent} due and not sent before time was over"));
        }
        if figures.unanswered > 0 {
            let unanswered = plural(figures.unanswered as usize, "request");
            remarks.push(format!("{unanswered} without an answer at the end"));
        }
        if figures.generator_was_bottleneck {
            let late = ratio(late.generator as f64, figures.sent as f64) * 100.0;
            let busy = figures.busy * 100.0;
            let threads = plural(self.threads, "thread");
            remarks.push(format!(
                "the load generator was the bottleneck: {late:.1}% sent late, {threads} busy {busy:.0}% of the time; \
                 use more --threads, or another machine than the server's"
            ));
        }
        remarks
    }

    fn csv(&self) -> String {
        let mut lines = vec![CSV_HEADER.to_owned()];
        for figures in self.all {
            let late = figures.late;
            let mut fields: Vec<String> =
                [self.target_rate.unwrap_or_default(), figures.rate, figures.measured_s]
                    .iter()
                    .map(f64::to_string)
                    .collect();
            let counts =
                [figures.sent, figures.succeeded, figures.failed, figures.unanswered, figures.unsent];
            fields.extend(counts.iter().map(u64::to_string));
            fields.extend([late.generator.to_string(), late.in_flight_bound.to_string()]);
            for quantiles in [figures.latency_ms, figures.service_ms] {
                let values = quantiles
                    .map(|q| [q.mean, q.p50, q.p90, q.p99, q.p999, q.max].map(|value| value.to_string()));
                fields.extend(values.unwrap_or_default());
            }
            lines.push(fields.join(","));
        }
        lines.join("\n")
    }
}

/// Percentiles for people.
pub fn quantiles(quantiles: Option<&Quantiles>) -> String {
    let Some(&Quantiles { p50, p90, p99, p999, max, .. }) = quantiles else { return "no successes".into() };
    let [p50, p90, p99, p999, max] = [p50, p90, p99, p999, max].map(milliseconds);
    format!("p50 {p50}  p90 {p90}  p99 {p99}  p99.9 {p999}  max {max}")
}

/// What happened between two looks, for people.
pub fn progress(at: Duration, since: Duration, last: &Look, look: &Look) -> String {
    let rate = ratio((look.succeeded - last.succeeded) as f64, since.as_secs_f64());
    let latency = quantiles(Quantiles::of(&look.window).as_ref());
    format!("  {:6.1}s   {rate:.0}/s   errors {}   {latency}", at.as_secs_f64(), look.failed - last.failed)
}

/// Three digits that matter, or what is before the point.
fn milliseconds(ms: f64) -> String {
    match ms {
        ..1.0 => format!("{ms:.3}ms"),
        ..10.0 => format!("{ms:.2}ms"),
        ..100.0 => format!("{ms:.1}ms"),
        _ => format!("{ms:.0}ms"),
    }
}

fn range_line(name: &str, range: &Range, unit: &str) -> String {
    let digits = if unit == "/s" { 0 } else { 3 };
    let values: Vec<_> = range.values.iter().map(|value| format!("{value:.digits$}")).collect();
    let (median, spread) = (range.median, range.spread * 100.0);
    format!("{name:<4} {}   median {median:.digits$}{unit}  spread {spread:.1}%", values.join("  "))
}

fn plural(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

const CSV_HEADER: &str = "target_rate,rate,measured_s,sent,succeeded,failed,unanswered,unsent,late_generator,\
                          late_in_flight_bound,latency_mean_ms,latency_p50_ms,latency_p90_ms,latency_p99_ms,\
                          latency_p999_ms,latency_max_ms,service_mean_ms,service_p50_ms,service_p90_ms,service_p99_ms,\
                          service_p999_ms,service_max_ms";
