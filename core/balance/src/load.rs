//! What is known about one endpoint from the calls made to it.

use crate::health::{Failure, Health, SILENCE_FACTOR};
use crate::moment::nanos;
use crate::{BalanceOptions, Moment, Standing, State};
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// In-flight count, latency and health of one endpoint. Updated from many threads without locks: an update that is lost to
/// a race costs one sample of many.
///
/// The latency is a peak-sensitive moving average, akin to Finagle's and Linkerd's peak-EWMA: a slower answer moves it a
/// quarter of the way, a faster one a sixteenth, and without samples it falls with time constant [`Load::DECAY`]. Theirs
/// rises to each peak at once and falls with time alone, so that among equals the one with most calls looks slowest;
/// measured, an endpoint that was ten times as slow got three times as many calls that way. What is under way for long
/// needs no sample to be noticed, see [`silence`](Self::silence). A failed call counts as slow, or a server that
/// fails fast would look like the fastest and attract everything.
///
/// What is looked at for a comparison, and all that a call that is answered writes, is the first cache line, notes of its
/// health included: lines that other threads write are what a pick costs. Calls are counted thrice and only upwards, so that
/// each step of a call writes one count.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Load {
    /// Calls begun, ever.
    begun: AtomicU64,
    /// Those of them that ended.
    ended: AtomicU64,
    /// Those from which nothing is awaited any more although no answer came.
    unanswered: AtomicU64,
    /// When something came last, or was first awaited, or when it last took some of what waited to be sent to it.
    heard: AtomicU64,
    /// Nanoseconds as the bits of an f64; 0 until the first sample. Negative: not what a call took, but what a failure counts as.
    latency: AtomicU64,
    sampled: AtomicU64,
    /// The calls that were answered, and its notes, are the rest of the line.
    pub(crate) health: Health,
    /// A call after a long time without any was faster than known.
    improving: AtomicBool,
    failures: AtomicU64,
    penalty_ns: f64,
    ejections: AtomicU64,
    on_ejection: OnceLock<Hook>,
}

struct Hook(Box<dyn Fn() + Send + Sync>);

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

impl Default for Load {
    fn default() -> Self {
        Self::new(&BalanceOptions::default())
    }
}

impl Load {
    /// Time in which what is known of an endpoint without calls falls to 1/e: 15 s. Finagle, Linkerd and brpc have 10 s, and
    /// no other way back for an endpoint that was slow; here retests find that out, so that forgetting may take longer.
    pub const DECAY: Duration = Duration::from_secs(15);
    /// How far a slower and a faster answer move the latency. Measured: with a rise of a half shares follow weights only half as
    /// well, and nothing else is better.
    const RISE: f64 = 0.25;
    const FALL: f64 = 1.0 / 16.0;
    /// What a failed call counts as at most, as in brpc.
    const FAILURE_CEILING_NS: f64 = 30e9;
    /// An endpoint that looked bad and had no call for this long gets one now and then: 4 s, so that one that recovered
    /// has its share back within ten. Each failure in a row doubles the time.
    pub(crate) const RETEST_AFTER: Duration = Duration::from_secs(4);

    /// Nothing is known.
    pub(crate) fn new(options: &BalanceOptions) -> Self {
        Self {
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            heard: AtomicU64::new(0),
            latency: AtomicU64::new(0),
            sampled: AtomicU64::new(0),
            improving: AtomicBool::new(false),
            failures: AtomicU64::new(0),
            ejections: AtomicU64::new(0),
            on_ejection: OnceLock::new(),
            penalty_ns: nanos(options.failure_penalty) as f64,
            health: Health::new(options),
        }
    }

    /// A call starts.
    #[inline]
    pub(crate) fn begin(&self, now: Moment) {
        if self.begun.fetch_add(1, Relaxed) <= self.settled() {
            self.heard.store(now.0, Relaxed);
        }
    }

    /// The first answer came to the call that began at `began`. The call goes on until [`end`](Self::end).
    #[inline]
    pub(crate) fn answer(&self, now: Moment, began: Moment) {
        self.heard.store(now.0, Relaxed);
        let latency = now.nanos_since(began) as f64;
        if self.health.succeed(now, began) {
            self.latency.store(0, Relaxed);
        }
        let known = self.known();
        let is_old =
            now.nanos_since(Moment(self.sampled.load(Relaxed))) >= Self::RETEST_AFTER.as_nanos() as u64;
        let improves = is_old && latency < known / 4.0;
        if improves != self.improving.load(Relaxed) {
            self.improving.store(improves, Relaxed);
        }
        if improves {
            // One good call may be luck. It counts for half, and what is known stays old, so that more follow soon.
            self.latency.store(((known + latency) / 2.0).max(1.0).to_bits(), Relaxed);
        } else {
            self.sample(now, latency);
        }
    }

