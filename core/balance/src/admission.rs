//! Which requests run, wait or are refused by a server.

use crate::fair_queue::FairQueue;
use crate::{Gradient, GradientOptions, Moment};
use std::time::Duration;

/// Admission of requests: as many run as the [`Gradient`] allows, a few wait, and the rest are refused at once, since a
/// request that waits longer than its caller does is work for nobody.
///
/// While the queue does not get empty the newest goes first, because its caller is the likeliest to be still there, and those
/// that waited long are refused (CoDel with adaptive LIFO, as at Facebook). That ends when the queue has been empty for as long
/// as it had to be in use to begin: where it ends as soon as the queue is empty, as theirs does, a network or a client that
/// holds its breath for a moment lets all wait for long again, many times a second. Whoever sends much takes no places from those
/// who send little: each has a line of its own, the lines take turns, and when all places are taken the longest line
/// gives one up. A pure state machine; `T` is what the owner knows the request by.
#[derive(Debug)]
pub struct Admission<T> {
    options: AdmissionOptions,
    gradient: Gradient,
    running: u32,
    waiting: FairQueue<T>,
    /// Since when somebody has been waiting without a break, or nobody; and whether it is the first.
    since: Moment,
    any_wait: bool,
    is_crowded: bool,
    /// When it was last looked for those that waited too long.
    looked: Moment,
}

/// Bounds of an [`Admission`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AdmissionOptions {
    /// The limit of those that run.
    pub gradient: GradientOptions,
    /// Requests that may wait for each that may run. Default 2: measured, more only made all wait longer.
    pub queue_factor: f64,
    /// Longest wait once the queue has not been empty for [`interval`](Self::interval), until it has been empty for as long.
    /// Default 20 ms.
    pub target: Duration,
    /// Longest wait otherwise. Default 100 ms, so that a burst is served.
    pub interval: Duration,
}

impl Default for AdmissionOptions {
    fn default() -> Self {
        Self {
            gradient: GradientOptions::default(),
            queue_factor: 2.0,
            target: Duration::from_millis(20),
            interval: Duration::from_millis(100),
        }
    }
}

/// What becomes of a request that came.
#[derive(Debug, PartialEq, Eq)]
pub enum Offer<T> {
    /// It runs now; tell its end with [`Admission::finished`].
    Run(T),
    /// It waits; [`Admission::next`] gives it back.
    Waits,
    /// It waits, and another one of whoever has the most waiting is refused for it.
    Displaces(T),
    /// It is refused: nothing of it ran.
    Refuse,
}

impl<T> Admission<T> {
    /// Nothing runs yet.
    pub fn new(options: AdmissionOptions) -> Self {
        let gradient = Gradient::new(options.gradient);
        let waiting = FairQueue::default();
        let (since, looked) = (Moment(0), Moment(0));
        Self { options, gradient, running: 0, waiting, since, any_wait: false, is_crowded: false, looked }
    }

    /// A request came from `sender`. It is made only if it is not refused: to refuse must cost little.
    pub fn offer(&mut self, now: Moment, sender: u64, request: impl FnOnce() -> T) -> Offer<T> {
        if self.has_room() && self.waiting.is_empty() {
            self.running += 1;
            return Offer::Run(request());
        }
        let most = f64::from(self.limit()) * self.options.queue_factor;
        let is_full = self.waiting.len() as f64 >= most;
        if is_full && !self.waiting.is_below_share(sender) {
            return Offer::Refuse;
        }
        let displaced = if is_full { self.waiting.shed() } else { None };
        self.note_waiting(now, true);
        self.waiting.push(sender, now, request());
        displaced.map_or(Offer::Waits, Offer::Displaces)
    }

    /// A request that ran has ended, `latency` after it began to run. `None` for one that says nothing about the load, such as one
    /// that was abandoned or failed early.
    pub fn finished(&mut self, latency: Option<Duration>) {
        if let Some(latency) = latency {
            self.gradient.sample(latency, self.running);
        }
        self.running = self.running.saturating_sub(1);
    }

    /// The next request that waited and runs now, if there is room; those that waited too long go to `refused`.
    /// Call it after [`finished`](Self::finished), until it gives none; and now and then while any wait, or nobody refuses them
    /// while none finishes.
    pub fn next(&mut self, now: Moment, refused: &mut Vec<T>) -> Option<T> {
        self.note_waiting(now, !self.waiting.is_empty());
        let is_crowded = self.is_crowded;
        let longest = if is_crowded { self.options.target } else { self.options.interval };
        // Not each time if there are many lines.
        if self.waiting.lines() <= 8 || now.since(self.looked) >= longest / 8 {
            self.looked = now;
            self.waiting.expire(now, longest, refused);
        }
        let mut next = None;
        while next.is_none() && self.has_room() {
            match self.waiting.pop(is_crowded) {
                None => break,
                Some((since, request)) if now.since(since) > longest => refused.push(request),
                Some((_, request)) => next = Some(request),
            }
        }
        self.note_waiting(now, !self.waiting.is_empty());
        self.running += u32::from(next.is_some());
        next
    }

