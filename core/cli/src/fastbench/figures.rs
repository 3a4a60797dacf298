//! The figures of one run, as they are reported. Their names and units are those of the JSON output.

use super::plan::Plan;
use super::tally::Tally;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The figures of one run.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Successes per second of the measured time.
    pub rate: f64,
    pub measured_s: f64,
    /// Requests that were due and sent within the measured time, or sent before and failed after it began; what follows
    /// is about them.
    pub sent: u64,
    pub succeeded: u64,
    pub failed: u64,
    /// Share of failures among those that ended.
    pub error_rate: f64,
    /// Failures by the name of the server's error, or the code of the library's.
    pub errors: BTreeMap<String, u64>,
    /// Without an answer when the run ended.
    pub unanswered: u64,
    /// Due, but not sent before time was over.
    pub unsent: u64,
    pub late: Late,
    /// Share of the time that the threads of the load ran.
    pub busy: f64,
    /// Whether the load generator, rather than the server, was the limit.
    pub generator_was_bottleneck: bool,
    /// Of successes, from when they were due; without a rate, that is when they were sent. Null without successes.
    pub latency_ms: Option<Quantiles>,
    /// Of successes, from when they were sent. Null without successes.
    pub service_ms: Option<Quantiles>,
}

/// Requests that were sent more than a millisecond after they were due.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Late {
    /// Because the load generator did not get to it.
    pub generator: u64,
    /// Because as many as allowed were in flight.
    pub in_flight_bound: u64,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Quantiles {
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Figures {
    pub fn of(plan: &Plan, tally: &Tally) -> Self {
        let measured = measured(plan, tally).as_secs_f64();
        let ended = tally.succeeded + tally.failed;
        let busy = ratio(tally.busy.as_secs_f64(), tally.watched.as_secs_f64());
        let rate = ratio(tally.in_time as f64, measured);
        let too_slow = plan.rate.is_none_or(|wanted| rate < wanted * REACHED);
        let too_busy = too_slow && busy > BUSY;
        let too_late = ratio(tally.late_generator as f64, tally.sent as f64) > MOST_LATE;
        Self {
            rate,
            measured_s: measured,
            sent: tally.sent,
            succeeded: tally.succeeded,
            failed: tally.failed,
            error_rate: ratio(tally.failed as f64, ended as f64),
            errors: tally.failures.counts(),
            unanswered: tally.sent - ended,
            unsent: tally.unsent,
            late: Late { generator: tally.late_generator, in_flight_bound: tally.late_bound },
            busy,
            generator_was_bottleneck: too_busy || too_late,
            latency_ms: Quantiles::of(&tally.latency),
            service_ms: Quantiles::of(&tally.service),
        }
    }
}

impl Quantiles {
    /// Of a histogram of nanoseconds; none of an empty one.
    pub fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e6;
        let quantiles = || Self {
            mean: histogram.mean() / 1e6,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / 1e6,
        };
        (!histogram.is_empty()).then(quantiles)
    }
}

/// How long was measured.
fn measured(plan: &Plan, tally: &Tally) -> Duration {
    let until_the_last = tally.ended.duration_since(tally.began);
    match (plan.duration, plan.requests) {
        (Some(duration), None) if !tally.interrupted => duration,
        (duration, Some(requests)) if !tally.interrupted => {
            // The last one is alone in its time slot, of which its answer needs only a part.
            let scheduled = plan.rate.map_or(0.0, |rate| requests as f64 / rate);
            let scheduled = Duration::try_from_secs_f64(scheduled).unwrap_or(Duration::MAX);
            until_the_last.max(scheduled).min(duration.unwrap_or(Duration::MAX))
        }
        _ => until_the_last,
    }
}

/// A ratio, or 0 of nothing.
pub fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Share of requests that may be sent late before the load generator counts as the bottleneck.
const MOST_LATE: f64 = 0.01;
/// Share of the time above which it could not have done much more.
const BUSY: f64 = 0.95;
/// Share of the wanted rate that counts as all of it.
const REACHED: f64 = 0.99;
