//! When a call gets a second attempt beside the first one.

use crate::clock::Now;
use crate::metrics::ClientMeter;
use libfast_balance::{Latencies, RetryBudget};
use libfast_model::ClientOptions;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a client knows of its calls with `hedge`. There is none before the first such call.
#[derive(Debug)]
pub(crate) struct Hedging {
    latencies: Latencies,
    budget: RetryBudget,
    fixed: Option<Duration>,
    meter: Option<Arc<ClientMeter>>,
}

/// Why there is a second attempt, in the order of its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The first one takes longer than most do.
    Slow,
    /// The server of the first one seems to be gone or to stand still.
    Silent,
}

/// What became of a second attempt, in the order of its counters.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Won,
    Lost,
    /// It was not made.
    Denied,
}

/// The part of the calls that get no second attempt, for all they take.
const USUAL: f64 = 0.95;

impl Hedging {
    pub fn new(options: &ClientOptions, meter: Option<Arc<ClientMeter>>) -> Self {
        Self {
            latencies: Latencies::default(),
            budget: RetryBudget::new(options.hedge_percent as f64 / 100.0, 0.0),
            fixed: (options.hedge_ms > 0).then(|| Duration::from_millis(options.hedge_ms)),
            meter,
        }
    }

    /// A call begins: when its second attempt is due. `None` while it is not known what takes long.
    pub fn begin(&self, now: Now) -> Option<Instant> {
        self.budget.deposit(now.moment);
        let delay = self.fixed.or_else(|| self.latencies.quantile(now.moment, USUAL))?;
        now.instant.checked_add(delay)
    }

    /// A call that began at `began` was answered.
    pub fn answered(&self, now: Now, began: Now) {
        if self.fixed.is_none() {
            self.latencies.add(now.moment, now.since(began));
        }
    }

    /// Whether [`pay`](Self::pay) would.
    pub fn can_pay(&self, now: Now) -> bool {
        self.budget.is_affordable(now.moment)
    }

    /// Pays for a second attempt. False: it must not be made.
    pub fn pay(&self, now: Now) -> bool {
        self.budget.try_withdraw(now.moment)
    }

    pub fn count(&self, reason: Reason, fate: Fate) {
        if let Some(meter) = &self.meter {
            meter.hedges[reason as usize][fate as usize].inc();
        }
    }
}
