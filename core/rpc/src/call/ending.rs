//! How a call ends: in time or not, and what its caller and the metrics are told.

use super::{Call, Phase};
use crate::clock::Now;
use crate::{metrics, remote};
use libfast_balance::Outcome;
use libfast_model::{Error, ErrorKind, Progress};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// A deadline that is noticed so late was missed by this process, which stood still or did not look.
const LATE: Duration = Duration::from_millis(500);

impl Call {
    pub(super) fn sleep_until(&self, then: Instant) -> Pin<Box<Sleep>> {
        let _context = self.client.shared().runtime.enter();
        Box::pin(tokio::time::sleep_until(then.into()))
    }

    /// Ready with the error once the call has timed out, for an owner that takes no values at present. Wakes `cx` then.
    pub fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        // The clock decides, not the timer: a caller with a clock of its own may poll before the timer does.
        if !self.is_overdue() {
            let mut timer = self.timer.take().unwrap_or_else(|| self.sleep_until(deadline));
            let is_pending = timer.as_mut().poll(cx).is_pending();
            self.timer = Some(timer);
            if is_pending {
                return Poll::Pending;
            }
        }
        let error = self.time_out();
        self.tell_end(Some(&error));
        Poll::Ready(error)
    }

    pub(super) fn is_overdue(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    pub(super) fn time_out(&mut self) -> Error {
        let limit = self.options.timeout.unwrap_or_default().as_millis();
        let error = |doing: &str| {
            Error::new(
                ErrorKind::Timeout,
                format!("{:?} timed out after {limit} milliseconds, {doing}", self.method.name),
            )
            .with_merged_info(format!(r#"{{"timeout":{limit}}}"#))
        };
        let mut msgid = None;
        let waited_for = self.last_failure().map(|last| {
            error(&format!("waiting for an endpoint that is ready: {}", last.message())).at(last.endpoint())
        });
        let error = match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Picking { .. } | Phase::Awaiting { .. } | Phase::Connecting { .. }
                if waited_for.is_some() =>
            {
                waited_for.expect("just checked")
            }
            Phase::Picking { .. } | Phase::Awaiting { .. } | Phase::Failed { .. } | Phase::Done => error(
                &format!("waiting for the registry to list providers of {}", self.client.shared().target),
            ),
            Phase::Pausing { last, .. } => error(&format!("about to be repeated after: {}", last.message()))
                .at(last.endpoint())
                .with_progress(last.progress()),
            // An endpoint that cannot be connected to is known to its channel.
            Phase::Connecting { charge, .. } => error("connecting").at(charge.address()),
            Phase::Running { mut charge, mut attempt } => {
                let (now, progress) = (Now::read(), attempt.progress());
                let is_late = self.deadline.is_some_and(|deadline| now.instant > deadline + LATE);
                // What it did not get to the end, or answered while this process did not look, is not held against it. One that takes
                // nothing any more is found out by other means.
                if attempt.is_written() && !is_late {
                    charge.settle(Outcome::TimedOut, now);
                }
                attempt.time_out();
                msgid = Some(attempt.id());
                let address = charge.address();
                error(&format!("waiting for {address}")).at(address).with_progress(progress)
            }
        };
        self.record(metrics::error_type(&error));
        self.describe(error, msgid)
    }

    /// Records the end of the call, once. An empty `error_type` is success.
    pub(super) fn record(&mut self, error_type: &str) {
        if std::mem::replace(&mut self.recorded, true) {
            return;
        }
        (self.patience, self.waiter) = (None, None);
        if self.hedge.is_some() {
            self.drop_hedge();
        }
        if !self.refused {
            self.client.shared().allowance.was_taken();
        }
        let endpoint = self.channel.as_ref().and_then(|channel| channel.meter.as_ref());
        let methods = &self.client.shared().methods;
        methods.ended(&self.method, endpoint, self.took(), error_type);
    }

    /// From when the call was made to its end, or to now.
    pub(super) fn took(&self) -> Duration {
        self.ended.unwrap_or_else(Now::read).since(self.started)
    }

    /// The end of a call that is not made, as its endpoints would most likely refuse it.
    pub(super) fn hold_back(&mut self, error: Error) -> Error {
        self.refused = true;
        self.describe(error, None)
    }

    /// The error for a caller that stops waiting for this call.
    pub fn abandoned(&self) -> Error {
        let error = Error::new(ErrorKind::Abandoned, "the call was abandoned by its caller");
        match &self.phase {
            Phase::Running { charge, attempt } => {
                let error = error.at(charge.address()).with_progress(attempt.progress());
                self.describe(error, Some(attempt.id()))
            }
            Phase::Done => self.describe(error.with_progress(Progress::Finished), None),
            Phase::Pausing { last, .. } => {
                self.describe(error.at(last.endpoint()).with_progress(last.progress()), None)
            }
            Phase::Picking { .. }
            | Phase::Awaiting { .. }
            | Phase::Connecting { .. }
            | Phase::Failed { .. } => self.describe(error, None),
        }
    }

    pub(super) fn describe(&self, error: Error, msgid: Option<u32>) -> Error {
        let error = remote::with_call(error, &self.method.name, msgid);
        match self.attempts {
            2.. => {
                let took = self.took().as_millis();
                error.context(format_args!("{} attempts in {took} ms, the last one", self.attempts))
            }
            _ => error,
        }
    }
}
