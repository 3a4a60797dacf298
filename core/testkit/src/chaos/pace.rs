//! When the next write of a direction may happen, and how large it may be.

use super::plan::Faults;
use std::num::NonZeroU64;
use std::time::Duration;
use tokio::time::Instant;

/// What a write may take of a second's worth of bandwidth.
const WRITE: Duration = Duration::from_millis(20);
/// How much of lost time is made up for: timers are late by about a millisecond.
const CREDIT: Duration = Duration::from_millis(5);

/// The pace of one direction of a connection.
#[derive(Default)]
pub struct Pace {
    /// With the faults that each was for: under others there is nothing to be waited for.
    free_at: Option<(NonZeroU64, Instant)>,
    pause_until: Option<(Duration, Instant)>,
}

impl Pace {
    /// Before when nothing may be written.
    pub fn next(&self, faults: &Faults) -> Option<Instant> {
        let pause = self.pause_until.filter(|(pause, _)| *pause == faults.pause());
        self.free_at(faults).max(pause.map(|(_, moment)| moment))
    }

    /// Most bytes of one write.
    pub fn most(faults: &Faults) -> usize {
        let split = faults.split.map_or(usize::MAX, |split| split.get());
        let share =
            |rate: u64| usize::try_from(rate / (1000 / WRITE.as_millis() as u64)).unwrap_or(usize::MAX);
        split.min(faults.bandwidth.map_or(usize::MAX, |rate| share(rate.get()).max(1)))
    }

    /// Bytes have been written.
    pub fn written(&mut self, count: usize, now: Instant, faults: &Faults) {
        self.free_at = faults.bandwidth.map(|rate| {
            // The first write has no lost time to make up for.
            let earliest = now.checked_sub(CREDIT).unwrap_or(now);
            let since = self.free_at(faults).unwrap_or(now).max(earliest);
            (rate, since + Duration::from_secs_f64(count as f64 / rate.get() as f64))
        });
        let pause = faults.pause();
        self.pause_until = (!pause.is_zero()).then(|| (pause, now + pause));
    }

    fn free_at(&self, faults: &Faults) -> Option<Instant> {
        self.free_at.filter(|(rate, _)| Some(*rate) == faults.bandwidth).map(|(_, moment)| moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer that is late by anything up to 3 ms, as timers are.
    #[test]
    fn the_rate_is_reached_and_not_passed() {
        for rate in [10_u64, 1_000, 125_000, 1 << 30] {
            let faults = Faults { bandwidth: NonZeroU64::new(rate), ..Default::default() };
            let start = Instant::now();
            let (mut pace, mut now, mut total) = (Pace::default(), start, 0_u64);
            for late in (0..4).cycle().take(2_000) {
                now = pace.next(&faults).unwrap_or(now).max(now) + Duration::from_millis(late);
                let count = Pace::most(&faults);
                pace.written(count, now, &faults);
                total += count as u64;
            }
            let most = rate as f64 * ((now - start) + WRITE + CREDIT).as_secs_f64() + 1.0;
            assert!(total as f64 <= most, "{total} bytes instead of at most {most}");
            assert!(total as f64 >= 0.9 * most, "{total} bytes instead of {most}");
        }
    }
}
