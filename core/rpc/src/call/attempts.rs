//! The attempts of a call: to which endpoint each goes, over which connection, and whether another one follows.

use super::watching::observe_sent;
use super::{Call, Phase};
use crate::channel::{Channel, Wait};
use crate::charge::Charge;
use crate::clock::Now;
use crate::observer::CallEvent;
use crate::{remote, retry};
use libfast_balance::{Member, Outcome};
use libfast_model::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

/// Why a call that may be repeated is not.
const OVER_BUDGET: &str = "not repeated, because `retry_percent` and `retries_per_second` are used up";
/// Connections that may break before anything of the call was sent without being counted as attempts.
const VAIN_CONNECTIONS: u8 = 3;

impl Call {
    /// Drives the call. `Ready(Some(Ok))`: there are values. `Ready(None)`: it is over.
    pub(super) fn advance(&mut self, cx: &Context<'_>) -> Poll<Option<Result<()>>> {
        loop {
            if !self.values.is_empty() {
                return Poll::Ready(Some(Ok(())));
            }
            let Phase::Running { charge, attempt } = &mut self.phase else {
                if ready!(self.begin(cx, Now::read())?) {
                    continue;
                }
                return Poll::Ready(None);
            };
            let polled = attempt.poll_take(cx, &mut self.values, self.deadline);
            observe_sent(self.options.observer.as_ref(), &mut self.is_sent, attempt, cx);
            let Poll::Ready(taken) = polled else {
                if attempt.is_doubtful() {
                    self.hedge_silence();
                }
                if self.hedge.is_some() && self.poll_hedge(cx).is_ready() {
                    continue;
                }
                return Poll::Pending;
            };
            let is_first = !charge.is_settled();
            match taken {
                None => {
                    self.delivered = true;
                    // Only the first value and the last tell something.
                    if is_first || attempt.is_over() {
                        let now = attempt.came();
                        charge.settle(Outcome::Answered, now);
                        self.ended = attempt.is_over().then_some(now);
                        if is_first && (self.hedge.is_some() || self.is_hedged()) {
                            self.answered_first(now);
                        }
                    }
                }
                Some(Ok(())) => {
                    let now = *self.ended.get_or_insert(attempt.came());
                    charge.settle(Outcome::Answered, now);
                    self.phase = Phase::Done;
                    if is_first && (self.hedge.is_some() || self.is_hedged()) {
                        self.answered_first(now);
                    }
                    return Poll::Ready(None);
                }
                Some(Err(error)) => {
                    let msgid = attempt.id();
                    self.lose_attempt(error, msgid)?;
                }
            }
        }
    }

    /// The attempt that ran has failed. The call goes on with its hedge, or another one, if that is safe.
    #[cold]
    fn lose_attempt(&mut self, error: Error, msgid: u32) -> Result<()> {
        let Phase::Running { mut charge, .. } = std::mem::replace(&mut self.phase, Phase::Done) else {
            unreachable!("it runs")
        };
        if self.hedge.is_some() && self.fall_back_on_hedge(&mut charge, &error) {
            return Ok(());
        }
        self.fail_attempt(Some(charge), error, Some(msgid))
    }