    /// Whether any wait from now on, and whether that has been so for long.
    fn note_waiting(&mut self, now: Moment, any_wait: bool) {
        if now.since(self.since) > self.options.interval {
            self.is_crowded = self.any_wait;
        }
        if any_wait != self.any_wait {
            (self.any_wait, self.since) = (any_wait, now);
        }
    }

    /// Takes out what waits of a sender that is gone.
    pub fn remove(&mut self, sender: u64) -> Vec<T> {
        self.waiting.remove(sender)
    }

    /// How often [`next`](Self::next) should be called while any wait and none finishes.
    pub fn tick(&self) -> Duration {
        self.options.target
    }

    /// Requests that may run at once.
    pub fn limit(&self) -> u32 {
        self.gradient.limit()
    }

    /// Requests that run.
    pub fn running(&self) -> u32 {
        self.running
    }

    /// Requests that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn has_room(&self) -> bool {
        self.running < self.limit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment(0) + Duration::from_millis(ms)
    }

    /// Twenty run, and so many wait since 0 ms.
    fn crowd(waiting: u32) -> Admission<u32> {
        let mut admission = Admission::new(AdmissionOptions::default());
        (0..20).for_each(|n| assert_eq!(admission.offer(at(0), 1, || n), Offer::Run(n)));
        (20..20 + waiting).for_each(|n| assert_eq!(admission.offer(at(0), 1, || n), Offer::Waits));
        admission
    }

    #[test]
    fn what_is_too_much_is_refused_at_once() {
        let mut admission = crowd(40);
        let refused = admission.offer(at(0), 1, || panic!("a request that is refused is not made"));
        assert_eq!(refused, Offer::Refuse);
        assert_eq!((admission.running(), admission.waiting()), (20, 40));
    }

    #[test]
    fn a_burst_is_served_in_order() {
        let (mut admission, mut refused) = (crowd(40), Vec::new());
        assert_eq!(admission.next(at(10), &mut refused), None, "nobody has finished");
        admission.finished(None);
        assert_eq!(admission.next(at(90), &mut refused), Some(20));
        assert!(refused.is_empty());
    }

    #[test]
    fn in_a_lasting_crowd_the_newest_goes_first_and_the_old_are_refused() {
        let (mut admission, mut refused) = (crowd(10), Vec::new());
        admission.finished(None);
        assert_eq!(admission.next(at(95), &mut refused), Some(20));
        admission.offer(at(110), 1, || 61);
        admission.offer(at(111), 1, || 62);
        admission.finished(None);
        assert_eq!(admission.next(at(115), &mut refused), Some(62));
        assert_eq!(refused, (21..30).collect::<Vec<_>>());
        admission.finished(None);
        assert_eq!(admission.next(at(115), &mut refused), Some(61));
        assert_eq!(admission.waiting(), 0);
    }

    #[test]
    fn a_crowd_lasts_until_nobody_has_waited_for_long() {
        let (mut admission, mut refused) = (crowd(10), Vec::new());
        assert_eq!(admission.next(at(110), &mut refused), None, "all have waited too long");
        assert_eq!((admission.waiting(), refused.len()), (0, 10));
        // The senders paused for a moment only.
        for n in [30, 31] {
            assert_eq!(admission.offer(at(150), 1, || n), Offer::Waits);
        }
        admission.finished(None);
        assert_eq!(admission.next(at(160), &mut refused), Some(31), "the newest");
        assert_eq!(admission.next(at(171), &mut refused), None);
        assert_eq!(refused.split_off(10), [30], "longer than 20 ms");
        // This time they paused for long.
        for n in [40, 41] {
            assert_eq!(admission.offer(at(272), 1, || n), Offer::Waits);
        }
        admission.finished(None);
        assert_eq!(admission.next(at(352), &mut refused), Some(40), "the oldest, after 80 ms");
    }

    #[test]
    fn one_that_sends_much_takes_no_places_from_others() {
        let (mut admission, mut refused) = (crowd(40), Vec::new());
        assert_eq!(admission.offer(at(1), 2, || 100), Offer::Displaces(20));
        assert_eq!(admission.offer(at(1), 1, || 60), Offer::Refuse);
        admission.finished(None);
        assert_eq!(admission.next(at(2), &mut refused), Some(21));
        admission.finished(None);
        assert_eq!(admission.next(at(2), &mut refused), Some(100));
        assert_eq!(admission.remove(1).len(), 38);
        assert_eq!((admission.waiting(), refused.len()), (0, 0));
    }

    /// Nothing finishes, so that only looking finds those that waited too long.
    #[test]
    fn nobody_waits_for_ever() {
        let (mut admission, mut refused) = (crowd(10), Vec::new());
        assert_eq!(admission.next(at(100), &mut refused), None);
        assert!(refused.is_empty());
        assert_eq!(admission.next(at(200), &mut refused), None);
        assert_eq!((admission.waiting(), refused.len()), (0, 10));
    }
}
