//! What a client measures.

use crate::Workload;
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// Time before anything counts.
const WARM_UP: Duration = Duration::from_millis(300);

/// When to count, and when to stop.
#[derive(Clone, Copy)]
pub struct Meter {
    counting: Instant,
    end: Instant,
}

impl Meter {
    /// The warm-up begins.
    pub fn start(duration: Duration) -> Self {
        let counting = Instant::now() + WARM_UP;
        Self { counting, end: counting + duration }
    }

    /// Counts one call; false once the time is over. `now` is when its answer was complete.
    pub fn count(&self, tally: &mut Tally, began: Instant, now: Instant) -> bool {
        if began >= self.counting && now <= self.end {
            // Beyond what the histogram holds is as good as its end.
            tally.latencies.saturating_record((now - began).as_nanos() as u64);
        }
        now < self.end
    }

    /// The line that the client prints.
    pub fn report(&self, tally: &Tally, workload: &Workload) -> String {
        let seconds = (self.end - self.counting).as_secs_f64();
        let at = |quantile: f64| tally.latencies.value_at_quantile(quantile) as f64 / 1e3;
        serde_json::json!({
            "per_second": (tally.latencies.len() * workload.units()) as f64 / seconds,
            "calls": tally.latencies.len(),
            "p50_us": at(0.5), "p99_us": at(0.99), "p999_us": at(0.999),
        })
        .to_string()
    }
}

/// The latencies of the calls that count, in nanoseconds.
pub struct Tally {
    latencies: Histogram<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        let most = Duration::from_secs(60).as_nanos() as u64;
        Self { latencies: Histogram::new_with_bounds(1, most, 3).expect("the bounds are legal") }
    }
}