    /// Sends the request, if it is not sent. False: the call is over.
    pub(super) fn begin(&mut self, cx: &Context<'_>, now: Now) -> Poll<Result<bool>> {
        loop {
            // Each phase is taken out and either put back or replaced.
            match std::mem::replace(&mut self.phase, Phase::Done) {
                Phase::Picking { last } => match self.pick(last, cx, now) {
                    Poll::Ready(Ok(member)) => {
                        self.observe(|| CallEvent::Picked { endpoint: &member.endpoint.address });
                        self.attempts += 1;
                        self.tried.extend(self.channel.replace(member.owner.clone()));
                        self.wait_anew();
                        self.phase = Phase::Connecting {
                            charge: Charge::new(member, now.moment),
                            wait: Wait::default(),
                        };
                    }
                    Poll::Ready(Err(error)) => self.wait_or_fail(error)?,
                    Poll::Pending => return self.wait_for_providers(),
                },
                Phase::Connecting { charge, mut wait } => {
                    let reused = !wait.has_begun();
                    let Poll::Ready(connection) = charge.channel().poll_connection(cx, &mut wait) else {
                        if self.keeps_connecting(charge, wait, now)? {
                            return Poll::Pending;
                        }
                        continue;
                    };
                    let open = self.client.shared().check_attached();
                    let started = open.and(connection).and_then(|connection| {
                        connection.start(&self.method, &self.args, &self.options, self.deadline, now)
                    });
                    match started {
                        Ok(attempt) => {
                            let endpoint = charge.address();
                            self.observe(|| CallEvent::Connected { endpoint, reused });
                            self.is_sent = false;
                            (self.patience, self.waiter) = (None, None);
                            self.refused = false;
                            self.phase = Phase::Running { charge, attempt };
                            if self.is_hedged() && self.attempts == 1 {
                                self.arm_hedge(now);
                            }
                            return Poll::Ready(Ok(true));
                        }
                        Err(error) => {
                            // What another one met, or this process itself, says nothing about the endpoint.
                            let charge = wait.has_failed().then_some(charge);
                            self.fail_attempt(charge, error, None)?;
                        }
                    }
                }
                running @ Phase::Running { .. } => {
                    self.phase = running;
                    return Poll::Ready(Ok(true));
                }
                Phase::Done => return Poll::Ready(Ok(false)),
                Phase::Failed { error } => return Poll::Ready(Err(error)),
                resting => {
                    if self.rests(resting, cx) {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// Nobody is known yet whom it could go to.
    #[cold]
    fn wait_for_providers(&mut self) -> Poll<Result<bool>> {
        self.wait().map_err(|full| self.describe(full, None))?;
        self.phase = Phase::Picking { last: None };
        Poll::Pending
    }

    /// There is no connection yet. False: it does not wait for it any longer.
    #[cold]
    fn keeps_connecting(&mut self, charge: Charge, wait: Wait, now: Now) -> Result<bool> {
        let Err(error) = self.wait_for_connection(now.instant) else {
            self.phase = Phase::Connecting { charge, wait };
            return Ok(true);
        };
        let address = charge.address();
        let error = error.context(address).at(address);
        self.crowded_out(&error);
        self.fail_attempt(None, error, None)?;
        Ok(false)
    }

    /// Between two attempts, or until any endpoint is there. False: it goes on.
    #[cold]
    fn rests(&mut self, resting: Phase, cx: &Context<'_>) -> bool {
        match resting {
            Phase::Pausing { mut pause, last } => {
                if pause.as_mut().poll(&mut Context::from_waker(cx.waker())).is_pending() {
                    self.phase = Phase::Pausing { pause, last };
                    return true;
                }
                self.phase = Phase::Picking { last: Some(last) };
            }
            // Whatever it is woken by, it looks again.
            Phase::Awaiting { told: true, .. } => self.phase = Phase::Picking { last: None },
            Phase::Awaiting { mut pause, told: false } => {
                self.client.shared().await_change(cx, &mut self.waiter);
                let _ = pause.as_mut().poll(&mut Context::from_waker(cx.waker()));
                self.phase = Phase::Awaiting { pause, told: true };
                return true;
            }
            other => self.phase = other,
        }
        false
    }

    /// Chooses the next endpoint, unless `last` was the last attempt.
    fn pick(
        &mut self,
        last: Option<Error>,
        cx: &Context<'_>,
        now: Now,
    ) -> Poll<Result<Arc<Member<Channel>>>> {
        let must_be_connected = std::mem::take(&mut self.crowded);
        let mut waiter = self.waiter.take();
        let (shared, affinity) = (self.client.shared(), self.options.affinity);
        let tried = |member: &Member<Channel>| {
            self.has_tried(member) || must_be_connected && !member.owner.is_connected()
        };
        let picked = shared.poll_pick(cx, &mut waiter, now.moment, affinity, tried);
        self.waiter = waiter;
        match last {
            None => picked,
            Some(last) => Poll::Ready(self.pick_again(picked, last, cx, now)),
        }
    }

    /// What was chosen after `last` failed, if the call may be repeated.
    #[cold]
    fn pick_again(
        &mut self,
        mut picked: Poll<Result<Arc<Member<Channel>>>>,
        last: Error,
        cx: &Context<'_>,
        now: Now,
    ) -> Result<Arc<Member<Channel>>> {
        let (shared, affinity) = (self.client.shared(), self.options.affinity);
        if matches!(picked, Poll::Ready(Err(_))) && retry::is_of_connection(&last) {
            // Every endpoint was tried, but another connection to the same one is another matter.
            picked = shared.poll_pick(cx, &mut self.waiter, now.moment, affinity, |_| false);
        }
        // Every endpoint was tried: what went wrong there says more than that none is left.
        let Poll::Ready(Ok(member)) = picked else { return Err(last) };
        if let Some(failed) = &self.channel {
            let is_paid = !retry::is_charged(&last) || shared.allowance.pay_retry(now);
            failed.meter.iter().for_each(|meter| meter.retried(&last, is_paid));
            if !is_paid {
                return Err(last.context(OVER_BUDGET));
            }
        }
        Ok(member)
    }

    pub(super) fn has_tried(&self, member: &Member<Channel>) -> bool {
        self.channel.iter().chain(&self.tried).any(|channel| Arc::ptr_eq(channel, &member.owner))
    }

    /// The call cannot wait for the connection to its endpoint. If that is for want of room it was no try, and goes on to one that
    /// is connected.
    fn crowded_out(&mut self, error: &Error) {
        if error.kind() == ErrorKind::Overload {
            self.crowded = true;
            self.attempts -= 1;
        }
    }

    /// Goes on to the next attempt if that is safe; otherwise returns the error. Without a `charge` the failure says nothing about
    /// the endpoint.
    #[cold]
    fn fail_attempt(&mut self, charge: Option<Charge>, error: Error, msgid: Option<u32>) -> Result<()> {
        let error = remote::with_call(error, &self.method.name, msgid);
        if let (Some(mut charge), Some(outcome)) = (charge, retry::outcome(&error)) {
            charge.settle(outcome, Now::read());
        }
        self.observe(|| CallEvent::Failed { error: &error });
        let is_safe = !self.delivered && retry::is_safe(&error, self.options.idempotent);
        self.refused = retry::is_refusal(&error);
        self.discount_vain(&error);
        if !is_safe || self.attempts > self.options.retries {
            return self.wait_or_fail(error);
        }
        let pause = retry::pause(&error, self.attempts);
        self.phase = match pause.is_zero() {
            true => Phase::Picking { last: Some(error) },
            false => Phase::Pausing { pause: self.sleep_until(Instant::now() + pause), last: error },
        };
        Ok(())
    }

    /// An attempt that failed so was none if nothing of it was sent.
    pub(super) fn discount_vain(&mut self, error: &Error) {
        if retry::is_of_connection(error) && self.vain_connections < VAIN_CONNECTIONS {
            self.vain_connections += 1;
            self.attempts -= 1;
        }
    }
}
