//! The second attempt of a call whose first one takes long, or whose server fell silent.

use super::{Call, Phase};
use crate::channel::Wait;
use crate::charge::Charge;
use crate::clock::Now;
use crate::connection::Attempt;
use crate::hedging::{Fate, Reason};
use crate::observer::CallEvent;
use crate::retry;
use libfast_balance::Outcome;
use libfast_model::{Error, Progress};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::Sleep;

/// How far it is. There is none before the first attempt runs, and none after one of both has answered.
pub(super) enum Hedge {
    /// It is not due yet.
    Due(Pin<Box<Sleep>>),
    /// It is due.
    Now,
    Connecting {
        charge: Charge,
        wait: Wait,
    },
    Running {
        charge: Charge,
        attempt: Attempt,
    },
}

impl Call {
    /// The first attempt has left.
    pub(super) fn arm_hedge(&mut self, now: Now) {
        let due = self.client.shared().allowance.hedging().begin(now);
        self.hedge = due.map(|due| Box::new(Hedge::Due(self.sleep_until(due))));
    }

    /// The server of the attempt that runs seems to be gone or to stand still: there will be another attempt at once, if the call may
    /// run twice and has another one to go. The first one goes on, for the server may be back in a moment.
    pub(super) fn hedge_silence(&mut self) {
        let may_be_repeated =
            self.options.idempotent && !self.delivered && self.attempts <= self.options.retries;
        let is_due = matches!(self.hedge.as_deref(), None | Some(Hedge::Due(_)));
        if may_be_repeated && is_due && self.hedge_reason == Reason::Slow {
            self.hedge_reason = Reason::Silent;
            self.hedge = Some(Box::new(Hedge::Now));
        }
    }

    /// Drives the second attempt. Ready once it has taken the place of the first one, which is abandoned then: that says nothing about
    /// its endpoint, which may have been a moment from answering.
    pub(super) fn poll_hedge(&mut self, cx: &Context<'_>) -> Poll<()> {
        loop {
            let Some(mut hedge) = self.hedge.take() else { return Poll::Pending };
            let next = match *hedge {
                Hedge::Due(ref mut sleep) => {
                    if sleep.as_mut().poll(&mut Context::from_waker(cx.waker())).is_pending() {
                        self.hedge = Some(hedge);
                        return Poll::Pending;
                    }
                    self.begin_hedge(cx)
                }
                Hedge::Now => self.begin_hedge(cx),
                Hedge::Connecting { charge, mut wait } => {
                    match charge.channel().poll_connection(cx, &mut wait) {
                        Poll::Pending => {
                            self.hedge = Some(Box::new(Hedge::Connecting { charge, wait }));
                            return Poll::Pending;
                        }
                        Poll::Ready(connection) => {
                            let now = Now::read();
                            let started = connection.and_then(|connection| {
                                connection.start(&self.method, &self.args, &self.options, self.deadline, now)
                            });
                            match started {
                                Ok(attempt) => Some(Hedge::Running { charge, attempt }),
                                Err(error) => {
                                    self.end_hedge(charge, wait.has_failed(), &error);
                                    None
                                }
                            }
                        }
                    }
                }
                Hedge::Running { charge, mut attempt } => {
                    match attempt.poll_take(cx, &mut self.values, self.deadline) {
                        Poll::Pending => {
                            self.hedge = Some(Box::new(Hedge::Running { charge, attempt }));
                            return Poll::Pending;
                        }
                        Poll::Ready(Some(Err(error))) if error.progress() != Progress::Finished => {
                            self.end_hedge(charge, true, &error);
                            None
                        }
                        Poll::Ready(_) => {
                            self.count_hedge(Fate::Won);
                            self.take_over(charge, attempt);
                            return Poll::Ready(());
                        }
                    }
                }
            };
            self.hedge = next.map(Box::new);
        }
    }