    /// The call that began at `began` failed before an answer came, and it was the endpoint's fault.
    pub(crate) fn fail(&self, now: Moment, began: Moment, timed_out: bool) {
        let silence = self.silence(now);
        self.settle();
        self.failures.fetch_add(1, Relaxed);
        if self.health.is_of_another(began) {
            return;
        }
        let usual = self.latency_ns(now);
        self.health.fail(now, began, &Failure { timed_out, silence, usual });
        let least =
            if timed_out { self.penalty_ns.max(now.since(began).as_nanos() as f64) } else { self.penalty_ns };
        self.penalize(now, least.max(usual.unwrap_or(0.0) * 2.0));
    }

    /// It declined the call and asks for none for that long. That is no fault, and ejecting it would only make others
    /// decline as well.
    pub(crate) fn refuse(&self, now: Moment, for_now: Duration) {
        self.settle();
        self.heard.store(now.0, Relaxed);
        self.failures.fetch_add(1, Relaxed);
        let usual = self.latency_ns(now).unwrap_or(0.0);
        self.penalize(now, (nanos(for_now) as f64).max(self.penalty_ns).max(usual));
    }

    /// It took some of what waited to be sent to it, and owes no answer to that for as long.
    pub fn took(&self, now: Moment) {
        self.heard.store(now.0, Relaxed);
    }

    /// Nothing is awaited any more from one call, which was not answered.
    #[inline]
    pub(crate) fn settle(&self) {
        self.unanswered.fetch_add(1, Relaxed);
    }

    /// Calls from which nothing is awaited any more.
    #[inline]
    fn settled(&self) -> u64 {
        self.health.succeeded() + self.unanswered.load(Relaxed)
    }

    /// Whether nothing came yet for some call.
    #[inline]
    fn is_awaited(&self) -> bool {
        // Counts of two moments: others may settle in between.
        self.settled() < self.begun.load(Relaxed)
    }

    /// A call ended.
    #[inline]
    pub(crate) fn end(&self) {
        self.ended.fetch_add(1, Relaxed);
    }

    /// Calls under way.
    #[inline]
    pub fn in_flight(&self) -> u32 {
        // In this order, or an end in between would count without its beginning.
        let ended = self.ended.load(Relaxed);
        self.begun.load(Relaxed).saturating_sub(ended) as u32
    }

    /// Calls begun, ever.
    pub fn picks(&self) -> u64 {
        self.begun.load(Relaxed)
    }

    /// Calls failed or refused, ever.
    pub fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// Runs `tell` at each ejection from now on, on the thread that picks. Only the first one that is set counts.
    pub fn on_ejection(&self, tell: impl Fn() + Send + Sync + 'static) {
        let _ = self.on_ejection.set(Hook(Box::new(tell)));
    }

    /// It gets no calls for a while.
    pub(crate) fn eject(&self, now: Moment) {
        if self.health.eject(now) {
            self.ejections.fetch_add(1, Relaxed);
            if let Some(hook) = self.on_ejection.get() {
                (hook.0)();
            }
        }
    }

    /// The part of its share that it gets, from above 0 to 1: less during slow start.
    pub fn warmth(&self, now: Moment) -> f64 {
        self.health.warmth(now)
    }

    /// How often it was ejected, ever.
    pub fn ejections(&self) -> u64 {
        self.ejections.load(Relaxed)
    }

    /// How long from `now` until one call may find out whether its ejection ends. `None`: it is not ejected.
    pub fn ejected_for(&self, now: Moment) -> Option<Duration> {
        self.health.ejected_until().map(|until| until.since(now))
    }

    /// Whether that one call is under way.
    pub fn is_on_trial(&self) -> bool {
        self.health.is_on_trial()
    }

    /// What the owner said about the connection.
    pub fn standing(&self) -> Standing {
        self.health.standing()
    }

    /// Says how the connection stands.
    pub fn set_standing(&self, standing: Standing) {
        self.health.set_standing(standing);
    }

    /// How it stands in all.
    pub fn state(&self) -> State {
        self.health.state()
    }

    /// Begins slowly from now on, knowing nothing and holding nothing against it: for an endpoint whose process is a new one.
    pub fn restart(&self, now: Moment) {
        self.latency.store(0, Relaxed);
        self.health.restart(now);
    }

