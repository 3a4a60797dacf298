//! When requests are due. Knows no clock: time is an argument.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When the requests of one of several threads are due.
#[derive(Debug)]
pub struct Schedule<'b> {
    pace: Pace,
    /// When requests count from.
    measured: Instant,
    /// When requests end.
    end: Option<Instant>,
    budget: Option<&'b Budget>,
    over: bool,
}

#[derive(Debug)]
enum Pace {
    /// One is due whenever another was answered.
    Closed,
    /// Number `next` is due at a time of its own, whatever happened to those before it.
    Open { start: Instant, rate: f64, next: u64, step: u64 },
}

/// How many requests all threads together may still begin.
#[derive(Debug)]
pub struct Budget(AtomicU64);

impl Budget {
    pub fn new(requests: u64) -> Self {
        Self(AtomicU64::new(requests))
    }

    /// Takes as many as are left, at most `wanted`. Returns how many.
    fn take(&self, wanted: u64) -> u64 {
        let take = |left: u64| Some(left.saturating_sub(wanted));
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        before.unwrap_or_else(|left| left).min(wanted)
    }

    fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl<'b> Schedule<'b> {
    /// One request after the other.
    pub fn closed(measured: Instant, duration: Option<Duration>, budget: Option<&'b Budget>) -> Self {
        Self {
            pace: Pace::Closed,
            measured,
            end: duration.and_then(|d| measured.checked_add(d)),
            budget,
            over: false,
        }
    }

    /// As `closed`, with `rate` requests per second from `start` on, of which this thread makes number `first` and from
    /// there each `step`-th.
    pub fn open(self, start: Instant, rate: f64, first: u64, step: u64) -> Self {
        Self { pace: Pace::Open { start, rate, next: first, step }, ..self }
    }

    /// When the last request is due at the latest.
    pub fn end(&self) -> Option<Instant> {
        self.end
    }

    /// Takes the next request if it is due: returns since when.
    pub fn take(&mut self, now: Instant) -> Option<Instant> {
        if self.over || self.end.is_some_and(|end| now >= end) {
            self.over = true;
            return None;
        }
        let due = self.next().unwrap_or(now);
        if due > now {
            return None;
        }
        if due >= self.measured && self.budget.is_some_and(|budget| budget.take(1) == 0) {
            self.over = true;
            return None;
        }
        if let Pace::Open { next, step, .. } = &mut self.pace {
            *next += *step;
        }
        Some(due)
    }

    /// When the next request is due; `None` in closed loop.
    pub fn next(&self) -> Option<Instant> {
        match &self.pace {
            Pace::Closed => None,
            Pace::Open { start, rate, next, .. } => {
                // From the number, not from the last one's time: rounding must not add up.
                Some(*start + Duration::from_secs_f64(*next as f64 / rate))
            }
        }
    }

    /// Whether no more requests will become due.
    pub fn is_over(&self, now: Instant) -> bool {
        let has_ended = |end| now >= end || self.next().is_some_and(|next| next >= end);
        self.over || self.end.is_some_and(has_ended) || self.budget.is_some_and(Budget::is_spent)
    }

    /// Takes all requests that were due before `now` and the end. Returns how many.
    pub fn take_missed(&mut self, now: Instant) -> u64 {
        let Pace::Open { start, rate, next, step } = &mut self.pace else { return 0 };
        let until = self.end.map_or(now, |end| end.min(now));
        let due = (until.saturating_duration_since(*start).as_secs_f64() * *rate).ceil() as u64;
        let missed = due.saturating_sub(*next).div_ceil(*step);
        *next += missed * *step;
        self.budget.map_or(missed, |budget| budget.take(missed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn due_times_do_not_move_when_requests_are_taken_late() {
        let start = Instant::now();
        let mut schedule = Schedule::closed(start, Some(SECOND), None).open(start, 1000.0, 0, 1);
        assert_eq!(schedule.take(start), Some(start));
        assert_eq!(schedule.take(start), None);
        let late = start + SECOND / 2;
        let taken: Vec<_> = std::iter::from_fn(|| schedule.take(late)).collect();
        assert_eq!(taken.len(), 500);
        assert_eq!(taken[499] - start, Duration::from_millis(500));
        assert!(!schedule.is_over(late));
        assert_eq!((schedule.take(start + SECOND), schedule.is_over(start + SECOND)), (None, true));
        assert_eq!(schedule.take_missed(start + 2 * SECOND), 499);
    }

    #[test]
    fn threads_share_the_rate_without_overlap() {
        let start = Instant::now();
        let mut all = Vec::new();
        for first in 0..3 {
            let mut schedule = Schedule::closed(start, Some(SECOND), None).open(start, 10.0, first, 3);
            all.extend(std::iter::from_fn(|| schedule.take(start + SECOND - Duration::from_nanos(1))));
        }
        all.sort();
        let expected: Vec<_> =
            (0..10).map(|number| start + Duration::from_secs_f64(f64::from(number) / 10.0)).collect();
        assert_eq!(all, expected);
    }

    #[test]
    fn the_budget_counts_measured_requests_only() {
        let (start, budget) = (Instant::now(), Budget::new(2));
        let mut schedule = Schedule::closed(start + SECOND, None, Some(&budget));
        assert_eq!(schedule.take(start), Some(start));
        let later = start + 2 * SECOND;
        assert_eq!(
            (schedule.take(later), schedule.take(later), schedule.take(later)),
            (Some(later), Some(later), None)
        );
        assert!(schedule.is_over(later));
    }
}
