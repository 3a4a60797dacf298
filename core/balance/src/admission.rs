//! Which requests run, wait or are refused by a server.

use crate::{Gradient, GradientOptions, Moment};
use std::collections::VecDeque;
use std::time::Duration;

/// Admission of requests: as many run as the [`Gradient`] allows, a few wait, and the rest are refused at once, since a
/// request that waits longer than its caller does is work for nobody.
///
/// While the queue does not get empty the newest goes first, because its caller is the likeliest to be still there, and those
/// that waited long are refused (CoDel with adaptive LIFO, as at Facebook). A pure state machine; `T` is what the
/// owner knows the request by.
#[derive(Debug)]
pub struct Admission<T> {
    options: AdmissionOptions,
    gradient: Gradient,
    running: u32,
    waiting: VecDeque<(Moment, T)>,
    /// Since when somebody has been waiting without a break.
    crowded_since: Option<Moment>,
}

/// Bounds of an [`Admission`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AdmissionOptions {
    /// The limit of those that run.
    pub gradient: GradientOptions,
    /// Requests that may wait for each that may run. Default 2: measured, more only made all wait longer.
    pub queue_factor: f64,
    /// Longest wait while the queue has not been empty for [`interval`](Self::interval). Default 20 ms.
    pub target: Duration,
    /// Longest wait otherwise. Default 100 ms, so that a burst is served.
    pub interval: Duration,
    /// Part of the limit that is kept for requests of the library itself, such as health, on top of it. Default 0.1.
    pub reserve: f64,
}

impl Default for AdmissionOptions {
    fn default() -> Self {
        Self {
            gradient: GradientOptions::default(),
            queue_factor: 2.0,
            target: Duration::from_millis(20),
            interval: Duration::from_millis(100),
            reserve: 0.1,
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
    /// It is refused: nothing of it ran. The caller should come back after that time.
    Refuse(T, Duration),
}

impl<T> Admission<T> {
    /// Nothing runs yet.
    pub fn new(options: AdmissionOptions) -> Self {
        let gradient = Gradient::new(options.gradient);
        Self { options, gradient, running: 0, waiting: VecDeque::new(), crowded_since: None }
    }

    /// A request came.
    pub fn offer(&mut self, now: Moment, request: T) -> Offer<T> {
        if self.has_room() && self.waiting.is_empty() {
            self.running += 1;
            return Offer::Run(request);
        }
        let most = f64::from(self.limit()) * self.options.queue_factor;
        if self.waiting.len() as f64 >= most {
            return Offer::Refuse(request, self.options.interval);
        }
        self.crowded_since.get_or_insert(now);
        self.waiting.push_back((now, request));
        Offer::Waits
    }

    /// A request of the library itself came. True: it runs now. Those do not wait; one too many is refused.
    #[must_use]
    pub fn offer_reserved(&mut self) -> bool {
        let most = f64::from(self.limit()) * (1.0 + self.options.reserve);
        let fits = f64::from(self.running) < most.ceil();
        self.running += u32::from(fits);
        fits
    }

    /// A request that ran has ended, `latency` after it began to run. `None` for one that says nothing about the load, such as one
    /// that was abandoned or failed early.
    pub fn finished(&mut self, latency: Option<Duration>) {
        if let Some(latency) = latency {
            self.gradient.sample(latency, self.running);
        }
        self.running = self.running.saturating_sub(1);
    }

    /// The next request that waited and runs now, if there is room; those before it that waited too long go to `refused`.
    /// Call it after [`finished`](Self::finished), until it gives none.
    pub fn next(&mut self, now: Moment, refused: &mut Vec<T>) -> Option<T> {
        let is_crowded = self.crowded_since.is_some_and(|since| now.since(since) > self.options.interval);
        let longest = if is_crowded { self.options.target } else { self.options.interval };
        // The oldest are in front, whichever end is served.
        while self.waiting.front().is_some_and(|(since, _)| now.since(*since) > longest) {
            refused.extend(self.waiting.pop_front().map(|(_, request)| request));
        }
        let next = match self.has_room() {
            false => None,
            true if is_crowded => self.waiting.pop_back(),
            true => self.waiting.pop_front(),
        };
        if self.waiting.is_empty() {
            self.crowded_since = None;
        }
        self.running += u32::from(next.is_some());
        next.map(|(_, request)| request)
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
        (0..20).for_each(|n| assert_eq!(admission.offer(at(0), n), Offer::Run(n)));
        (20..20 + waiting).for_each(|n| assert_eq!(admission.offer(at(0), n), Offer::Waits));
        admission
    }

    #[test]
    fn what_is_too_much_is_refused_at_once() {
        let mut admission = crowd(40);
        assert_eq!(admission.offer(at(0), 60), Offer::Refuse(60, Duration::from_millis(100)));
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
        admission.offer(at(110), 61);
        admission.offer(at(111), 62);
        admission.finished(None);
        assert_eq!(admission.next(at(115), &mut refused), Some(62));
        assert_eq!(refused, (21..30).collect::<Vec<_>>());
        admission.finished(None);
        assert_eq!(admission.next(at(115), &mut refused), Some(61));
        assert_eq!(admission.waiting(), 0);
    }

    #[test]
    fn the_library_itself_is_heard_in_a_crowd() {
        let mut admission = crowd(40);
        assert!(admission.offer_reserved() && admission.offer_reserved());
        assert!(!admission.offer_reserved());
    }
}