    /// Whether a ping should be sent, about once a second, because calls time out: only that tells when it is back.
    pub fn wants_ping(&self) -> bool {
        self.health.wants_ping()
    }

    /// A ping was not answered in time. It gets no calls while others are left.
    pub fn ping_failed(&self) {
        self.health.ping_failed();
    }

    /// A ping was answered.
    pub fn ping_answered(&self, now: Moment) {
        if self.health.ping_answered(now) {
            self.latency.store(0, Relaxed);
        }
    }

    /// The latency expected now, in nanoseconds, or `None` before the first sample.
    #[inline]
    pub fn latency_ns(&self, now: Moment) -> Option<f64> {
        let latency = self.known();
        let age = now.0.saturating_sub(self.sampled.load(Relaxed));
        (latency > 0.0).then(|| latency * decay(age))
    }

    /// Whether the last call failed or was refused: the latency is what that counts as.
    #[inline]
    pub(crate) fn is_penalized(&self) -> bool {
        f64::from_bits(self.latency.load(Relaxed)) < 0.0
    }

    /// What of that is left: from 1, when the last call failed, down to 0. 0 also if the last call did not fail.
    pub(crate) fn penalty_left(&self, now: Moment) -> f64 {
        let age = now.0.saturating_sub(self.sampled.load(Relaxed));
        if self.is_penalized() { decay(age) } else { 0.0 }
    }

    /// How long nothing came although something is awaited. A call cannot have been under way for less than this, if
    /// nothing came back, and a slow method among fast ones is not held against the endpoint.
    pub fn silence(&self, now: Moment) -> Duration {
        Duration::from_nanos(self.silence_ns(now))
    }

    /// Whether nothing came for ten times as long as an answer is expected to take, and at least for `least`. False while nothing is
    /// known of it.
    pub fn is_oddly_silent(&self, now: Moment, least: Duration) -> bool {
        let silence = self.silence_ns(now);
        silence >= nanos(least)
            && self.latency_ns(now).is_some_and(|usual| silence as f64 >= SILENCE_FACTOR * usual)
    }

    #[inline]
    pub(crate) fn silence_ns(&self, now: Moment) -> u64 {
        if self.is_awaited() { now.nanos_since(Moment(self.heard.load(Relaxed))) } else { 0 }
    }

    /// Whether nothing is known, or what is known is so old that it may be wrong, and nothing under way will tell.
    #[inline]
    pub(crate) fn is_stale(&self, now: Moment) -> bool {
        const RETEST_NS: u64 = Load::RETEST_AFTER.as_nanos() as u64;
        let age = now.nanos_since(Moment(self.sampled.load(Relaxed)));
        let is_old = age >= RETEST_NS && age >= RETEST_NS << self.health.failed_in_a_row().min(4);
        (is_old || self.latency.load(Relaxed) == 0) && !self.is_awaited()
    }

    /// Whether the last call after a long time was a good sign.
    #[inline]
    pub(crate) fn is_improving(&self) -> bool {
        self.improving.load(Relaxed)
    }

    /// An answer took so long.
    #[inline]
    fn sample(&self, now: Moment, sample: f64) {
        let before = self.known();
        let age = now.0.saturating_sub(self.sampled.load(Relaxed));
        let weight = match before {
            0.0 => 1.0,
            _ if sample > before => Self::RISE,
            _ => Self::FALL.max(1.0 - decay(age)),
        };
        self.know(now, before + (sample - before) * weight);
    }

    #[inline]
    fn known(&self) -> f64 {
        f64::from_bits(self.latency.load(Relaxed)).abs()
    }

    fn penalize(&self, now: Moment, latency: f64) {
        self.latency.store((-latency.clamp(1.0, Self::FAILURE_CEILING_NS)).to_bits(), Relaxed);
        self.sampled.store(now.0, Relaxed);
    }

    #[inline]
    fn know(&self, now: Moment, latency: f64) {
        // A latency of zero would read as "never sampled".
        self.latency.store(latency.max(1.0).to_bits(), Relaxed);
        self.sampled.store(now.0, Relaxed);
    }
}