    /// The first attempt has failed. True: the second one, which runs, goes on in its place.
    pub(super) fn fall_back_on_hedge(&mut self, first: &mut Charge, error: &Error) -> bool {
        let is_answer = error.progress() == Progress::Finished;
        if is_answer || !matches!(self.hedge.as_deref(), Some(Hedge::Running { .. })) {
            self.drop_hedge();
            return false;
        }
        let Some(Hedge::Running { charge, attempt }) = self.hedge.take().map(|hedge| *hedge) else {
            unreachable!("just looked at")
        };
        if let Some(outcome) = retry::outcome(error) {
            first.settle(outcome, Now::read());
        }
        self.observe(|| CallEvent::Failed { error });
        self.count_hedge(Fate::Won);
        self.take_over(charge, attempt);
        true
    }

    /// The first answer has come, from the attempt that runs.
    pub(super) fn answered_first(&mut self, now: Now) {
        self.learn_latency(now);
        self.drop_hedge();
    }

    pub(super) fn is_hedged(&self) -> bool {
        self.options.hedge && self.options.idempotent
    }

    /// It is of no use any more: the first attempt has answered, or the call is over.
    pub(super) fn drop_hedge(&mut self) {
        if let Some(Hedge::Connecting { .. } | Hedge::Running { .. }) = self.hedge.take().as_deref() {
            self.count_hedge(Fate::Lost);
        }
    }

    fn begin_hedge(&mut self, cx: &Context<'_>) -> Option<Hedge> {
        let (shared, now) = (self.client.shared(), Now::read());
        let tried = |member: &_| self.has_tried(member);
        // Looked at without choosing anybody, which would cost an endpoint its turn.
        if !shared.has_other(tried) {
            return None;
        }
        if !shared.allowance.pay_hedge(self.hedge_reason, now) {
            self.count_hedge(Fate::Denied);
            return None;
        }
        let Poll::Ready(Ok(member)) =
            shared.poll_pick(cx, &mut None, now.moment, self.options.affinity, tried)
        else {
            return None;
        };
        self.observe(|| CallEvent::Picked { endpoint: &member.endpoint.address });
        self.attempts += 1;
        Some(Hedge::Connecting { charge: Charge::new(member, now.moment), wait: Wait::default() })
    }

    /// The second attempt has failed. Unless `was_its_own`, that says nothing about the endpoint.
    fn end_hedge(&mut self, mut charge: Charge, was_its_own: bool, error: &Error) {
        if let (true, Some(outcome)) = (was_its_own, retry::outcome(error)) {
            charge.settle(outcome, Now::read());
        }
        // Another connection to the same one is another matter.
        if !retry::is_of_connection(error) {
            self.tried.push(charge.channel().clone());
        }
        self.discount_vain(error);
        self.observe(|| CallEvent::Failed { error });
        self.count_hedge(Fate::Lost);
    }

    /// The second attempt of a call whose first server fell silent has answered. If that one has still not, that is held against it as
    /// a call that timed out would be, or it would be chosen again, having nothing to answer.
    fn judge_silence(&mut self) {
        if let Phase::Running { charge, attempt } = &mut self.phase
            && self.hedge_reason == Reason::Silent
            && attempt.is_doubtful()
        {
            charge.settle(Outcome::TimedOut, Now::read());
        }
    }

    fn learn_latency(&self, now: Now) {
        if self.is_hedged() {
            self.client.shared().allowance.hedging().answered(now, self.started);
        }
    }

    fn count_hedge(&self, fate: Fate) {
        self.client.shared().allowance.hedging().count(self.hedge_reason, fate);
    }

    /// What it answered so far was an answer of the endpoint, be it an error of the method.
    fn take_over(&mut self, mut charge: Charge, attempt: Attempt) {
        if !self.values.is_empty() {
            let now = Now::read();
            self.delivered = true;
            charge.settle(Outcome::Answered, now);
            self.ended = attempt.is_over().then_some(now);
            self.learn_latency(now);
        }
        self.judge_silence();
        self.tried.extend(self.channel.replace(charge.channel().clone()));
        self.phase = Phase::Running { charge, attempt };
    }
}
