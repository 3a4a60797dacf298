//! What a running load shows of itself, written by one thread and read by the one that displays it.

use super::tally::nanoseconds;
use hdrhistogram::Histogram;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// The counts of one thread.
#[derive(Debug)]
pub struct Live {
    succeeded: AtomicU64,
    failed: AtomicU64,
    /// Latencies since the last look.
    window: Mutex<Histogram<u64>>,
}

/// What several threads did, since the start or since the last look.
#[derive(Debug, Clone)]
pub struct Look {
    /// Since the start.
    pub succeeded: u64,
    /// Since the start.
    pub failed: u64,
    /// Latencies in nanoseconds since the last look.
    pub window: Histogram<u64>,
}

impl Live {
    pub fn new() -> Self {
        Self { succeeded: AtomicU64::new(0), failed: AtomicU64::new(0), window: Mutex::new(histogram()) }
    }

    pub fn succeed(&self, latency: Duration) {
        // Only one thread writes, so nothing is lost between reading and writing.
        self.succeeded.store(self.succeeded.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.lock().saturating_record(nanoseconds(latency));
    }

    pub fn fail(&self) {
        self.failed.store(self.failed.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.window.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Look {
    /// Looks at all threads; their windows begin anew.
    pub fn at<'l>(all: impl IntoIterator<Item = &'l Live>) -> Self {
        let mut look = Self { succeeded: 0, failed: 0, window: histogram() };
        for live in all {
            look.succeeded += live.succeeded.load(Ordering::Relaxed);
            look.failed += live.failed.load(Ordering::Relaxed);
            // Exchanged, because adding it up would hold the lock, and so the load, for long.
            let empty = histogram();
            let window = std::mem::replace(&mut *live.lock(), empty);
            look.window.add(&window).expect("all histograms have the same bounds");
        }
        look
    }
}

/// To two digits, which is what can be seen.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000_000, 2).expect("the bounds are legal")
}
