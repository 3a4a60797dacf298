//! How long calls took lately.

use crate::Moment;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The latencies of the last ten to twenty seconds, for a quantile of them. Updated from many threads without locks; a latency
/// that is lost to a race at the turn of a period is one of many.
///
/// A latency is known to an eighth of itself: buckets double in width with each power of two, which has eight of them.
#[derive(Debug)]
pub struct Latencies {
    /// The present period and the one before, by whether its number is even.
    periods: [Period; 2],
    number: AtomicU64,
}

#[derive(Debug)]
struct Period([AtomicU32; BUCKETS]);

const PERIOD_NS: u64 = 10_000_000_000;
/// Buckets of each power of two, as a power of two.
const PARTS: u32 = 3;
/// Up to 2^37 µs, about a day and a half.
const BUCKETS: usize = 35 << PARTS;
/// Fewer latencies tell nothing about the slowest of them.
const LEAST: u64 = 20;

impl Default for Latencies {
    fn default() -> Self {
        let period = || Period([const { AtomicU32::new(0) }; BUCKETS]);
        Self { periods: [period(), period()], number: AtomicU64::new(0) }
    }
}

impl Latencies {
    /// A call took so long.
    pub fn add(&self, now: Moment, latency: Duration) {
        self.period(now).0[bucket(latency)].fetch_add(1, Relaxed);
    }

    /// How long that `part` of the calls took at most, such as 0.95; `None` while too few are known.
    pub fn quantile(&self, now: Moment, part: f64) -> Option<Duration> {
        self.period(now);
        let count =
            |at: usize| self.periods.iter().map(|period| u64::from(period.0[at].load(Relaxed))).sum::<u64>();
        let all: u64 = (0..BUCKETS).map(count).sum();
        let wanted = (all as f64 * part).ceil() as u64;
        let mut seen = 0;
        let found = (0..BUCKETS).find(|&at| {
            seen += count(at);
            seen >= wanted
        });
        found.filter(|_| all >= LEAST).map(upper_end)
    }

    /// The period of `now`, emptied if it has just begun.
    fn period(&self, now: Moment) -> &Period {
        let number = now.0 / PERIOD_NS;
        let before = self.number.load(Relaxed);
        if number > before && self.number.compare_exchange(before, number, Relaxed, Relaxed).is_ok() {
            self.of(number).clear();
            if number > before + 1 {
                self.of(number + 1).clear();
            }
        }
        self.of(number)
    }

    fn of(&self, number: u64) -> &Period {
        &self.periods[(number % 2) as usize]
    }
}

impl Period {
    fn clear(&self) {
        self.0.iter().for_each(|count| count.store(0, Relaxed));
    }
}

fn bucket(latency: Duration) -> usize {
    let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
    let power = us.max(1 << PARTS).ilog2();
    let part = (us >> (power - PARTS)) as usize;
    // The first power has the buckets of all that is less as well.
    ((((power - PARTS) as usize) << PARTS) + part).min(BUCKETS - 1)
}

/// The least latency above all of the bucket.
fn upper_end(bucket: usize) -> Duration {
    let power = (bucket >> PARTS).saturating_sub(1);
    let part = (bucket - (power << PARTS)) as u64;
    Duration::from_micros((part + 1) << power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_known_to_an_eighth() {
        for us in [1, 7, 8, 9, 100, 1_000, 5_000, 123_456, 60_000_000] {
            let latencies = Latencies::default();
            (0..100).for_each(|_| latencies.add(Moment(0), Duration::from_micros(us)));
            let found = latencies.quantile(Moment(0), 0.95).unwrap().as_micros() as u64;
            assert!((us..=us + us / 8 + 1).contains(&found), "{us}: {found}");
        }
    }

    #[test]
    fn one_of_twenty_is_above_the_quantile() {
        let latencies = Latencies::default();
        let ms = |n| Duration::from_millis(n);
        (0..19).for_each(|_| latencies.add(Moment(0), ms(5)));
        assert_eq!(latencies.quantile(Moment(0), 0.95), None, "too few");
        latencies.add(Moment(0), ms(900));
        assert!(latencies.quantile(Moment(0), 0.95).unwrap() < ms(6));
        assert!(latencies.quantile(Moment(0), 0.96).unwrap() >= ms(900));
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let latencies = Latencies::default();
        let at = |secs| Moment(0) + Duration::from_secs(secs);
        (0..100).for_each(|_| latencies.add(at(9), Duration::from_secs(1)));
        assert!(latencies.quantile(at(19), 0.5).is_some());
        assert_eq!(latencies.quantile(at(20), 0.5), None);
        (0..100).for_each(|_| latencies.add(at(21), Duration::from_millis(1)));
        assert_eq!(latencies.quantile(at(500), 0.5), None);
    }
}