#[inline]
fn decay(age_ns: u64) -> f64 {
    const PER_NS: f64 = 1.0 / Load::DECAY.as_nanos() as f64;
    let part = age_ns as f64 * PER_NS;
    // As good as exact for ages up to 150 ms, which busy endpoints have, and much cheaper.
    if part < 0.01 { 1.0 - part } else { (-part).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment(1) + Duration::from_millis(ms)
    }

    fn answered(load: &Load, began: u64, answered: u64) {
        load.begin(at(began));
        load.answer(at(answered), at(began));
        load.end();
    }

    #[test]
    fn latency_rises_fast_and_falls_slowly() {
        let load = Load::default();
        answered(&load, 0, 1);
        answered(&load, 1, 51);
        let risen = load.latency_ns(at(51)).unwrap();
        assert!(risen > 13e6);
        answered(&load, 51, 52);
        assert!(load.latency_ns(at(52)).unwrap() > risen * 0.9);
        assert!(load.latency_ns(at(20_052)).unwrap() < risen * 0.3);
    }

    /// One lucky call does not bring all calls back to a slow endpoint, and a few do bring them back to a fast one.
    #[test]
    fn after_a_long_time_each_good_call_halves_what_was_known() {
        let load = Load::default();
        answered(&load, 0, 512);
        assert!(!load.is_stale(at(4511)) && load.is_stale(at(4512)));
        for call in 0..8 {
            assert!(load.is_stale(at(5000 + call)));
            answered(&load, 5000 + call, 5001 + call);
            assert!(load.is_improving());
        }
        answered(&load, 5010, 5012);
        assert!(!load.is_stale(at(5012)) && !load.is_improving());
        assert!(load.latency_ns(at(5012)).unwrap() < 4e6);
    }

    #[test]
    fn a_fast_failure_counts_as_slow() {
        let load = Load::default();
        load.begin(at(0));
        load.fail(at(0), at(0), false);
        load.end();
        assert!(load.latency_ns(at(0)).unwrap() >= 100e6);
        assert_eq!((load.in_flight(), load.failures()), (0, 1));
        assert!(!load.is_stale(at(7999)) && load.is_stale(at(8000)));
    }

    #[test]
    fn a_refusal_counts_as_slow_as_it_says_and_is_no_fault() {
        let load = Load::default();
        for _ in 0..100 {
            load.begin(at(0));
            load.refuse(at(0), Duration::from_secs(2));
            load.end();
        }
        assert!((load.latency_ns(at(0)).unwrap() - 2e9).abs() < 1.0);
        assert!(!load.health.is_suspect());
    }

    #[test]
    fn a_refusal_makes_nobody_look_faster() {
        let load = Load::default();
        answered(&load, 0, 900);
        assert!(!load.is_penalized());
        load.begin(at(900));
        load.refuse(at(901), Duration::from_millis(100));
        assert!(load.latency_ns(at(901)).unwrap() > 899e6 && load.is_penalized());
        answered(&load, 901, 1801);
        assert!(!load.is_penalized());
    }

    #[test]
    fn what_failed_with_the_process_before_is_not_the_fault_of_the_new_one() {
        let load = Load::default();
        (0..10).for_each(|_| load.begin(at(0)));
        load.eject(at(1));
        load.restart(at(2));
        (0..10).for_each(|_| load.fail(at(3), at(0), true));
        assert!(load.state() == State::Ready && !load.health.is_suspect() && !load.wants_ping());
        assert_eq!((load.latency_ns(at(3)), load.failures()), (None, 10));
    }

    #[test]
    fn silence_is_the_time_in_which_nothing_came_for_those_who_wait() {
        let load = Load::default();
        assert_eq!(load.silence(at(100)), Duration::ZERO);
        load.begin(at(100));
        load.begin(at(110));
        assert_eq!(load.silence(at(130)), Duration::from_millis(30));
        load.answer(at(140), at(100));
        assert_eq!(load.silence(at(150)), Duration::from_millis(10));
        load.answer(at(150), at(110));
        assert_eq!((load.silence(at(900)), load.in_flight()), (Duration::ZERO, 2), "streams go on unjudged");
        load.begin(at(900));
        load.took(at(950));
        assert_eq!(
            load.silence(at(960)),
            Duration::from_millis(10),
            "what is on its way is no silence of the other side"
        );
    }

    #[test]
    fn silence_is_odd_by_what_is_usual() {
        let load = Load::default();
        load.begin(at(0));
        assert!(!load.is_oddly_silent(at(9000), Duration::ZERO), "nothing is known yet");
        load.answer(at(20), at(0));
        load.begin(at(100));
        let odd = |ms, least| load.is_oddly_silent(at(ms), Duration::from_millis(least));
        // What is known has faded a little by then.
        assert!(!odd(290, 100) && odd(301, 100) && !odd(301, 250));
    }
}
