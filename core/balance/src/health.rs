//! Whether one endpoint may be picked: what its connection, its calls and its pings say.

use crate::hash::mix;
use crate::marks::Marks;
use crate::moment::nanos;
use crate::window::Window;
use crate::{BalanceOptions, EjectionOptions, Moment, Standing, State};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The health of one endpoint, a state machine that many threads drive without locks.
///
/// ```text
///             failures: suspect          picker: ejected, for 1 s to 60 s
///   ready ───────────────────▶ suspect ──────────────────────────▶ ejected ◀──────┐
///     ▲                           │ picker: too many are out           │ time over │ it fails: twice as long
///     │◀──────────────────────────┘                                    ▼           │
///     └───────── the call succeeds: slow start ◀──────────── trial, one call ──────┘
/// ```
///
/// A suspect is not ejected at once, because that depends on the others: whoever picks next decides.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Health {
    /// Calls that succeeded, ever.
    succeeded: AtomicU64,
    /// Nothing noted is the usual case, and costs one load to see.
    notes: AtomicU8,
    failed_in_a_row: AtomicU32,
    timed_out_in_a_row: AtomicU32,
    rules: EjectionOptions,
    slow_start: Duration,
    floor: f64,
    /// What speaks against risking a call once an ejection is over.
    doubts: u8,
    /// What of `succeeded` is recent.
    marks: Marks,
    /// Calls that failed.
    failed: Window,
    /// The latency before the first of these, as the bits of an f64.
    usual: AtomicU64,
    /// When the ejection may end.
    until: AtomicU64,
    /// When the trial began; 0 if there is none.
    trial: AtomicU64,
    ejections_in_a_row: AtomicU32,
    /// When the first of these began.
    out_since: AtomicU64,
    restored: AtomicU64,
    /// When slow start ends, and how long it is.
    warm: AtomicU64,
    warming: AtomicU64,
    /// When its process was last replaced.
    since: AtomicU64,
}

const CONNECTING: u8 = 1;
const SUSPENDED: u8 = 1 << 1;
const SUSPECT: u8 = 1 << 2;
const EJECTED: u8 = 1 << 3;
/// A call timed out and nothing came since.
const SILENT: u8 = 1 << 4;
/// A ping was not answered either.
const DEAF: u8 = 1 << 5;
const WARMING: u8 = 1 << 6;
const DRAINING: u8 = 1 << 7;

/// By which factor nothing must have come for longer than usual, for timeouts to tell that it is the endpoint.
pub(crate) const SILENCE_FACTOR: f64 = 10.0;
/// A trial whose outcome nobody told is forgotten after this.
const TRIAL_LIMIT: Duration = Duration::from_secs(5);

/// How a call failed, and what was known then.
pub(crate) struct Failure {
    pub timed_out: bool,
    /// How long nothing had come.
    pub silence: Duration,
    /// The latency in nanoseconds that was expected.
    pub usual: Option<f64>,
}

impl Health {
    pub fn new(options: &BalanceOptions) -> Self {
        Self {
            succeeded: AtomicU64::new(0),
            notes: AtomicU8::new(0),
            rules: options.ejection,
            slow_start: options.slow_start,
            floor: options.slow_start_floor,
            doubts: DRAINING | SUSPENDED | DEAF | if options.pings { SILENT } else { 0 },
            marks: Marks::new(),
            failed: Window::new(Duration::from_secs(10)),
            failed_in_a_row: AtomicU32::new(0),
            timed_out_in_a_row: AtomicU32::new(0),
            usual: AtomicU64::new(0),
            until: AtomicU64::new(0),
            trial: AtomicU64::new(0),
            ejections_in_a_row: AtomicU32::new(0),
            out_since: AtomicU64::new(0),
            restored: AtomicU64::new(0),
            warm: AtomicU64::new(0),
            warming: AtomicU64::new(0),
            since: AtomicU64::new(0),
        }
    }

