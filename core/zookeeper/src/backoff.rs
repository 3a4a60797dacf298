//! The waits between tries.

use std::time::Duration;

/// Waits that double from `first` up to `cap`, each with jitter so that many clients do not return at once.
pub struct Backoff {
    next: Duration,
    cap: Duration,
}

impl Backoff {
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self { next: first.min(cap), cap }
    }

    /// The next wait: between a half and the whole of the present step.
    pub fn step(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.cap);
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// `whole` more or less a fifth.
pub fn about(whole: Duration) -> Duration {
    whole.mul_f64(0.8 + fastrand::f64() * 0.4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_and_not_beyond() {
        let (first, cap) = (Duration::from_millis(100), Duration::from_millis(350));
        let mut backoff = Backoff::new(first, cap);
        let waits: Vec<_> = std::iter::repeat_with(|| backoff.step()).take(20).collect();
        assert!(waits[0] >= first / 2 && waits[0] <= first);
        assert!(waits[3..].iter().all(|wait| *wait >= cap / 2 && *wait <= cap), "{waits:?}");
    }
}
