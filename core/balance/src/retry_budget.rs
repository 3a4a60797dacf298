//! How many calls may be repeated.

use crate::Moment;
use crate::window::Window;
use std::time::Duration;

/// A cap on repeated calls, shared by all that go to one target, so that a fault is not answered with several times
/// the load. As Finagle's and Tower's budgets: a part of the calls of the last ten seconds, and a few on top.
///
/// Every extra attempt has to be paid for: repeated calls as well as hedges.
#[derive(Debug)]
pub struct RetryBudget {
    /// Calls, and what was paid for.
    window: Window,
    part: f64,
    least: f64,
}

impl RetryBudget {
    /// Part of the calls that may be repeated. 0.2: under total failure a server meets 1.2 times the load, not three times
    /// (Finagle, Envoy, Linkerd).
    pub const PART: f64 = 0.2;
    /// What may be repeated each second in any case, or a client with few calls could repeat none (Finagle, Linkerd).
    pub const PER_SECOND: f64 = 10.0;
    /// The time over which calls are counted (Finagle, Tower).
    pub const WINDOW: Duration = Duration::from_secs(10);

    /// A budget of `part` of the calls and `per_second` in any case.
    pub fn new(part: f64, per_second: f64) -> Self {
        Self { window: Window::new(Self::WINDOW), part, least: per_second * Self::WINDOW.as_secs_f64() }
    }

    /// A call began. Not told for its repetitions.
    pub fn deposit(&self, now: Moment) {
        self.window.add(now, 1, 0);
    }

    /// Pays for one more attempt. False: it must not be made. Two threads that pay at once may both get the last one.
    #[must_use]
    pub fn try_withdraw(&self, now: Moment) -> bool {
        let affordable = self.is_affordable(now);
        if affordable {
            self.window.add(now, 0, 1);
        }
        affordable
    }

    /// Whether one more attempt could be paid for.
    #[must_use]
    pub fn is_affordable(&self, now: Moment) -> bool {
        let (calls, paid) = self.window.sums(now);
        (paid as f64) + 1.0 <= calls as f64 * self.part + self.least
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(Self::PART, Self::PER_SECOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_calls_and_a_few_on_top_may_be_repeated() {
        let (budget, now) = (RetryBudget::default(), Moment(0));
        let affordable = || (0..10_000).filter(|_| budget.try_withdraw(now)).count();
        assert_eq!(affordable(), 100);
        (0..1000).for_each(|_| budget.deposit(now));
        assert_eq!(affordable(), 200);
        assert!(budget.try_withdraw(now + RetryBudget::WINDOW), "what is long ago was forgotten");
    }

    #[test]
    fn a_budget_of_nothing_allows_nothing() {
        let budget = RetryBudget::new(0.0, 0.0);
        budget.deposit(Moment(0));
        assert!(!budget.try_withdraw(Moment(0)));
    }
}
