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
/// Latencies up to so many times the lowest one are alike, and the number of calls under way decides: otherwise whoever was
/// lucky takes all calls of an idle client, whatever the weights, and bursts wander from one to the next. Measured: shares of
/// equals vary by 2 % instead of 9 %, and one that is ten times as slow is avoided all the same.
const ALIKE: f64 = 2.0;
/// One pick in so many takes an endpoint about which nothing was heard for long, to find out whether it has recovered;
/// and one in so many if the last such call was a good sign. The first bounds what looking costs: 1 % of the calls.
const RETEST_ONE_IN: u32 = 100;
const CONFIRM_ONE_IN: u32 = 10;

impl<'p, T, F: Fn(&Member<T>) -> bool> Scan<'p, T, F> {
    /// Those to choose from: the ones of the own zone, if they can serve it.
    pub fn pool(&self) -> &'p Pool {
        if self.prefers_near() { &self.set.near } else { &self.set.open }
    }

    fn prefers_near(&self) -> bool {
        // What is known may be of the set before, which had somebody there.
        self.picker.survey().prefers_near() && self.set.near.len() > 0
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
        if let (&[only], false) = (&*pool.positions, self.prefers_near()) {
            // Whatever it costs.
            let at = only as usize;
            return (self.consider(at, rng) != Verdict::Leave).then_some(at);
        }
        let mut found = Found::default();
        if pool.len() <= SCAN_UP_TO {
            for &at in &pool.positions {
                if self.add(&mut found, at as usize, rng) {
                    return Some(at as usize);
                }
            }
            return self.cheapest_of::<SCAN_UP_TO>(&found, rng, false);
        }
        for _ in 0..DRAWS {
            let drawn = pool.draw_weighted(rng);
            // The same one three times is no choice: one in a thousand calls would go to it, however slow it is.
            if found.has(drawn) {
                continue;
            }
            if self.add(&mut found, drawn, rng) {
                return Some(drawn);
            }
            if found.count == COMPARED {
                break;
            }
        }
        self.cheapest_of::<COMPARED>(&found, rng, true)
    }

    /// The one of these that costs least, at most `MOST`, or one that is to be looked at again.
    #[inline]
    fn cheapest_of<const MOST: usize>(
        &self,
        found: &Found,
        rng: &mut fastrand::Rng,
        drawn: bool,
    ) -> Option<usize> {
        let mut candidates = [Candidate::default(); MOST];
        for (candidate, &at) in candidates.iter_mut().zip(&found.at[..found.count]) {
            let at = at as usize;
            if self.is_to_be_retested(at, rng) {
                return Some(at);
            }
            *candidate = self.cost(at);
        }
        let chosen = cheapest(&candidates[..found.count], rng, drawn)?;
        Some(self.spilled(chosen, rng).unwrap_or(chosen.at))
    }

    /// One of another zone, if the best of the own costs much more.
    fn spilled(&self, chosen: Candidate, rng: &mut fastrand::Rng) -> Option<usize> {
        if !self.prefers_near() {
            return None;
        }
        let other = self.set.open.draw_weighted(rng);
        let is_better = self.cost(other).cost() * self.picker.options().zone_spill < chosen.cost();
        (is_better && self.consider(other, rng) != Verdict::Leave).then_some(other)
    }

    /// The cheapest of `count` endpoints, or of a few of them, whether they are ready or not.
    pub fn cheapest(&self, rng: &mut fastrand::Rng, count: usize, at: impl Fn(usize) -> usize) -> usize {
        let start = rng.usize(..count);
        let (few, scan) = (count.min(COMPARED), count <= SCAN_UP_TO);
        let drawn = (0..if scan { count } else { few })
            .map(|n| at(if scan { start + n } else { rng.usize(..count) }));
        let costed = drawn.map(|at| self.cost(at));
        costed.min_by(|a, b| a.cost().total_cmp(&b.cost())).expect("there is at least one").at
    }

    /// Adds it to those that may be taken. True: it is to be taken at once. Only this is looked at first, at each of them: where others
    /// have written meanwhile, one is on its way here while the next one is asked for.
    #[inline]
    fn add(&self, found: &mut Found, at: usize, rng: &mut fastrand::Rng) -> bool {
        match self.consider(at, rng) {
            Verdict::TakeNow => return true,
            Verdict::Leave => {}
            Verdict::Take => found.add(at),
        }
        false
    }

    /// Whether this call is the one that finds out how it is now.
    #[inline]
    fn is_to_be_retested(&self, at: usize, rng: &mut fastrand::Rng) -> bool {
        let load = &self.set.members[at].load;
        if !load.is_stale(self.now) {
            return false;
        }
        let one_in = if load.is_improving() { CONFIRM_ONE_IN } else { RETEST_ONE_IN };
        rng.u32(..one_in) == 0
    }

    /// What one more call would meet there.
    #[inline]
    fn cost(&self, at: usize) -> Candidate {
        let member = &self.set.members[at];
        let load: &Load = &member.load;
        let share = f64::from(member.endpoint.weight) * self.set.open.per_mean();
        let calls = f64::from(load.in_flight());
        if self.picker.options().policy == Policy::LeastLoaded {
            return Candidate { at, latency: 1.0, calls, share };
        }
        let typical = || self.picker.survey().typical_ns();
        let mut known = load.latency_ns(self.now).unwrap_or_else(typical);
        if load.is_penalized() {
            // Whatever calls take here, whoever failed last is not alike to one of whom nothing is known, until that fades.
            known = known.max(typical()) + ALIKE * typical() * load.penalty_left(self.now);
        }
        Candidate { at, latency: known.max(load.silence_ns(self.now) as f64), calls, share }
    }
}

