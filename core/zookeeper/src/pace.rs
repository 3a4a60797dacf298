//! When a list is read again after something on it changed.

use std::time::{Duration, Instant};

/// Readings that may follow each other soon. A server that is restarted changes its list three times.
const BURST: f64 = 8.0;
/// How long it takes until one more may.
const EARNED_IN: Duration = Duration::from_millis(500);
/// A change that comes so long after the last reading is read at once.
const QUIET: Duration = Duration::from_millis(500);
/// Other changes wait up to so long at random: more may come with them, and other readers.
const SPREAD: Duration = Duration::from_millis(150);

/// The readings of one list: the first one after quiet is at once, a burst of changes costs few, and no more than two a
/// second in the long run.
#[derive(Debug)]
pub struct Pace {
    /// Readings that may be made now.
    credit: f64,
    counted_at: Instant,
}

impl Pace {
    /// A list that was quiet before `now`.
    pub fn new(now: Instant) -> Self {
        Self { credit: BURST, counted_at: now.checked_sub(QUIET).unwrap_or(now) }
    }

    /// How long to wait from `now`, when something changed, before the reading. `share` is a random number below 1.
    pub fn wait(&mut self, now: Instant, share: f64) -> Duration {
        let since = now.saturating_duration_since(self.counted_at);
        let credit = (self.credit + since.div_duration_f64(EARNED_IN)).min(BURST) - 1.0;
        (self.credit, self.counted_at) = (credit, now);
        match credit {
            // This one is owed: the wait is what earns it.
            owed if owed < 0.0 => EARNED_IN.mul_f64(-owed) + SPREAD.mul_f64(share),
            _ if since >= QUIET => Duration::ZERO,
            _ => SPREAD.mul_f64(share),
        }
    }

    /// How long to wait from `now` before a reading that is due to the last one, which found the list changing under it: not
    /// at all while there is credit. It counts as any other.
    pub fn again(&mut self, now: Instant) -> Duration {
        self.wait(now, 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moments of the readings that changes at these moments cause.
    fn readings(changes: impl IntoIterator<Item = Duration>, share: f64) -> Vec<Duration> {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut readings: Vec<Duration> = Vec::new();
        for change in changes {
            if readings.last().is_none_or(|last| *last < change) {
                readings.push(change + pace.wait(start + change, share));
            }
        }
        readings
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_first_change_after_quiet_is_read_at_once() {
        assert_eq!(readings([ms(0), ms(5_000)], 0.9), [ms(0), ms(5_000)]);
    }

    #[test]
    fn of_a_rolling_restart_each_change_is_read_soon() {
        // One comes, says that it stops, and is gone; then the next.
        let changes: Vec<_> = (0..10).flat_map(|n| [0, 700, 900].map(|at| ms(1_500 * n + at))).collect();
        let readings = readings(changes.iter().copied(), 0.999);
        assert!(
            readings.iter().zip(&changes).all(|(read, change)| *read - *change <= ms(150)),
            "{readings:?}"
        );
    }

    #[test]
    fn a_thousand_changes_in_a_second_cost_few_readings_and_the_last_is_seen_soon() {
        for share in [0.0, 0.5, 0.999] {
            let readings = readings((0..1000).map(ms), share);
            assert!(readings.len() <= 20, "{readings:?}");
            assert!(
                *readings.last().unwrap() >= ms(999) && *readings.last().unwrap() <= ms(1_700),
                "{readings:?}"
            );
        }
    }

    #[test]
    fn readings_that_are_due_to_others_are_at_once_and_count() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let waits: Vec<_> = (0..9).map(|_| pace.again(now)).collect();
        assert!(waits[..8].iter().all(Duration::is_zero), "{waits:?}");
        assert_eq!((waits[8], pace.wait(now, 0.0)), (ms(500), ms(1_000)));
    }

    #[test]
    fn changes_without_end_cost_two_readings_a_second() {
        let readings = readings((0..60_000).map(ms), 0.0);
        assert!((120..=130).contains(&readings.len()), "{}", readings.len());
    }
}
