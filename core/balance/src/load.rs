//! What is known about one endpoint from the calls made to it.

use crate::Moment;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Whether an endpoint is worth an attempt now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing speaks against it.
    Ready,
    /// Its last connection failed; it is tried only if no other endpoint is left.
    Suspended,
}

/// In-flight count and latency of one endpoint. Updated from many threads without locks: an update that is lost to
/// a race costs one sample of many.
///
/// The latency is a peak-sensitive moving average: it rises at once to a slower sample and falls with time constant
/// [`Load::DECAY`], as in Finagle's and Linkerd's peak-EWMA. A failed call counts as slow, or a server that fails fast
/// would look like the fastest and attract everything.
#[derive(Debug, Default)]
pub struct Load {
    in_flight: AtomicU32,
    /// Nanoseconds as the bits of an f64; 0 until the first sample.
    latency: AtomicU64,
    sampled_at: AtomicU64,
    suspended: AtomicBool,
    picks: AtomicU64,
    failures: AtomicU64,
}

impl Load {
    /// Time in which the influence of an old sample falls to 1/e.
    pub const DECAY: Duration = Duration::from_secs(10);
    /// What a failed call counts as, at least and at most.
    const FAILURE_FLOOR_NS: f64 = 100e6;
    const FAILURE_CEILING_NS: f64 = 30e9;

    /// An attempt starts. Call it before anything is awaited, or a burst of callers all see the same idle endpoint.
    pub fn begin(&self) {
        self.in_flight.fetch_add(1, Relaxed);
        self.picks.fetch_add(1, Relaxed);
    }

    /// An attempt ended with an answer after `latency`.
    pub fn succeed(&self, now: Moment, latency: Duration) {
        self.in_flight.fetch_sub(1, Relaxed);
        self.sample(now, latency.as_nanos() as f64);
    }

    /// An attempt failed for a reason that lies with the endpoint.
    pub fn fail(&self, now: Moment) {
        self.in_flight.fetch_sub(1, Relaxed);
        self.failures.fetch_add(1, Relaxed);
        let doubled = f64::from_bits(self.latency.load(Relaxed)) * 2.0;
        self.sample(now, doubled.clamp(Self::FAILURE_FLOOR_NS, Self::FAILURE_CEILING_NS));
    }

    /// An attempt ended in a way that says nothing about the endpoint, such as the caller's change of mind.
    pub fn forget(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// Attempts under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// Attempts begun, ever.
    pub fn picks(&self) -> u64 {
        self.picks.load(Relaxed)
    }

    /// Attempts failed, ever.
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// Whether it is worth an attempt.
    pub fn standing(&self) -> Standing {
        if self.suspended.load(Relaxed) { Standing::Suspended } else { Standing::Ready }
    }

    /// Says whether it is worth an attempt.
    pub fn set_standing(&self, standing: Standing) {
        self.suspended.store(standing == Standing::Suspended, Relaxed);
    }

    /// The latency expected now, in nanoseconds, or `None` before the first sample.
    pub fn latency_ns(&self, now: Moment) -> Option<f64> {
        let latency = f64::from_bits(self.latency.load(Relaxed));
        let age = now.0.saturating_sub(self.sampled_at.load(Relaxed));
        (latency > 0.0).then(|| latency * decay(age))
    }

    fn sample(&self, now: Moment, sample: f64) {
        let before = f64::from_bits(self.latency.load(Relaxed));
        let age = now.0.saturating_sub(self.sampled_at.swap(now.0, Relaxed));
        let keep = if before > 0.0 { decay(age) } else { 0.0 };
        let latency = if sample > before { sample } else { before * keep + sample * (1.0 - keep) };
        // A sample of zero would read as "never sampled".
        self.latency.store(latency.max(1.0).to_bits(), Relaxed);
    }
}

fn decay(age_ns: u64) -> f64 {
    (-(age_ns as f64) / Load::DECAY.as_nanos() as f64).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn latency_rises_at_once_and_falls_slowly() {
        let load = Load::default();
        load.begin();
        load.succeed(Moment(0), Duration::from_millis(1));
        load.begin();
        load.succeed(Moment(MS), Duration::from_millis(50));
        assert!(load.latency_ns(Moment(MS)).unwrap() >= 50e6);
        load.begin();
        load.succeed(Moment(2 * MS), Duration::from_millis(1));
        assert!(load.latency_ns(Moment(2 * MS)).unwrap() > 49e6);
        assert!(load.latency_ns(Moment(20_000 * MS)).unwrap() < 10e6);
    }

    #[test]
    fn a_fast_failure_counts_as_slow() {
        let load = Load::default();
        load.begin();
        load.fail(Moment(0));
        assert!(load.latency_ns(Moment(0)).unwrap() >= Load::FAILURE_FLOOR_NS);
        assert_eq!((load.in_flight(), load.failures()), (0, 1));
    }

    #[test]
    fn a_forgotten_attempt_leaves_no_sample() {
        let load = Load::default();
        load.begin();
        load.forget();
        assert_eq!((load.in_flight(), load.latency_ns(Moment(0))), (0, None));
    }
}