/// An endpoint that may be taken.
#[derive(Clone, Copy, Default)]
struct Candidate {
    at: usize,
    /// The time that one call takes, in nanoseconds.
    latency: f64,
    /// Calls under way.
    calls: f64,
    /// Its weight against the mean one.
    share: f64,
}

impl Candidate {
    fn cost(&self) -> f64 {
        self.latency * (self.calls + 1.0) / self.share
    }
}

/// Positions of endpoints that may be taken.
#[derive(Default)]
struct Found {
    at: [u32; SCAN_UP_TO],
    count: usize,
}

impl Found {
    #[inline]
    fn add(&mut self, at: usize) {
        self.at[self.count] = at as u32;
        self.count += 1;
    }

    #[inline]
    fn has(&self, at: usize) -> bool {
        self.at[..self.count].contains(&(at as u32))
    }
}

/// The one that costs least. Among alike ones the calls under way decide, and where these are as few, chance by weight: the least
/// of exponential variables is each one's as often as its weight says. Cut off, so that chance alone never drives a call to a
/// slow one. Those that were `drawn` were drawn by weight already.
#[inline]
fn cheapest(found: &[Candidate], rng: &mut fastrand::Rng, drawn: bool) -> Option<Candidate> {
    let alike = found.iter().map(|candidate| candidate.latency).reduce(f64::min)? * ALIKE;
    let mut cost = |candidate: &Candidate| {
        if candidate.latency > alike {
            return candidate.cost();
        }
        let chance = exponential(rng).min(2.0);
        let calls = if drawn {
            candidate.calls / candidate.share + chance
        } else {
            (candidate.calls + chance) / candidate.share
        };
        alike / ALIKE * calls
    };
    let costs = found.iter().map(|candidate| (*candidate, cost(candidate)));
    costs.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(candidate, _)| candidate)
}

/// A random number of mean one whose small values are the likeliest, as the times between independent events are: minus the
/// logarithm of an even one, read off its exponent and mantissa to within a few percent.
#[inline]
fn exponential(rng: &mut fastrand::Rng) -> f64 {
    let bits = (1.0 - rng.f64()).to_bits();
    let exponent = 1023.0 - (bits >> 52) as f64;
    let mantissa = (bits & ((1 << 52) - 1)) as f64 / (1u64 << 52) as f64;
    // log2(1 + m) is m, and a little more in the middle.
    (exponent - mantissa - 0.344 * mantissa * (1.0 - mantissa)) * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use crate::{BalanceOptions, EndpointSet, Moment, Outcome, Pick, Picker};
    use libfast_model::{Endpoint, Policy};
    use std::sync::Arc;
    use std::time::Duration;

    /// Where calls take a second, a failure is none that is quick.
    #[test]
    fn whoever_fails_looks_slower_than_the_unknown_however_slow_calls_are() {
        let options = Arc::new(BalanceOptions::with_policy(Policy::P2c));
        let (start, second) = (Moment(1_000_000_000), Duration::from_secs(1));
        for failed in [Outcome::Failed, Outcome::Refused(Duration::ZERO)] {
            let picker = Picker::with_options(options.clone(), 0);
            let listed = (1..=3).map(|n| (n.to_string(), Endpoint::new(format!("h:{n}").parse().unwrap())));
            let set = EndpointSet::new(options.clone()).updated(listed, |_, _| ());
            Pick::begin(set.members[0].clone(), start).record(Outcome::Answered, start + second);
            Pick::begin(set.members[1].clone(), start + second).record(failed, start + second);
            let mut rng = fastrand::Rng::with_seed(1);
            for _ in 0..1000 {
                let pick = set.pick(&picker, start + second, None, &mut rng, |_| false).unwrap();
                assert_ne!(pick.key, "2", "{failed:?}");
            }
            let later = start + second * 120;
            let mut pick = || set.pick(&picker, later, None, &mut rng, |_| false).unwrap().key.clone();
            let again = (0..1000).map(|_| pick()).filter(|key| key == "2").count();
            assert!(
                (100..700).contains(&again),
                "after two minutes it is one of three, and not {again} of 1000"
            );
        }
    }

    #[test]
    fn the_call_that_ends_an_ejection_may_be_one_that_leaves_the_zone() {
        let options = BalanceOptions { zone: "a".into(), ..BalanceOptions::with_policy(Policy::P2c) };
        let (options, now) = (Arc::new(options), Moment(1_000_000_000));
        let picker = Picker::with_options(options.clone(), 0);
        let listed = ["a", "b"].map(|zone| {
            let mut endpoint = Endpoint::new(format!("{zone}:1").parse().unwrap());
            endpoint.zone = zone.to_owned();
            (zone.to_owned(), endpoint)
        });
        let set = EndpointSet::new(options).updated(listed, |_, _| ());
        set.members[1].load.eject(now);
        let later = now + Duration::from_secs(60);
        let _busy: Vec<_> = (0..20).map(|_| Pick::begin(set.members[0].clone(), later)).collect();
        let mut rng = fastrand::Rng::with_seed(1);
        let mut pick = || set.pick(&picker, later, None, &mut rng, |_| false).unwrap().key.clone();
        let far = (0..100).map(|_| pick()).filter(|key| key == "b").count();
        assert_eq!(far, 1, "one call finds out, and only one");
    }
}
