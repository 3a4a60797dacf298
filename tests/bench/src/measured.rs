//! What a client measures.

use crate::Workload;
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// Time before anything counts.
const WARM_UP: Duration = Duration::from_millis(300);

/// When to count, and when to stop.
///
/// The measured time begins and ends with the end of a call: of the first one after the warm-up, which does not count, and of
/// the first one when the duration is over since then, which does. So no part of a call is lost, however long it takes. A line is printed at
/// both, so that what the processes took in between can be told from what they took to begin and to end.
#[derive(Clone, Copy)]
pub struct Meter {
    counting: Instant,
    duration: Duration,
}

impl Meter {
    /// The warm-up begins.
    pub fn start(duration: Duration) -> Self {
        Self { counting: Instant::now() + WARM_UP, duration }
    }

    /// Counts one call; false once the time is over. `now` is when its answer was complete.
    pub fn count(&self, tally: &mut Tally, began: Instant, now: Instant) -> bool {
        tally.made += 1;
        match tally.measured {
            None if now >= self.counting => {
                println!("measuring");
                tally.measured = Some((now, now));
            }
            Some((first, last)) if last - first < self.duration => {
                tally.measured = Some((first, now));
                if now - first >= self.duration {
                    println!("measured");
                }
                // Beyond what the histogram holds is as good as its end.
                tally.latencies.saturating_record((now - began).as_nanos() as u64);
            }
            _ => {}
        }
        tally.measured.is_none_or(|(first, last)| last - first < self.duration)
    }

    /// The line that the client prints.
    pub fn report(&self, tally: &Tally, workload: &Workload) -> String {
        let seconds = tally.measured.map_or(f64::NAN, |(first, last)| (last - first).as_secs_f64());
        let at = |quantile: f64| tally.latencies.value_at_quantile(quantile) as f64 / 1e3;
        serde_json::json!({
            "per_second": (tally.latencies.len() * workload.units()) as f64 / seconds,
            "calls": tally.latencies.len(),
            "made": tally.made,
            "p50_us": at(0.5), "p99_us": at(0.99), "p999_us": at(0.999),
        })
        .to_string()
    }
}

/// The calls of a client.
pub struct Tally {
    /// Latencies of those that count, in nanoseconds.
    latencies: Histogram<u64>,
    /// All, also those of the warm-up.
    made: u64,
    /// When the measured time began, and its latest call ended.
    measured: Option<(Instant, Instant)>,
}

impl Default for Tally {
    fn default() -> Self {
        let most = Duration::from_secs(60).as_nanos() as u64;
        let latencies = Histogram::new_with_bounds(1, most, 3).expect("the bounds are legal");
        Self { latencies, made: 0, measured: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_time_begins_and_ends_with_a_call() {
        let meter = Meter::start(Duration::from_secs(1));
        let (mut tally, at) = (Tally::default(), |ms| meter.counting + Duration::from_millis(ms));
        let ends = [(0, 300), (300, 700), (700, 1299), (1299, 1700)];
        let goes_on = ends.map(|(began, ended)| meter.count(&mut tally, at(began), at(ended)));
        assert_eq!(goes_on, [true, true, true, false]);
        let report = meter.report(&tally, Workload::find("lat").expect("exists"));
        let report: serde_json::Value = serde_json::from_str(&report).expect("is JSON");
        assert_eq!(
            (&report["calls"], &report["made"], &report["per_second"]),
            (&3.into(), &4.into(), &(3.0 / 1.4).into())
        );
    }
}
