//! What the endpoints have in common, looked at now and then instead of at every pick.

use crate::{EndpointSet, Moment, State};
use std::sync::atomic::{
    AtomicU8, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;

/// Facts about all endpoints together, at most [`Survey::FRESH`] old.
#[derive(Debug)]
pub(crate) struct Survey {
    /// The set that was looked at, or a mark: it has to be looked at.
    of: AtomicU64,
    /// How many marks there were. Each is another one, so that who has looked meanwhile notices.
    marks: AtomicU64,
    at: AtomicU64,
    /// Nanoseconds as the bits of an f64.
    typical: AtomicU64,
    notes: AtomicU8,
}

/// Beyond the numbers of sets.
const MARK: u64 = 1 << 63;
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
            of: AtomicU64::new(MARK),
            marks: AtomicU64::new(1),
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
        let (of, at) = (self.of.load(Acquire), self.at.load(Relaxed));
        let is_fresh = of == set.id && now.nanos_since(Moment(at)) < Self::FRESH.as_nanos() as u64;
        if is_fresh || self.at.compare_exchange(at, now.0, Relaxed, Relaxed).is_err() {
            return;
        }
        self.look(set, now, of);
    }

    /// Looks at the set, where `of` was known before.
    fn look<T>(&self, set: &EndpointSet<T>, now: Moment, of: u64) {
        let ready = |positions: &[u32]| {
            let is_ready = |at: &&u32| set.members[**at as usize].load.state() == State::Ready;
            positions.iter().filter(is_ready).count() as f64
        };
        let (open, near) = (&set.open.positions, &set.near.positions);
        let panics = ready(open) < set.options.ejection.panic * open.len() as f64;
        let is_near = !near.is_empty() && ready(near) >= set.options.zone_ready * near.len() as f64;
        self.notes.store(if panics { PANIC } else { 0 } | if is_near { NEAR } else { 0 }, Relaxed);
        let step = open.len().div_ceil(SAMPLES).max(1);
        // A penalty is nothing that calls take.
        let loads = open.iter().step_by(step).map(|&at| &set.members[at as usize].load);
        let measured = loads.filter(|load| !load.is_penalized());
        let mut known: Vec<f64> = measured.filter_map(|load| load.latency_ns(now)).collect();
        let typical = match known.len().checked_sub(1) {
            None => UNKNOWN_NS,
            Some(last) => *known.select_nth_unstable_by(last / 2, f64::total_cmp).1,
        };
        self.typical.store(typical.to_bits(), Relaxed);
        // Last, so that who finds the set here finds what is known of it. What belongs to another one, or is wrong by now, is looked
        // at again.
        if self.of.compare_exchange(of, set.id, Release, Relaxed).is_err() {
            self.outdate();
        }
    }

    /// What is known is wrong from now on.
    pub fn outdate(&self) {
        self.of.store(MARK | self.marks.fetch_add(1, Relaxed), Release);
    }

    /// The middle one of the measured latencies, of two the lower one: what a new endpoint is taken for, so that it is neither shunned nor flooded.
    #[inline]
    pub fn typical_ns(&self) -> f64 {
        f64::from_bits(self.typical.load(Relaxed))
    }

    /// Whether too few are ready for ejection to be heeded.
    #[inline]
    pub fn panics(&self) -> bool {
        self.notes.load(Relaxed) & PANIC != 0
    }

    /// Whether those of the own zone can serve it. Maybe of the set before.
    #[inline]
    pub fn prefers_near(&self) -> bool {
        self.notes.load(Relaxed) & NEAR != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BalanceOptions, Picker};
    use libfast_model::{Endpoint, Policy};
    use std::sync::Arc;

    fn listed(zones: &[&str]) -> Vec<(String, Endpoint)> {
        let endpoint = |(n, zone): (usize, &&str)| {
            let mut endpoint = Endpoint::new(format!("h:{}", n + 1).parse().unwrap());
            endpoint.zone = (*zone).to_owned();
            (n.to_string(), endpoint)
        };
        zones.iter().enumerate().map(endpoint).collect()
    }

    #[test]
    fn what_becomes_wrong_while_somebody_looks_is_looked_at_again() {
        let picker = Picker::new(Policy::P2c, 0);
        let survey = picker.survey();
        let set = EndpointSet::default().updated(listed(&["a"]), |_, _| ());
        for is_known in [false, true] {
            if is_known {
                survey.refresh(&set, Moment(1));
            }
            survey.outdate();
            let of = survey.of.load(Relaxed);
            survey.outdate();
            survey.look(&set, Moment(2), of);
            assert_ne!(survey.of.load(Relaxed), set.id, "{is_known}");
        }
        survey.refresh(&set, Moment(3));
        assert_eq!(survey.of.load(Relaxed), set.id);
    }

    /// Another thread is about to look at the new set, and this one goes on with what is known of the old one.
    #[test]
    fn a_zone_that_was_preferred_may_be_empty_or_all_there_is() {
        for (policy, _) in Policy::NAMES {
            for after in ["a", "b"] {
                let options = BalanceOptions { zone: "a".into(), ..BalanceOptions::with_policy(policy) };
                let (options, now) = (Arc::new(options), Moment(1_000_000_000));
                let picker = Picker::with_options(options.clone(), 0);
                let mut rng = fastrand::Rng::with_seed(1);
                let one = EndpointSet::new(options).updated(listed(&["a", "a", "b"]), |_, _| ());
                assert!(one.pick(&picker, now, None, &mut rng, |_| false).is_some());
                assert!(picker.survey().prefers_near());
                let two = one.updated(listed(&[after]), |_, _| ());
                picker.survey().of.store(two.id, Relaxed);
                assert!(two.pick(&picker, now, None, &mut rng, |_| false).is_some(), "{policy:?} {after}");
            }
        }
    }
}
