//! What the calls of one client may do together: be made, wait, and be repeated or hedged.

use crate::clock::{self, Now};
use crate::hedging::{Hedging, Reason};
use crate::metrics::ClientMeter;
use crate::waiting_room::WaitingRoom;
use libfast_balance::{RetryBudget, Throttle};
use libfast_model::{ClientOptions, Error, ErrorKind, Result};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Shared by all calls of a client and its clones.
#[derive(Debug)]
pub(crate) struct Allowance {
    retry_budget: RetryBudget,
    hedging: OnceLock<Hedging>,
    throttle: Option<Throttle>,
    waiting_room: Arc<WaitingRoom>,
    /// Longest that a call waits for one connection.
    pub connect_wait: Duration,
    options: Arc<ClientOptions>,
    meter: Option<Arc<ClientMeter>>,
}

impl Allowance {
    pub fn new(options: Arc<ClientOptions>, meter: Option<Arc<ClientMeter>>) -> Self {
        let part = options.retry_percent as f64 / 100.0;
        let waiting = meter.as_ref().map(|meter| meter.waiting.clone());
        Self {
            retry_budget: RetryBudget::new(part, options.retries_per_second as f64),
            hedging: OnceLock::new(),
            throttle: options.throttle.then(Throttle::new),
            waiting_room: Arc::new(WaitingRoom::new(options.connect_wait_calls, waiting)),
            connect_wait: Duration::from_millis(options.connect_wait_ms),
            options,
            meter,
        }
    }

    /// A call begins: whether it is to be made at all, or would only add to the trouble of endpoints that refuse. If so, that
    /// many more may be repeated.
    pub fn begin(&self, now: Now) -> Result<()> {
        if let Some(throttle) = &self.throttle
            && !clock::with_rng(|rng| throttle.admit(now.moment, rng))
        {
            return Err(self.hold_back(throttle.held_back(now.moment)));
        }
        self.retry_budget.deposit(now.moment);
        Ok(())
    }

    fn hold_back(&self, part: f64) -> Error {
        if let Some(meter) = &self.meter {
            meter.throttled.inc();
        }
        let message = format!(
            "`throttle` holds back {:.0} % of the calls, because the endpoints took few of those of the last {} seconds",
            part * 100.0,
            Throttle::WINDOW.as_secs()
        );
        Error::new(ErrorKind::Overload, message)
    }

    /// A call that was made was taken by an endpoint, however it ended.
    pub fn was_taken(&self) {
        if let Some(throttle) = &self.throttle {
            throttle.accepted(Now::read().moment);
        }
    }

    /// Pays for repeating a call. False: it must not be repeated.
    pub fn pay_retry(&self, now: Now) -> bool {
        self.retry_budget.try_withdraw(now.moment)
    }

    /// Pays for a second attempt, all of it or nothing. False: it must not be made.
    pub fn pay_hedge(&self, reason: Reason, now: Now) -> bool {
        match reason {
            Reason::Slow => self.hedging().can_pay(now) && self.pay_retry(now) && self.hedging().pay(now),
            Reason::Silent => self.pay_retry(now),
        }
    }

    /// What is known of calls with `hedge`.
    pub fn hedging(&self) -> &Hedging {
        self.hedging.get_or_init(|| Hedging::new(&self.options, self.meter.clone()))
    }

    /// Where calls wait.
    pub fn waiting_room(&self) -> &Arc<WaitingRoom> {
        &self.waiting_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_attempt_that_one_budget_refuses_costs_the_other_nothing() {
        let pairs = [("hedge_percent", "10"), ("retry_percent", "0"), ("retries_per_second", "0")];
        let allowance = Allowance::new(Arc::new(ClientOptions::from_pairs(pairs).unwrap()), None);
        let now = Now::read();
        (0..10).for_each(|_| _ = allowance.hedging().begin(now));
        for _ in 0..5 {
            assert!(!allowance.pay_hedge(Reason::Slow, now));
        }
        assert!(allowance.hedging().pay(now));
    }
}
