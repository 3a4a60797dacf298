//! The policies.

use crate::scan::Scan;
use crate::survey::Survey;
use crate::{BalanceOptions, EndpointSet, Member, Moment, State};
use libfast_model::Policy;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// A policy with what it remembers between picks.
#[derive(Debug)]
pub struct Picker {
    options: Arc<BalanceOptions>,
    turn: AtomicUsize,
    /// Turns among those that are left when the usual way found none.
    spare: AtomicUsize,
    survey: Survey,
    /// For sticky: the slot that each group of keys is at, plus one.
    places: Box<[AtomicU32]>,
    /// Held while an ejection is decided, so that two decisions together do not take out one too many.
    deciding: Mutex<()>,
}

/// What to do with an endpoint that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Take,
    /// Take it without comparison: somebody has to find out how it is.
    TakeNow,
    Leave,
}

/// Turns that are tried before all endpoints are looked at.
const TURNS: usize = 16;
/// Keys are stuck in so many groups: what a client may remember is bounded.
const PLACES: usize = 1024;

impl Picker {
    /// A picker of that policy, with defaults for all else; `start` is where a round begins, to be drawn at random so that
    /// clients do not move in step.
    pub fn new(policy: Policy, start: usize) -> Self {
        Self::with_options(Arc::new(BalanceOptions::with_policy(policy)), start)
    }

    /// As [`new`](Self::new), with all options.
    pub fn with_options(options: Arc<BalanceOptions>, start: usize) -> Self {
        let places = if options.policy == Policy::Sticky { PLACES } else { 0 };
        Self {
            options,
            // Far from overflow, so that a round is never broken.
            turn: AtomicUsize::new(start % (1 << 16)),
            spare: AtomicUsize::new(0),
            survey: Survey::default(),
            places: std::iter::repeat_with(AtomicU32::default).take(places).collect(),
            deciding: Mutex::new(()),
        }
    }

    /// What is known of the endpoints together.
    #[inline]
    pub(crate) fn survey(&self) -> &Survey {
        &self.survey
    }

    #[inline]
    pub(crate) fn options(&self) -> &BalanceOptions {
        &self.options
    }

    /// Whether the endpoint at `at` may be taken. Notes that ask for a decision are acted on here.
    pub(crate) fn consider<T>(
        &self,
        set: &EndpointSet<T>,
        at: usize,
        now: Moment,
        rng: &mut fastrand::Rng,
        tried: &impl Fn(&Member<T>) -> bool,
    ) -> Verdict {
        let member = &set.members[at];
        let health = &member.load.health;
        if tried(member) {
            return Verdict::Leave;
        }
        if health.is_plain() {
            return Verdict::Take;
        }
        if health.is_suspect() {
            self.decide(set, member, now);
        }
        if health.begin_trial(now) {
            return Verdict::TakeNow;
        }
        match self.state(member) {
            // Slow start: it takes part in that many of the picks.
            State::Ready if rng.f64() < health.warmth(now) => Verdict::Take,
            _ => Verdict::Leave,
        }
    }

    /// The state that counts: in a panic nobody is ejected.
    fn state<T>(&self, member: &Member<T>) -> State {
        match member.load.state() {
            State::Ejected if self.survey.panics() => member.load.health.state_if_in(),
            state => state,
        }
    }

    /// How much an endpoint is wanted before load is looked at; lower is better. `None`: not at all.
    fn rank<T>(&self, member: &Member<T>) -> Option<(bool, State)> {
        (member.endpoint.weight > 0).then(|| (member.endpoint.draining, self.state(member)))
    }

    /// Ejects a suspect, unless too many are out, or nobody would be left.
    fn decide<T>(&self, set: &EndpointSet<T>, suspect: &Member<T>, now: Moment) {
        // Who finds somebody deciding leaves it to them: the suspect stays one until the next pick.
        let Ok(_turn) = self.deciding.try_lock() else { return };
        if !suspect.load.health.is_suspect() {
            return;
        }
        let others = set.members.iter().filter(|member| member.is_open() && member.slot != suspect.slot);
        let (mut all, mut ejected, mut ready) = (1, 1, 0);
        for member in others {
            all += 1;
            match member.load.state() {
                State::Ejected => ejected += 1,
                State::Ready => ready += 1,
                _ => {}
            }
        }
        if ready > 0 && f64::from(ejected) <= self.options.ejection.most * f64::from(all) {
            suspect.load.eject(now);
            self.survey.outdate();
        } else {
            suspect.load.health.acquit();
        }
    }
}

