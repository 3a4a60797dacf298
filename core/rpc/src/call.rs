//! One call: its attempts, its deadline, and the values that came.

use crate::call_options::CallOptions;
use crate::channel::{Channel, Wait};
use crate::charge::Charge;
use crate::client::Client;
use crate::connection::{Attempt, Incoming};
use crate::metrics::{self, ClientMethod};
use crate::observer::CallEvent;
use crate::value::Value;
use crate::{remote, retry};
use bytes::Bytes;
use libfast_balance::{Member, Outcome};
use libfast_model::{Error, ErrorKind, Progress, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// A call under way: the values of its answer, one by one.
///
/// The request leaves when the call is made, if a connection is there. Connecting and repeating go on while the call is
/// polled. Dropping it abandons the call: the server is not told, and what it still sends is dropped.
pub struct Call {
    /// Kept open by its calls: they may have yet to learn from the registry whom to call.
    client: Client,
    method: Arc<ClientMethod>,
    args: Bytes,
    options: CallOptions,
    started: Instant,
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    phase: Phase,
    /// Where the last attempt went, and those before.
    channel: Option<Arc<Channel>>,
    tried: Vec<Arc<Channel>>,
    attempts: u32,
    delivered: bool,
    recorded: bool,
    /// When the end was known, if it was looked at then.
    ended: Option<Instant>,
    /// Whether the observer knows that the request is sent.
    is_sent: bool,
    values: Incoming,
}

/// The values of a call, as many as were wanted, and how it ended.
#[derive(Debug, Default)]
pub struct Buffered {
    /// The first values, valid with an error as well.
    pub values: Vec<Value>,
    /// How many came in all.
    pub count: u64,
    /// Why the call failed, if it did.
    pub error: Option<Error>,
}

enum Phase {
    Picking {
        last: Option<Error>,
    },
    /// Between two attempts.
    Pausing {
        pause: Pin<Box<Sleep>>,
        last: Error,
    },
    Failed {
        error: Error,
    },
    Connecting {
        charge: Charge,
        wait: Wait,
    },
    Running {
        charge: Charge,
        attempt: Attempt,
    },
    Done,
}

/// Why a call that may be repeated is not.
const OVER_BUDGET: &str = "not repeated, because `retry_percent` and `retries_per_second` are used up";

/// A deadline that is noticed so late was missed by this process, which stood still or did not look.
const LATE: Duration = Duration::from_millis(500);

impl Call {
    pub(crate) fn new(client: Client, method: &str, args: Bytes, options: CallOptions) -> Self {
        let mut call = Self::in_phase(client, method, args, options, Phase::Picking { last: None });
        call.client.shared().earn_retries(call.started);
        // The request should leave now, not when somebody first looks for the answer.
        if let Poll::Ready(Err(error)) = call.begin(&Context::from_waker(Waker::noop()), call.started) {
            call.record(metrics::error_type(&error));
            call.phase = Phase::Failed { error };
        }
        call
    }

    /// A call that failed before it began.
    pub(crate) fn failed(client: Client, method: &str, error: Error) -> Self {
        let options = CallOptions { timeout: None, ..client.call_options() };
        let error_type = metrics::error_type(&error).to_owned();
        let mut call = Self::in_phase(client, method, Bytes::new(), options, Phase::Failed { error });
        call.record(&error_type);
        call
    }

    fn in_phase(client: Client, method: &str, args: Bytes, options: CallOptions, phase: Phase) -> Self {
        let started = Instant::now();
        let method = client.shared().methods.get(method);
        method.begin();
        Self {
            client,
            method,
            args,
            started,
            // A timeout beyond what the clock can hold is none.
            deadline: options.timeout.and_then(|timeout| started.checked_add(timeout)),
            options,
            timer: None,
            phase,
            channel: None,
            tried: Vec::new(),
            attempts: 0,
            delivered: false,
            recorded: false,
            ended: None,
            is_sent: false,
            values: Incoming::default(),
        }
    }

    /// The next value; `None` after the last one. After an error there is nothing more. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Value>> {
        std::future::poll_fn(|cx| self.poll_next_value(cx)).await
    }

    /// All values that are still to come. Cancel safe up to dropping the call.
    pub async fn collect(mut self) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        while let Some(value) = self.next().await {
            all.push(value?);
        }
        Ok(all)
    }

    /// Keeps the first `most` values and counts all: for callers that want to know about what came before an error, or how
    /// much there was. Cancel safe up to dropping the call.
    pub async fn buffer(mut self, most: usize) -> Buffered {
        let mut buffered = Buffered::default();
        while let Some(next) = self.next().await {
            match next {
                Ok(value) => {
                    buffered.count += 1;
                    if buffered.values.len() < most {
                        buffered.values.push(value);
                    }
                }
                Err(error) => buffered.error = Some(error),
            }
        }
        buffered
    }

    /// The poll form of [`next`](Self::next).
    pub fn poll_next_value(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Value>>> {
        match self.poll_untimed(cx) {
            // The connection wakes a call that waits for an answer.
            Poll::Pending if matches!(self.phase, Phase::Running { .. }) && !self.is_overdue() => {
                Poll::Pending
            }
            Poll::Pending => self.poll_deadline(cx).map(|error| Some(Err(error))),
            ready => ready,
        }
    }

    /// Without a timer of its own.
    fn poll_untimed(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Value>>> {
        if let Some(value) = self.values.pop() {
            return Poll::Ready(Some(Ok(Value::new(value))));
        }
        match self.advance(cx) {
            Poll::Ready(Some(Ok(()))) => {}
            Poll::Ready(None) => self.record(""),
            Poll::Ready(Some(Err(error))) => {
                self.record(metrics::error_type(&error));
                return Poll::Ready(Some(Err(error)));
            }
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(self.values.pop().map(|value| Ok(Value::new(value))))
    }

    /// Drives the call. `Ready(Some(Ok))`: there are values. `Ready(None)`: it is over.
    fn advance(&mut self, cx: &Context<'_>) -> Poll<Option<Result<()>>> {
        loop {
            if !self.values.is_empty() {
                return Poll::Ready(Some(Ok(())));
            }
            self.observe_sent(cx);
            let Phase::Running { charge, attempt } = &mut self.phase else {
                if ready!(self.begin(cx, Instant::now())?) {
                    continue;
                }
                return Poll::Ready(None);
            };
            match ready!(attempt.poll_take(cx, &mut self.values, self.deadline)) {
                None => {
                    self.delivered = true;
                    // Only the first value and the last tell something.
                    if !charge.is_settled() || attempt.is_over() {
                        let now = Instant::now();
                        charge.settle(Outcome::Answered, now);
                        self.ended = attempt.is_over().then_some(now);
                    }
                }
                Some(Ok(())) => {
                    charge.settle(Outcome::Answered, *self.ended.get_or_insert_with(Instant::now));
                    self.phase = Phase::Done;
                    return Poll::Ready(None);
                }
                Some(Err(error)) => {
                    let msgid = attempt.id();
                    let Phase::Running { charge, .. } = std::mem::replace(&mut self.phase, Phase::Done)
                    else {
                        unreachable!("it runs")
                    };
                    self.fail_attempt(charge, error, Some(msgid))?;
                }
            }
        }
    }

    /// Sends the request, if it is not sent. False: the call is over.
    fn begin(&mut self, cx: &Context<'_>, now: Instant) -> Poll<Result<bool>> {
        loop {
            // Each phase is taken out and either put back or replaced.
            match std::mem::replace(&mut self.phase, Phase::Done) {
                Phase::Done => return Poll::Ready(Ok(false)),
                Phase::Failed { error } => return Poll::Ready(Err(error)),
                Phase::Picking { last } => match self.pick(last, cx, now) {
                    Poll::Pending => {
                        self.phase = Phase::Picking { last: None };
                        return Poll::Pending;
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Ready(Ok(member)) => {
                        self.observe(|| CallEvent::Picked { endpoint: &member.endpoint.address });
                        self.attempts += 1;
                        self.tried.extend(self.channel.replace(member.owner.clone()));
                        self.phase =
                            Phase::Connecting { charge: Charge::new(member, now), wait: Wait::default() };
                    }
                },
                Phase::Pausing { mut pause, last } => {
                    if pause.as_mut().poll(&mut Context::from_waker(cx.waker())).is_pending() {
                        self.phase = Phase::Pausing { pause, last };
                        return Poll::Pending;
                    }
                    self.phase = Phase::Picking { last: Some(last) };
                }
                Phase::Connecting { charge, mut wait } => {
                    let reused = !wait.has_begun();
                    match charge.channel().poll_connection(cx, &mut wait) {
                        Poll::Pending => {
                            self.phase = Phase::Connecting { charge, wait };
                            return Poll::Pending;
                        }
                        Poll::Ready(connection) => {
                            let open = self.client.shared().check_attached();
                            let started = open.and(connection).and_then(|c| {
                                c.start(&self.method, &self.args, &self.options, self.deadline, now)
                            });
                            match started {
                                Ok(attempt) => {
                                    let endpoint = charge.address();
                                    self.observe(|| CallEvent::Connected { endpoint, reused });
                                    self.is_sent = false;
                                    self.phase = Phase::Running { charge, attempt };
                                    return Poll::Ready(Ok(true));
                                }
                                Err(error) => self.fail_attempt(charge, error, None)?,
                            }
                        }
                    }
                }
                running @ Phase::Running { .. } => {
                    self.phase = running;
                    return Poll::Ready(Ok(true));
                }
            }
        }
    }

    /// Chooses the next endpoint, unless `last` was the last attempt.
    fn pick(
        &mut self,
        last: Option<Error>,
        cx: &Context<'_>,
        now: Instant,
    ) -> Poll<Result<Arc<Member<Channel>>>> {
        let tried = |member: &Member<Channel>| {
            self.channel.iter().chain(&self.tried).any(|channel| Arc::ptr_eq(channel, &member.owner))
        };
        match self.client.shared().poll_pick(cx, now, self.options.affinity, tried) {
            // Every endpoint was tried: what went wrong there says more than that none is left.
            Poll::Ready(Err(error)) => Poll::Ready(Err(self.describe(last.unwrap_or(error), None))),
            Poll::Ready(Ok(member)) => {
                if let (Some(error), Some(failed)) = (&last, &self.channel) {
                    let is_paid = !retry::is_charged(error) || self.client.shared().pay_retry(now);
                    failed.meter.iter().for_each(|meter| meter.retried(error, is_paid));
                    if !is_paid {
                        return Poll::Ready(Err(self.describe(error.clone().context(OVER_BUDGET), None)));
                    }
                }
                Poll::Ready(Ok(member))
            }
            Poll::Pending if last.is_some() => {
                Poll::Ready(Err(self.describe(last.expect("just checked"), None)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Goes on to the next attempt if that is safe; otherwise returns the error.
    fn fail_attempt(&mut self, mut charge: Charge, error: Error, msgid: Option<u32>) -> Result<()> {
        let error = remote::with_call(error, &self.method.name, msgid);
        if let Some(outcome) = retry::outcome(&error) {
            charge.settle(outcome, Instant::now());
        }
        self.observe(|| CallEvent::Failed { error: &error });
        let is_safe = !self.delivered && retry::is_safe(&error, self.options.idempotent);
        if !is_safe || self.attempts > self.options.retries {
            return Err(self.describe(error, None));
        }
        let pause = retry::pause(&error, self.attempts);
        self.phase = match pause.is_zero() {
            true => Phase::Picking { last: Some(error) },
            false => Phase::Pausing { pause: self.sleep_until(Instant::now() + pause), last: error },
        };
        Ok(())
    }

    fn sleep_until(&self, then: Instant) -> Pin<Box<Sleep>> {
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
        Poll::Ready(self.time_out())
    }

    fn is_overdue(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn observe<'e>(&self, event: impl FnOnce() -> CallEvent<'e>) {
        if let Some(observer) = &self.options.observer {
            observer.tell(&event());
        }
    }

    fn observe_sent(&mut self, cx: &Context<'_>) {
        if self.options.observer.is_none() || self.is_sent {
            return;
        }
        let Phase::Running { attempt, .. } = &self.phase else { return };
        if let Poll::Ready(written) = attempt.poll_written(cx) {
            self.is_sent = true;
            if let Some(bytes) = written {
                self.observe(|| CallEvent::Sent { id: attempt.id(), bytes });
            }
        }
    }

    fn time_out(&mut self) -> Error {
        let limit = self.options.timeout.unwrap_or_default().as_millis();
        let error = |doing: &str| {
            Error::new(
                ErrorKind::Timeout,
                format!("{:?} timed out after {limit} milliseconds, {doing}", self.method.name),
            )
            .with_merged_info(format!(r#"{{"timeout":{limit}}}"#))
        };
        let mut msgid = None;
        let error = match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Picking { .. } | Phase::Failed { .. } | Phase::Done => error(&format!(
                "waiting for the registry to list providers of {}",
                self.client.shared().target
            )),
            Phase::Pausing { last, .. } => error(&format!("about to be repeated after: {}", last.message()))
                .at(last.endpoint())
                .with_progress(last.progress()),
            // An endpoint that cannot be connected to is known to its channel.
            Phase::Connecting { charge, .. } => error("connecting").at(charge.address()),
            Phase::Running { mut charge, mut attempt } => {
                let (now, progress) = (Instant::now(), attempt.progress());
                let is_late = self.deadline.is_some_and(|deadline| now > deadline + LATE);
                // What it never got, or answered while this process did not look, is not held against it.
                if progress != Progress::NotStarted && !is_late {
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
    fn record(&mut self, error_type: &str) {
        if std::mem::replace(&mut self.recorded, true) {
            return;
        }
        let endpoint = self.channel.as_ref().and_then(|channel| channel.meter.as_ref());
        let methods = &self.client.shared().methods;
        let took = self.ended.unwrap_or_else(Instant::now).saturating_duration_since(self.started);
        methods.ended(&self.method, endpoint, took, error_type);
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
            Phase::Picking { .. } | Phase::Connecting { .. } | Phase::Failed { .. } => {
                self.describe(error, None)
            }
        }
    }

    fn describe(&self, error: Error, msgid: Option<u32>) -> Error {
        let error = remote::with_call(error, &self.method.name, msgid);
        match self.attempts {
            2.. => {
                let took = self.started.elapsed().as_millis();
                error.context(format_args!("{} attempts in {took} ms, the last one", self.attempts))
            }
            _ => error,
        }
    }
}

impl futures_core::Stream for Call {
    type Item = Result<Value>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_next_value(cx)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.record(ErrorKind::Abandoned.name());
        self.client.shared().call_ended();
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("method", &self.method.name).finish_non_exhaustive()
    }
}
