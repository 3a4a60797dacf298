//! What one thread, or all of them, counted.

use super::failure::{Failure, Failures};
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// What was counted of the requests that were due within the measured time, and of those of the warm-up that failed after it.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Nanoseconds from when a request was due to its last value, of those that succeeded.
    pub latency: Histogram<u64>,
    /// The same, from when it was sent.
    pub service: Histogram<u64>,
    pub sent: u64,
    pub succeeded: u64,
    pub failed: u64,
    pub failures: Failures,
    /// Successes that came within the measured time, whenever they were due.
    pub in_time: u64,
    /// Were due and never sent, because time was over.
    pub unsent: u64,
    /// Sent later than [`LATE`] after they were due, because the thread had other things to do or no processor.
    pub late_generator: u64,
    /// As late, because as many as allowed were in flight.
    pub late_bound: u64,
    /// Most in flight at once.
    pub most_in_flight: usize,
    /// When the measurement began.
    pub began: Instant,
    /// When its last success came, or the interruption.
    pub ended: Instant,
    /// For how much of the measured time the threads ran, added up.
    pub busy: Duration,
    /// For how long that was measured, added up.
    pub watched: Duration,
    /// Why the load ended early.
    pub fatal: Option<Failure>,
    /// Whether it was told to end.
    pub interrupted: bool,
}

impl Tally {
    /// Nothing yet.
    pub fn new(began: Instant) -> Self {
        Self {
            latency: histogram(),
            service: histogram(),
            sent: 0,
            succeeded: 0,
            failed: 0,
            failures: Failures::default(),
            in_time: 0,
            unsent: 0,
            late_generator: 0,
            late_bound: 0,
            most_in_flight: 0,
            began,
            ended: began,
            busy: Duration::ZERO,
            watched: Duration::ZERO,
            fatal: None,
            interrupted: false,
        }
    }

    /// Counts a success.
    pub fn succeed(&mut self, latency: Duration, service: Duration) {
        self.succeeded += 1;
        self.latency.saturating_record(nanoseconds(latency));
        self.service.saturating_record(nanoseconds(service));
    }

    /// Counts a failure.
    pub fn fail(&mut self, failure: &Failure) {
        self.failed += 1;
        self.failures.add(failure);
    }

    /// Adds what another thread counted at the same time.
    pub fn merge(&mut self, other: Self) {
        self.latency.add(&other.latency).expect("all histograms have the same bounds");
        self.service.add(&other.service).expect("all histograms have the same bounds");
        self.failures.merge(&other.failures);
        self.sent += other.sent;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.in_time += other.in_time;
        self.unsent += other.unsent;
        self.late_generator += other.late_generator;
        self.late_bound += other.late_bound;
        self.most_in_flight += other.most_in_flight;
        self.ended = self.ended.max(other.ended);
        self.busy += other.busy;
        self.watched += other.watched;
        self.fatal = self.fatal.take().or(other.fatal);
        self.interrupted |= other.interrupted;
    }
}

/// Nanoseconds up to an hour, to three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HOUR_NS, 3).expect("the bounds are legal")
}

/// A time as histograms hold it.
pub fn nanoseconds(time: Duration) -> u64 {
    time.as_nanos().min(u128::from(HOUR_NS)) as u64
}

/// From when on a request counts as late.
pub const LATE: Duration = Duration::from_millis(1);

const HOUR_NS: u64 = 3_600_000_000_000;
