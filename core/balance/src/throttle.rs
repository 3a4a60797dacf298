//! Holding back calls that would be refused.

use crate::Moment;
use crate::window::Window;
use std::time::Duration;

/// Adaptive throttling at the client, as in "Site Reliability Engineering", chapter 21: once the target refuses more
/// than every second call, the excess fails here at no cost to the target. One per target.
#[derive(Debug)]
pub struct Throttle {
    /// Calls, those held back included, and those that were accepted.
    window: Window,
}

impl Throttle {
    /// The time over which calls are counted: 30 s, long enough to notice the recovery of a target by what still passes.
    pub const WINDOW: Duration = Duration::from_secs(30);
    /// Calls per accepted one that are let through: 2, so that the target learns of growing demand.
    pub const FACTOR: f64 = 2.0;
    /// Part of the calls held back, at most: 0.8, so that recovery is noticed soon.
    pub const MOST: f64 = 0.8;
    /// Calls a second below which none is held back: 5, since so few burden nobody.
    pub const LEAST_PER_SECOND: f64 = 5.0;

    /// Nothing is known.
    pub fn new() -> Self {
        Self { window: Window::new(Self::WINDOW) }
    }

    /// Counts a call and tells whether it may be sent. What is held back says nothing about any endpoint.
    #[must_use]
    pub fn admit(&self, now: Moment, rng: &mut fastrand::Rng) -> bool {
        let held_back = self.held_back(now);
        self.window.add(now, 1, 0);
        held_back == 0.0 || rng.f64() >= held_back
    }

    /// The target took a call, however that ended.
    pub fn accepted(&self, now: Moment) {
        self.window.add(now, 0, 1);
    }

    /// The part of the calls that is held back now.
    pub fn held_back(&self, now: Moment) -> f64 {
        let (calls, accepted) = self.window.sums(now);
        let (calls, accepted) = (calls as f64, accepted as f64);
        if calls < Self::LEAST_PER_SECOND * Self::WINDOW.as_secs_f64() {
            return 0.0;
        }
        ((calls - Self::FACTOR * accepted) / (calls + 1.0)).clamp(0.0, Self::MOST)
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A target that takes so many calls a second of a hundred; the calls that reach it in the 60th second.
    fn reaching(taken: u64) -> u64 {
        let (throttle, mut rng) = (Throttle::new(), fastrand::Rng::with_seed(1));
        let mut reached = 0;
        for second in 0..60u64 {
            reached = 0;
            for call in 0..100u64 {
                let now = Moment((second * 100 + call) * 10_000_000);
                if throttle.admit(now, &mut rng) {
                    reached += 1;
                    if reached <= taken {
                        throttle.accepted(now);
                    }
                }
            }
        }
        reached
    }

    #[test]
    fn a_target_meets_about_twice_what_it_takes() {
        assert_eq!(reaching(100), 100);
        assert!((35..=50).contains(&reaching(20)), "{}", reaching(20));
        assert!((10..=30).contains(&reaching(0)), "a fifth finds out whether it is back: {}", reaching(0));
    }
}