impl<T> EndpointSet<T> {
    /// Chooses the endpoint of the next attempt. Endpoints for which `tried` is true are left out; those that are not
    /// ready or draining are taken only if no other is left, and an ejected one for one call when its time is over. `None` if
    /// nothing is left. `affinity` is the [`hash`](crate::hash) of what a call belongs to, for the policies `hash` and
    /// `sticky`.
    pub fn pick(
        &self,
        picker: &Picker,
        now: Moment,
        affinity: Option<u64>,
        rng: &mut fastrand::Rng,
        tried: impl Fn(&Member<T>) -> bool,
    ) -> Option<&Arc<Member<T>>> {
        picker.survey.refresh(self, now);
        let scan = Scan { set: self, picker, now, tried: &tried };
        let found = match picker.options.policy {
            _ if self.open.len() == 0 => None,
            Policy::RoundRobin => self.next(&scan, rng, |turn| scan.pool().in_turn(turn)),
            Policy::WeightedRoundRobin => self.next(&scan, rng, |turn| scan.pool().in_weighted_turn(turn)),
            Policy::Random => scan.first(rng, |rng| scan.pool().draw(rng)),
            Policy::WeightedRandom => scan.first(rng, |rng| scan.pool().draw_weighted(rng)),
            Policy::Hash => match affinity {
                Some(key) => self.owner_with_room(&scan, rng, key).or_else(|| scan.best(rng)),
                None => scan.best(rng),
            },
            Policy::Sticky => self.same_as_before(&scan, rng, affinity.unwrap_or(0)),
            _ => scan.best(rng),
        };
        let found = found.or_else(|| self.last_resort(&scan, rng));
        found.map(|at| self.copies.of(at, &self.members[at]))
    }

    /// Takes turns until one can be taken. Who cannot loses its turn, so the others stay even.
    fn next(
        &self,
        scan: &Scan<'_, T, impl Fn(&Member<T>) -> bool>,
        rng: &mut fastrand::Rng,
        whose: impl Fn(usize) -> usize,
    ) -> Option<usize> {
        let mut turns = (0..TURNS).map(|_| whose(scan.picker.turn.fetch_add(1, Relaxed)));
        turns.find(|&at| scan.consider(at, rng) != Verdict::Leave)
    }

    /// The owner of a key, or the next one that has room. Slow start does not count: what belongs together stays together.
    fn owner_with_room(
        &self,
        scan: &Scan<'_, T, impl Fn(&Member<T>) -> bool>,
        rng: &mut fastrand::Rng,
        key: u64,
    ) -> Option<usize> {
        let total = self.tally.as_ref().map_or(0, |tally| tally.load(Relaxed)) + 1;
        let bound = scan.picker.options.bounded_load * total as f64;
        let mut fits = |at: usize| {
            let member = &self.members[at];
            // In this order what should be a whole number is one.
            let most = (bound * f64::from(member.endpoint.weight) / self.open.total() as f64).ceil();
            f64::from(member.load.in_flight() + 1) <= most && scan.is_usable(at, rng)
        };
        let near = self.owners_of(key).find(|&at| fits(at));
        // Where few have room the way from owner to owner may miss them.
        near.or_else(|| self.open.positions.iter().map(|&at| at as usize).find(|&at| fits(at)))
    }

    fn same_as_before(
        &self,
        scan: &Scan<'_, T, impl Fn(&Member<T>) -> bool>,
        rng: &mut fastrand::Rng,
        key: u64,
    ) -> Option<usize> {
        let place = &scan.picker.places[(key >> 54) as usize % PLACES];
        let before = place.load(Relaxed).checked_sub(1).and_then(|slot| self.position_of(slot));
        let usable = before.filter(|&at| self.members[at].is_open() && scan.is_usable(at, rng));
        usable.or_else(|| {
            let chosen = scan.best(rng)?;
            place.store(self.members[chosen].slot.wrapping_add(1), Relaxed);
            Some(chosen)
        })
    }

    /// Looks at all, when a few that were drawn could not be taken: those of the best rank count, whatever it is.
    fn last_resort(
        &self,
        scan: &Scan<'_, T, impl Fn(&Member<T>) -> bool>,
        rng: &mut fastrand::Rng,
    ) -> Option<usize> {
        let ranked = |m: &Arc<Member<T>>| if (scan.tried)(m) { None } else { scan.picker.rank(m) };
        let standing = self.members.iter().enumerate().filter_map(|(at, member)| Some((ranked(member)?, at)));
        let (best, first) = standing.min()?;
        let all = self.members.iter().enumerate().filter(|(_, member)| ranked(member) == Some(best));
        // Counting first keeps the pick free of allocation. Meanwhile other threads may learn how some of them stand.
        let count = all.clone().count().max(1);
        let at = |n: usize| all.clone().nth(n % count).map_or(first, |(at, _)| at);
        match scan.picker.options.policy {
            Policy::P2c | Policy::LeastLoaded | Policy::Sticky | Policy::Hash => {
                Some(scan.cheapest(rng, count, at))
            }
            _ => Some(at(scan.picker.spare.fetch_add(1, Relaxed))),
        }
    }
}
