//! Comparing endpoints.

use crate::picker::Verdict;
use crate::pool::Pool;
use crate::{EndpointSet, Load, Member, Moment, Picker};
use libfast_model::Policy;

/// One pick: what it looks at.
pub(crate) struct Scan<'p, T, F> {
    pub set: &'p EndpointSet<T>,
    pub picker: &'p Picker,
    pub now: Moment,
    pub tried: &'p F,
}

/// Up to this many endpoints all are compared; above, a few drawn at random. Comparing few among many is nearly as good,
/// but among few a draw can consist of bad ones only: with 2 of 4 slow, the best of two had the p99 of a slow one
/// (brpc#3340, measured again).
const SCAN_UP_TO: usize = 8;
const COMPARED: usize = 3;
/// Draws to find these among endpoints that are not all ready.
const DRAWS: usize = 12;
/// Costs that differ by less than this factor are alike, and one of them is drawn by weight: otherwise whoever is
/// fastest by chance takes all calls of an idle client, whatever the weights.
const ALIKE: f64 = 1.5;
/// One pick in so many takes an endpoint about which nothing was heard for long, to find out whether it has recovered.
const RETEST_ONE_IN: u32 = 100;

impl<'p, T, F: Fn(&Member<T>) -> bool> Scan<'p, T, F> {
    /// Those to choose from: the ones of the own zone, if they can serve it.
    pub fn pool(&self) -> &'p Pool {
        if self.picker.survey().prefers_near() { &self.set.near } else { &self.set.open }
    }

    pub fn consider(&self, at: usize, rng: &mut fastrand::Rng) -> Verdict {
        self.picker.consider(self.set, at, self.now, rng, self.tried)
    }

    /// Whether it may be taken, be it warm or not.
    pub fn is_usable(&self, at: usize, rng: &mut fastrand::Rng) -> bool {
        self.consider(at, rng) != Verdict::Leave
            || (self.set.members[at].load.state() == crate::State::Ready
                && !(self.tried)(&self.set.members[at]))
    }

    /// The first one drawn that may be taken.
    pub fn first(
        &self,
        rng: &mut fastrand::Rng,
        draw: impl Fn(&mut fastrand::Rng) -> usize,
    ) -> Option<usize> {
        (0..DRAWS).find_map(|_| {
            let at = draw(rng);
            (self.consider(at, rng) != Verdict::Leave).then_some(at)
        })
    }

    /// The best one that may be taken, of all or of a few.
    pub fn best(&self, rng: &mut fastrand::Rng) -> Option<usize> {
        let pool = self.pool();
        let mut candidates = Candidates::default();
        if pool.len() <= SCAN_UP_TO {
            for &at in &pool.positions {
                if let Some(now) = self.add(&mut candidates, at as usize, pool, rng) {
                    return Some(now);
                }
            }
        } else {
            for _ in 0..DRAWS {
                let drawn = pool.draw_weighted(rng);
                if let Some(now) = self.add(&mut candidates, drawn, pool, rng) {
                    return Some(now);
                }
                if candidates.count == COMPARED {
                    break;
                }
            }
        }
        let chosen = if pool.len() <= SCAN_UP_TO {
            candidates.draw(rng, |at| f64::from(self.set.members[at].endpoint.weight))?
        } else {
            candidates.cheapest()?
        };
        Some(self.spilled(chosen, rng).unwrap_or(chosen.0))
    }

    /// One of another zone, if the best of the own costs much more.
    fn spilled(&self, (_, cost): (usize, f64), rng: &mut fastrand::Rng) -> Option<usize> {
        if !self.picker.survey().prefers_near() {
            return None;
        }
        let other = self.set.open.draw_weighted(rng);
        let limit = cost / self.picker.options().zone_spill;
        let is_better = self.cost(other, &self.set.open) < limit;
        (is_better && self.consider(other, rng) == Verdict::Take).then_some(other)
    }

    /// The cheapest of `count` endpoints, or of a few of them, whether they are ready or not.
    pub fn cheapest(&self, rng: &mut fastrand::Rng, count: usize, at: impl Fn(usize) -> usize) -> usize {
        let start = rng.usize(..count);
        let (few, scan) = (count.min(COMPARED), count <= SCAN_UP_TO);
        let drawn = (0..if scan { count } else { few })
            .map(|n| at(if scan { start + n } else { rng.usize(..count) }));
        let costed = drawn.map(|at| (at, self.cost(at, &self.set.open)));
        costed.min_by(|a, b| a.1.total_cmp(&b.1)).expect("there is at least one").0
    }

    /// Adds it to the candidates. `Some`: it is to be taken at once.
    fn add(
        &self,
        candidates: &mut Candidates,
        at: usize,
        pool: &Pool,
        rng: &mut fastrand::Rng,
    ) -> Option<usize> {
        match self.consider(at, rng) {
            Verdict::TakeNow => return Some(at),
            Verdict::Leave => return None,
            Verdict::Take => {}
        }
        let load = &self.set.members[at].load;
        if load.is_stale(self.now) && rng.u32(..RETEST_ONE_IN) == 0 {
            return Some(at);
        }
        candidates.add(at, self.cost(at, pool));
        None
    }

    /// What one more call would meet there: the time that one takes, as often as calls are under way, for its weight.
    fn cost(&self, at: usize, pool: &Pool) -> f64 {
        let member = &self.set.members[at];
        let load: &Load = &member.load;
        let share = f64::from(member.endpoint.weight) / pool.mean();
        let queue = f64::from(load.in_flight()) / share + 1.0;
        if self.picker.options().policy == Policy::LeastLoaded {
            return queue;
        }
        let known = load.latency_ns(self.now).unwrap_or_else(|| self.picker.survey().typical_ns());
        known.max(load.silence(self.now).as_nanos() as f64) * queue
    }
}

/// Endpoints that may be taken, with their costs.
#[derive(Default)]
struct Candidates {
    found: [(usize, f64); SCAN_UP_TO],
    count: usize,
}

impl Candidates {
    fn add(&mut self, at: usize, cost: f64) {
        self.found[self.count] = (at, cost);
        self.count += 1;
    }

    fn found(&self) -> &[(usize, f64)] {
        &self.found[..self.count]
    }

    fn cheapest(&self) -> Option<(usize, f64)> {
        self.found().iter().copied().min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// One of those that cost about as little as the cheapest, by weight.
    fn draw(&self, rng: &mut fastrand::Rng, weight: impl Fn(usize) -> f64) -> Option<(usize, f64)> {
        let limit = self.cheapest()?.1 * ALIKE;
        let alike = || self.found().iter().copied().filter(|&(_, cost)| cost <= limit);
        let total: f64 = alike().map(|(at, _)| weight(at)).sum();
        let mut left = rng.f64() * total;
        let mut last = None;
        for candidate in alike() {
            left -= weight(candidate.0);
            last = Some(candidate);
            if left < 0.0 {
                break;
            }
        }
        last
    }
}
