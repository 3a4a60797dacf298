//! So many in a time, and no more.

use crate::Moment;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A rate limit with bursts. One word, which holds when the bucket would be full again (the generic cell rate
/// algorithm), so that threads share it without locks and never get more than there is.
#[derive(Debug)]
pub struct TokenBucket {
    full_at: AtomicU64,
    token_ns: u64,
    size_ns: u64,
}

impl TokenBucket {
    /// A full bucket of `burst` tokens, which fills with `per_second`. A rate of zero or less never fills it; at most a
    /// token a nanosecond.
    pub fn new(per_second: f64, burst: u32) -> Self {
        // As slow as can be told apart from the end of time, with all tokens in one word.
        let slowest = u64::MAX / 4 / u64::from(burst.max(1));
        let token_ns = if per_second > 0.0 { ((1e9 / per_second) as u64).clamp(1, slowest) } else { slowest };
        Self { full_at: AtomicU64::new(0), token_ns, size_ns: token_ns * u64::from(burst) }
    }

    /// Takes `count` tokens, or none. The error is the time after which there will be as many, unless others take them; it is
    /// [`Duration::MAX`] for more than the bucket holds.
    pub fn try_take(&self, now: Moment, count: u32) -> Result<(), Duration> {
        let mut full_at = self.full_at.load(Relaxed);
        loop {
            let after = self.after(full_at, now, count)?;
            match self.full_at.compare_exchange_weak(full_at, after, Relaxed, Relaxed) {
                Ok(_) => return Ok(()),
                Err(newer) => full_at = newer,
            }
        }
    }

    /// What [`try_take`](Self::try_take) would say, without taking any.
    pub fn look(&self, now: Moment, count: u32) -> Result<(), Duration> {
        self.after(self.full_at.load(Relaxed), now, count).map(|_| ())
    }

    /// When it would be full again with so many tokens taken.
    fn after(&self, full_at: u64, now: Moment, count: u32) -> Result<u64, Duration> {
        let price = self.token_ns.saturating_mul(u64::from(count));
        if price > self.size_ns {
            return Err(Duration::MAX);
        }
        let after = full_at.max(now.0).saturating_add(price);
        let wait = after.saturating_sub(now.0.saturating_add(self.size_ns));
        if wait > 0 { Err(Duration::from_nanos(wait)) } else { Ok(after) }
    }

    /// Tokens that are there.
    pub fn available(&self, now: Moment) -> u64 {
        let missing = self.full_at.load(Relaxed).saturating_sub(now.0);
        (self.size_ns.saturating_sub(missing)) / self.token_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let bucket = TokenBucket::new(10.0, 3);
        let start = Moment(5_000_000_000);
        for _ in 0..3 {
            assert!(bucket.look(start, 1).is_ok() && bucket.look(start, 4) == Err(Duration::MAX));
            bucket.try_take(start, 1).unwrap();
        }
        assert_eq!(bucket.look(start, 1), Err(Duration::from_millis(100)));
        assert_eq!(bucket.try_take(start, 1), Err(Duration::from_millis(100)));
        assert_eq!(bucket.try_take(start, 3), Err(Duration::from_millis(300)));
        bucket.try_take(start + Duration::from_millis(100), 1).unwrap();
        assert_eq!(bucket.available(start + Duration::from_secs(9)), 3, "it holds no more than its size");
        assert_eq!(bucket.try_take(start, 4), Err(Duration::MAX));
    }

    #[test]
    fn over_a_long_time_it_gives_exactly_its_rate() {
        let bucket = TokenBucket::new(1000.0, 10);
        let times = (0..100_000u64).map(|n| Moment(0) + Duration::from_micros(100) * n as u32);
        assert_eq!(times.filter(|now| bucket.try_take(*now, 1).is_ok()).count(), 10_000 + 9);
    }

    #[test]
    fn without_a_rate_there_is_the_burst_only() {
        let bucket = TokenBucket::new(0.0, 2);
        bucket.try_take(Moment(0), 2).unwrap();
        assert!(bucket.try_take(Moment(0) + Duration::from_secs(86_400 * 365), 1).is_err());
    }
}
