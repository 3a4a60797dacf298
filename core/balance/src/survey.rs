//! What the endpoints have in common, looked at now and then instead of at every pick.

use crate::{EndpointSet, Moment, State};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Facts about all endpoints together, at most [`Survey::FRESH`] old.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The set that was looked at.
    of: AtomicU64,
    at: AtomicU64,
    /// Nanoseconds as the bits of an f64.
    typical: AtomicU64,
    notes: AtomicU8,
}

const PANIC: u8 = 1;
const NEAR: u8 = 1 << 1;
/// What an endpoint is expected to take where none has been measured, as in Linkerd. Only for the look of it: all
/// are alike then.
const UNKNOWN_NS: f64 = 30e6;
/// Looking at more than so many for what is typical would tell little more.
const SAMPLES: usize = 256;

impl Default for Survey {
    fn default() -> Self {
        Self {
            of: AtomicU64::new(u64::MAX),
            at: AtomicU64::new(0),
            typical: AtomicU64::new(UNKNOWN_NS.to_bits()),
            notes: AtomicU8::new(0),
        }
    }
}

impl Survey {
    /// 100 ms: short beside the time in which anything is decided from it.
    const FRESH: Duration = Duration::from_millis(100);

    /// Looks again if that was too long ago, or another set is there. One thread does, others go on with what is known.
    pub fn refresh<T>(&self, set: &EndpointSet<T>, now: Moment) {
        let at = self.at.load(Relaxed);
        let is_fresh =
            self.of.load(Relaxed) == set.id && now.nanos_since(Moment(at)) < Self::FRESH.as_nanos() as u64;
        if is_fresh || self.at.compare_exchange(at, now.0, Relaxed, Relaxed).is_err() {
            return;
        }
        self.of.store(set.id, Relaxed);
        let ready = |positions: &[u32]| {
            let is_ready = |at: &&u32| set.members[**at as usize].load.state() == State::Ready;
            positions.iter().filter(is_ready).count() as f64
        };
        let (open, near) = (&set.open.positions, &set.near.positions);
        let panics = ready(open) < set.options.ejection.panic * open.len() as f64;
        let is_near = !near.is_empty() && ready(near) >= set.options.zone_ready * near.len() as f64;
        self.notes.store(if panics { PANIC } else { 0 } | if is_near { NEAR } else { 0 }, Relaxed);
        let step = open.len().div_ceil(SAMPLES).max(1);
        let latency = |&at: &u32| set.members[at as usize].load.latency_ns(now);
        let mut known: Vec<f64> = open.iter().step_by(step).filter_map(latency).collect();
        let middle = known.len() / 2;
        let typical = match known.is_empty() {
            true => UNKNOWN_NS,
            false => *known.select_nth_unstable_by(middle, f64::total_cmp).1,
        };
        self.typical.store(typical.to_bits(), Relaxed);
    }

    /// What is known is wrong from now on.
    pub fn outdate(&self) {
        self.of.store(u64::MAX, Relaxed);
    }

    /// The middle one of the known latencies: what a new endpoint is taken for, so that it is neither shunned nor flooded.
    #[inline]
    pub fn typical_ns(&self) -> f64 {
        f64::from_bits(self.typical.load(Relaxed))
    }

    /// Whether too few are ready for ejection to be heeded.
    #[inline]
    pub fn panics(&self) -> bool {
        self.notes.load(Relaxed) & PANIC != 0
    }

    /// Whether those of the own zone can serve it.
    #[inline]
    pub fn prefers_near(&self) -> bool {
        self.notes.load(Relaxed) & NEAR != 0
    }
}