    /// A call that began at `began` succeeded. True: that ended an ejection, and what was known before means nothing now.
    #[inline]
    pub fn succeed(&self, now: Moment, began: Moment) -> bool {
        self.marks.note(now, self.succeeded.fetch_add(1, Relaxed));
        for count in [&self.failed_in_a_row, &self.timed_out_in_a_row] {
            // Most of the time there is nothing to change, and a load leaves the cache line to the others.
            if count.load(Relaxed) != 0 {
                count.store(0, Relaxed);
            }
        }
        let notes = self.notes.load(Relaxed);
        if notes & (SILENT | DEAF | EJECTED | SUSPECT) == 0 {
            return false;
        }
        let in_trial = notes & EJECTED != 0 && self.is_of_trial(began);
        if in_trial {
            self.trial.store(0, Relaxed);
            self.restored.store(now.0, Relaxed);
            self.forget_calls();
            // What was out for a short time only is still warm.
            let out = now.since(Moment(self.out_since.load(Relaxed)));
            self.warm_up(now, self.slow_start.min(out));
        }
        let cleared = if in_trial { SILENT | DEAF | EJECTED | SUSPECT } else { SILENT | DEAF };
        self.notes.fetch_and(!cleared, Relaxed);
        in_trial
    }

    /// A call that began at `began` failed, and it was the endpoint's fault.
    pub fn fail(&self, now: Moment, began: Moment, failure: &Failure) {
        if self.notes.load(Relaxed) & EJECTED != 0 {
            // Calls from before the ejection tell nothing new.
            if self.is_of_trial(began) {
                self.eject(now);
            }
            return;
        }
        self.failed.add(now, 1, 0);
        let rules = &self.rules;
        let in_a_row = self.failed_in_a_row.fetch_add(1, Relaxed) + 1;
        let mut suspect = rules.consecutive > 0 && in_a_row >= rules.consecutive;
        if failure.timed_out {
            self.notes.fetch_or(SILENT, Relaxed);
            let timeouts = self.timed_out_in_a_row.fetch_add(1, Relaxed) + 1;
            if timeouts == 1 {
                self.usual.store(failure.usual.unwrap_or(f64::INFINITY).to_bits(), Relaxed);
            }
            let usual = f64::from_bits(self.usual.load(Relaxed));
            let is_silent = failure.silence.as_nanos() as f64 >= SILENCE_FACTOR * usual;
            suspect |= rules.timeouts > 0 && timeouts >= rules.timeouts && is_silent;
        }
        let (failed, _) = self.failed.sums(now);
        let all = self.marks.recent(now, self.succeeded()) + failed;
        let rate = 1.0 - failed as f64 / all.max(1) as f64;
        if suspect || (all >= rules.least_calls && rate < rules.success_rate) {
            self.notes.fetch_or(SUSPECT, Relaxed);
        }
    }

    /// Whether somebody should decide on its ejection.
    #[inline]
    pub fn is_suspect(&self) -> bool {
        self.notes.load(Relaxed) & SUSPECT != 0
    }

    /// It stays in, until it fails again.
    pub fn acquit(&self) {
        self.notes.fetch_and(!SUSPECT, Relaxed);
    }

    /// It is taken out. False: it was out already, and stays so for longer.
    pub fn eject(&self, now: Moment) -> bool {
        let was_in = self.notes.load(Relaxed) & EJECTED == 0;
        if was_in {
            self.out_since.store(now.0, Relaxed);
            if now.since(Moment(self.restored.load(Relaxed))) > self.rules.longest {
                self.ejections_in_a_row.store(0, Relaxed);
            }
        }
        let before = self.ejections_in_a_row.fetch_add(1, Relaxed).min(30);
        let full = self.rules.base.saturating_mul(1 << before).min(self.rules.longest);
        // The time to the nanosecond differs between clients, which is all the randomness that is needed.
        let part = mix(now.0 ^ self.until.load(Relaxed)) as f64 / u64::MAX as f64;
        self.until.store((now + full.mul_f64(0.5 + 0.5 * part)).0, Relaxed);
        self.trial.store(0, Relaxed);
        self.failed_in_a_row.store(0, Relaxed);
        self.notes.fetch_or(EJECTED, Relaxed);
        self.notes.fetch_and(!(SUSPECT | WARMING), Relaxed);
        was_in
    }

