//! The policies.

use crate::{EndpointSet, Member, Moment, Standing};
use libfast_model::Policy;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Up to this many endpoints all are compared; above, a few drawn at random. Comparing few among many is nearly as good,
/// but among few a draw can consist of bad ones only.
const SCAN_UP_TO: usize = 8;
const DRAWS: usize = 3;
/// What an endpoint without samples is expected to take, where no other has any either.
const UNKNOWN_LATENCY_NS: f64 = 1e6;

/// A policy with what it remembers between picks.
#[derive(Debug)]
pub struct Picker {
    policy: Policy,
    turn: AtomicUsize,
}

impl Picker {
    /// A picker; `start` is where a round begins, to be drawn at random so that clients do not move in step.
    pub fn new(policy: Policy, start: usize) -> Self {
        // Far from overflow, so that a round is never broken.
        Self { policy, turn: AtomicUsize::new(start % (1 << 16)) }
    }
}

/// How much an endpoint is wanted before load is looked at; lower is better. `None`: not at all.
fn rank<T>(member: &Member<T>) -> Option<(bool, Standing)> {
    (member.endpoint.weight > 0).then(|| (member.endpoint.draining, member.load.standing()))
}

impl<T> EndpointSet<T> {
    /// Chooses the endpoint of the next attempt. Endpoints for which `tried` is true are left out; those that are
    /// suspended or draining are taken only if no other is left. `None` if nothing is left.
    pub fn pick(
        &self,
        picker: &Picker,
        now: Moment,
        rng: &mut fastrand::Rng,
        tried: impl Fn(&Member<T>) -> bool,
    ) -> Option<&Arc<Member<T>>> {
        let ranked = |m: &Arc<Member<T>>| if tried(m) { None } else { rank(m) };
        let best = self.members.iter().filter_map(ranked).min()?;
        let candidates = self.members.iter().filter(|m| ranked(m) == Some(best));
        // Counting first keeps the pick free of allocation.
        let count = candidates.clone().count();
        let at = |n: usize| candidates.clone().nth(n % count);
        match picker.policy {
            Policy::RoundRobin => at(picker.turn.fetch_add(1, Ordering::Relaxed)),
            Policy::P2c => {
                let unknown = self.typical_latency(now);
                let cost = |m: &Arc<Member<T>>| {
                    let latency = m.load.latency_ns(now).unwrap_or(unknown);
                    latency * f64::from(m.load.in_flight() + 1) / f64::from(m.endpoint.weight)
                };
                // A random start breaks ties evenly; above the scan size every draw is independent.
                let start = rng.usize(..count);
                let scan = count <= SCAN_UP_TO;
                let drawn = |i| at(if scan { start + i } else { rng.usize(..count) });
                let draws = if scan { count } else { DRAWS };
                (0..draws).filter_map(drawn).min_by(|a, b| cost(a).total_cmp(&cost(b)))
            }
        }
    }

    /// The middle one of the known latencies: what a new endpoint is taken for, so that it is neither shunned nor
    /// flooded.
    fn typical_latency(&self, now: Moment) -> f64 {
        if self.members.iter().all(|m| m.load.latency_ns(now).is_some()) {
            return UNKNOWN_LATENCY_NS;
        }
        let mut known: Vec<f64> = self.members.iter().filter_map(|m| m.load.latency_ns(now)).collect();
        known.sort_by(f64::total_cmp);
        known.get(known.len() / 2).copied().unwrap_or(UNKNOWN_LATENCY_NS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libfast_model::Endpoint;
    use std::time::Duration;

    const NOW: Moment = Moment(1_000_000_000);

    fn set(n: usize) -> EndpointSet<()> {
        let endpoints =
            (0..n).map(|i| (i.to_string(), Endpoint::new(format!("h:{}", i + 1).parse().unwrap())));
        EndpointSet::default().updated(endpoints, |_, _| ())
    }

    fn shares(set: &EndpointSet<()>, policy: Policy, picks: usize) -> Vec<usize> {
        let (picker, mut rng) = (Picker::new(policy, 7), fastrand::Rng::with_seed(1));
        let mut counts = vec![0; set.members.len()];
        for _ in 0..picks {
            let picked = set.pick(&picker, NOW, &mut rng, |_| false).unwrap();
            counts[picked.key.parse::<usize>().unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn round_robin_is_exact() {
        assert_eq!(shares(&set(3), Policy::RoundRobin, 300), [100, 100, 100]);
    }

    #[test]
    fn p2c_spreads_over_equals_and_avoids_the_slow_and_the_busy() {
        for n in [4, 20] {
            let set = set(n);
            for member in set.members() {
                member.load.begin();
                member.load.succeed(NOW, Duration::from_millis(1));
            }
            let even = shares(&set, Policy::P2c, 1000 * n);
            assert!(even.iter().all(|&count| count > 700), "{even:?}");
            set.members[0].load.begin();
            set.members[0].load.succeed(NOW, Duration::from_millis(10));
            (0..5).for_each(|_| set.members[1].load.begin());
            let skewed = shares(&set, Policy::P2c, 1000 * n);
            assert!(skewed[0] < 50 && skewed[1] < 50, "{skewed:?}");
        }
    }

    #[test]
    fn suspended_draining_weightless_and_tried_ones_come_last_or_never() {
        let mut endpoints: Vec<_> =
            (1..=4).map(|i| (i.to_string(), Endpoint::new(format!("h:{i}").parse().unwrap()))).collect();
        endpoints[0].1.weight = 0;
        endpoints[1].1.draining = true;
        let set = EndpointSet::default().updated(endpoints, |_, _| ());
        set.members[2].load.set_standing(Standing::Suspended);
        let (picker, mut rng) = (Picker::new(Policy::P2c, 0), fastrand::Rng::with_seed(1));
        let mut tried = Vec::new();
        while let Some(member) = set.pick(&picker, NOW, &mut rng, |m| tried.contains(&m.key)) {
            tried.push(member.key.clone());
        }
        assert_eq!(tried, ["4", "3", "2"]);
    }

    #[test]
    fn an_unknown_endpoint_is_taken_for_a_typical_one() {
        let set = set(3);
        for (member, ms) in set.members.iter().zip([5, 50]) {
            member.load.begin();
            member.load.succeed(NOW, Duration::from_millis(ms));
        }
        let counts = shares(&set, Policy::P2c, 100);
        assert_eq!(counts, [100, 0, 0]);
        assert!((set.typical_latency(NOW) - 50e6).abs() < 1.0);
    }
}