    /// When it may be tried again, if it is ejected.
    pub fn ejected_until(&self) -> Option<Moment> {
        (self.notes.load(Relaxed) & EJECTED != 0).then(|| Moment(self.until.load(Relaxed)))
    }

    /// Whether a call is under way that decides on the end of its ejection.
    pub fn is_on_trial(&self) -> bool {
        self.notes.load(Relaxed) & EJECTED != 0 && self.trial.load(Relaxed) != 0
    }

    /// Whether the caller may try, now that the ejection is over. True for one at a time.
    pub fn begin_trial(&self, now: Moment) -> bool {
        let notes = self.notes.load(Relaxed);
        if notes & EJECTED == 0 || notes & self.doubts != 0 || now.0 < self.until.load(Relaxed) {
            return false;
        }
        let trial = self.trial.load(Relaxed);
        let free = trial == 0 || now.since(Moment(trial)) > TRIAL_LIMIT;
        free && self.trial.compare_exchange(trial, now.0.max(1), Relaxed, Relaxed).is_ok()
    }

    /// Calls that succeeded, ever.
    #[inline]
    pub fn succeeded(&self) -> u64 {
        self.succeeded.load(Relaxed)
    }

    fn forget_calls(&self) {
        self.marks.clear();
        self.failed.clear();
    }

    fn is_of_trial(&self, began: Moment) -> bool {
        let trial = self.trial.load(Relaxed);
        trial != 0 && began.0.max(1) >= trial
    }

    /// Another process has taken its place: nothing is held against that one, and it begins slowly.
    pub fn restart(&self, now: Moment) {
        self.since.store(now.0, Relaxed);
        self.forget_calls();
        for count in [&self.failed_in_a_row, &self.timed_out_in_a_row, &self.ejections_in_a_row] {
            count.store(0, Relaxed);
        }
        self.trial.store(0, Relaxed);
        self.notes.fetch_and(!(SUSPECT | EJECTED | SILENT | DEAF), Relaxed);
        self.warm_up(now, self.slow_start);
    }

    /// Whether a call that began then went to a process that is gone.
    pub fn is_of_another(&self, began: Moment) -> bool {
        began.0 < self.since.load(Relaxed)
    }

    fn warm_up(&self, now: Moment, time: Duration) {
        if time > Duration::ZERO {
            self.warming.store(nanos(time), Relaxed);
            self.warm.store((now + time).0, Relaxed);
            self.notes.fetch_or(WARMING, Relaxed);
        }
    }

    /// The part of its share that it gets, from above 0 to 1.
    pub fn warmth(&self, now: Moment) -> f64 {
        if self.notes.load(Relaxed) & WARMING == 0 {
            return 1.0;
        }
        let left = Moment(self.warm.load(Relaxed)).since(now);
        if left.is_zero() {
            self.notes.fetch_and(!WARMING, Relaxed);
            return 1.0;
        }
        let all = self.warming.load(Relaxed).max(1) as f64;
        (1.0 - left.as_nanos() as f64 / all).max(self.floor).clamp(0.01, 1.0)
    }

    /// What its owner says about its connection.
    pub fn set_standing(&self, standing: Standing) {
        let note = match standing {
            Standing::Ready => 0,
            Standing::Connecting => CONNECTING,
            Standing::Draining => DRAINING,
            Standing::Suspended => SUSPENDED,
        };
        self.notes.fetch_or(note, Relaxed);
        self.notes.fetch_and(!((CONNECTING | DRAINING | SUSPENDED) & !note), Relaxed);
    }

    pub fn standing(&self) -> Standing {
        match self.notes.load(Relaxed) {
            notes if notes & SUSPENDED != 0 => Standing::Suspended,
            notes if notes & DRAINING != 0 => Standing::Draining,
            notes if notes & CONNECTING != 0 => Standing::Connecting,
            _ => Standing::Ready,
        }
    }

    #[inline]
    pub fn state(&self) -> State {
        if self.notes.load(Relaxed) & EJECTED != 0 { State::Ejected } else { self.state_if_in() }
    }

    /// The state that it would have if it were not ejected.
    #[inline]
    pub fn state_if_in(&self) -> State {
        match self.notes.load(Relaxed) {
            notes if notes & SUSPENDED != 0 => State::Suspended,
            notes if notes & DEAF != 0 => State::Silent,
            notes if notes & DRAINING != 0 => State::Draining,
            notes if notes & CONNECTING != 0 => State::Connecting,
            _ => State::Ready,
        }
    }

    /// Nothing at all is noted: it is ready, warm, and no suspect.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.notes.load(Relaxed) & !SILENT == 0
    }

    #[inline]
    pub fn failed_in_a_row(&self) -> u32 {
        self.failed_in_a_row.load(Relaxed)
    }

    /// Whether only a ping can tell whether it is there.
    pub fn wants_ping(&self) -> bool {
        self.notes.load(Relaxed) & (SILENT | DEAF) != 0
    }

    pub fn ping_failed(&self) {
        self.notes.fetch_or(DEAF, Relaxed);
    }

    /// True: it was not there before, and what was known then means nothing now.
    pub fn ping_answered(&self, now: Moment) -> bool {
        let before = self.notes.fetch_and(!(SILENT | DEAF), Relaxed);
        if before & DEAF != 0 && before & EJECTED != 0 {
            self.until.store(now.0, Relaxed);
        }
        before & DEAF != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment(1) + Duration::from_millis(ms)
    }

    fn failed() -> Failure {
        Failure { timed_out: false, silence: Duration::ZERO, usual: Some(1e6) }
    }

    fn ejected(now: Moment) -> Health {
        let health = Health::new(&BalanceOptions::default());
        health.eject(now);
        health
    }

    #[test]
    fn failures_in_a_row_make_a_suspect_and_one_success_breaks_the_row() {
        let health = Health::new(&BalanceOptions::default());
        (0..4).for_each(|_| health.fail(at(0), at(0), &failed()));
        health.succeed(at(0), at(0));
        (0..4).for_each(|_| health.fail(at(0), at(0), &failed()));
        assert!(!health.is_suspect());
        health.fail(at(0), at(0), &failed());
        assert!(health.is_suspect());
    }

    #[test]
    fn a_low_success_rate_makes_a_suspect_once_there_are_enough_calls() {
        let health = Health::new(&BalanceOptions::default());
        for call in 1..=20u64 {
            assert!(!health.is_suspect(), "after {call} calls");
            if call % 4 == 0 {
                health.fail(at(call), at(0), &failed())
            } else {
                _ = health.succeed(at(call), at(0))
            }
        }
        assert!(health.is_suspect());
    }

    #[test]
    fn timeouts_count_only_while_nothing_comes() {
        let timed_out =
            |silence| Failure { timed_out: true, silence: Duration::from_millis(silence), usual: Some(1e6) };
        let (slow_method, frozen) =
            (Health::new(&BalanceOptions::default()), Health::new(&BalanceOptions::default()));
        (0..3).for_each(|_| slow_method.fail(at(0), at(0), &timed_out(2)));
        (0..3).for_each(|_| frozen.fail(at(0), at(0), &timed_out(11)));
        assert_eq!((slow_method.is_suspect(), frozen.is_suspect()), (false, true));
    }

    #[test]
    fn an_ejection_ends_with_one_call_that_succeeds() {
        let health = ejected(at(0));
        assert_eq!(health.state(), State::Ejected);
        assert!(!health.begin_trial(at(499)), "half of a second at least");
        assert!(health.begin_trial(at(1000)) && !health.begin_trial(at(1000)), "one at a time");
        assert!(!health.succeed(at(1001), at(0)), "a call from before says nothing");
        assert_eq!(health.state(), State::Ejected);
        assert!(health.succeed(at(1002), at(1000)));
        assert_eq!(health.state(), State::Ready);
        assert!((health.warmth(at(1002)) - 0.1).abs() < 1e-9);
        assert!(
            (health.warmth(at(1503)) - 0.5).abs() < 1e-9,
            "it was out for a second and needs one to get warm"
        );
        assert_eq!(health.warmth(at(2004)), 1.0);
    }

    #[test]
    fn a_new_one_gets_warm_in_ten_seconds() {
        let health = Health::new(&BalanceOptions::default());
        assert_eq!(health.warmth(at(0)), 1.0);
        health.restart(at(0));
        let warmth = [0, 500, 2500, 5000, 9000].map(|ms| (health.warmth(at(ms)) * 100.0).round());
        assert_eq!(warmth, [10.0, 10.0, 25.0, 50.0, 90.0]);
        assert!(!health.is_plain() && health.warmth(at(10_000)) == 1.0 && health.is_plain());
    }

    #[test]
    fn nothing_is_held_against_a_new_process() {
        let health = ejected(at(0));
        health.ping_failed();
        health.restart(at(1000));
        assert_eq!((health.state(), health.wants_ping()), (State::Ready, false));
        assert!(health.ejected_until().is_none() && !health.is_on_trial());
        assert!(health.is_of_another(at(999)) && !health.is_of_another(at(1000)));
        health.eject(at(2000));
        assert!(health.begin_trial(at(3000)), "its first ejection is as short as any first one");
    }

    #[test]
    fn each_failed_trial_doubles_the_time_up_to_a_minute() {
        let (mut now, health) = (at(0), ejected(at(0)));
        for doubled in [2, 4, 8, 16, 32, 60, 60, 60] {
            now = now + Duration::from_secs(60);
            assert!(health.begin_trial(now));
            health.fail(now, now, &failed());
            let half = Duration::from_secs(doubled) / 2;
            assert!(!health.begin_trial(now + (half - Duration::from_nanos(1))));
            assert!(health.begin_trial(now + half * 2));
            health.trial.store(0, Relaxed);
        }
    }

    #[test]
    fn a_trial_without_an_outcome_does_not_last() {
        let health = ejected(at(0));
        assert!(health.begin_trial(at(1000)));
        assert!(!health.begin_trial(at(6000)));
        assert!(health.begin_trial(at(6001)));
    }

    #[test]
    fn an_answered_ping_ends_silence_but_not_what_answers_badly() {
        let (frozen, failing) = (ejected(at(0)), ejected(at(0)));
        frozen.ping_failed();
        assert!(!frozen.begin_trial(at(2000)), "no call is risked while even pings are lost");
        assert!(frozen.ping_answered(at(100)) && frozen.begin_trial(at(100)));
        assert!(!failing.ping_answered(at(100)) && !failing.begin_trial(at(100)));
    }

    #[test]
    fn what_was_silent_answers_a_ping_before_it_gets_a_call() {
        for (pings, risked) in [(true, false), (false, true)] {
            let health = Health::new(&BalanceOptions { pings, ..BalanceOptions::default() });
            health.fail(at(0), at(0), &Failure { timed_out: true, silence: Duration::ZERO, usual: None });
            health.eject(at(0));
            assert_eq!(health.begin_trial(at(2000)), risked);
            health.ping_answered(at(9000));
            assert!(health.begin_trial(at(9000)));
        }
    }

    #[test]
    fn what_the_owner_says_is_kept_apart_from_the_rest() {
        let health = ejected(at(0));
        health.set_standing(Standing::Suspended);
        assert_eq!((health.standing(), health.begin_trial(at(2000))), (Standing::Suspended, false));
        health.set_standing(Standing::Ready);
        assert_eq!((health.standing(), health.state()), (Standing::Ready, State::Ejected));
    }
}
