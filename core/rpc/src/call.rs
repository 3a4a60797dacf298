//! One call: its attempts, its deadline, and the values that came.

mod attempts;
mod ending;
mod hedge;
mod waiting;
mod watching;

use crate::call_options::CallOptions;
use crate::channel::{Channel, Wait};
use crate::charge::Charge;
use crate::client::{Client, Waiter};
use crate::clock::Now;
use crate::connection::{Attempt, Incoming};
use crate::hedging::Reason;
use crate::metrics::{self, ClientMethod};
use crate::value::Value;
use bytes::Bytes;
use hedge::Hedge;
use libfast_model::{Error, ErrorKind, Result};
use libfast_protocol::Values;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use tokio::time::Sleep;
use waiting::Patience;
use watching::Watch;
pub use watching::Way;

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
    started: Now,
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    phase: Phase,
    /// Beside the attempt that runs, if it takes long and is to be hedged, or its server fell silent.
    hedge: Option<Box<Hedge>>,
    hedge_reason: Reason,
    patience: Option<Box<Patience>>,
    /// Wakes it when anything changes for which it waits.
    waiter: Option<Waiter>,
    /// The endpoints take no calls, as far as this one shows.
    refused: bool,
    /// Where the last attempt went, and those before.
    channel: Option<Arc<Channel>>,
    tried: Vec<Arc<Channel>>,
    attempts: u32,
    /// Connections that broke before anything of the call was sent, and were not counted as attempts.
    vain_connections: u8,
    /// There was no room to wait for a connection.
    crowded: bool,
    delivered: bool,
    recorded: bool,
    /// When the end was known, if it was looked at then.
    ended: Option<Now>,
    /// Whether the observer knows that the request is sent.
    is_sent: bool,
    values: Incoming,
    /// The interceptors that want to know.
    watch: Option<Box<Watch>>,
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
    /// Until any endpoint is there.
    Awaiting {
        pause: Pin<Box<Sleep>>,
        /// It is told of changes.
        told: bool,
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

impl Call {
    pub(crate) fn new(client: Client, method: &str, args: Bytes, options: CallOptions) -> Self {
        let mut call = Self::in_phase(client, method, args, options, Phase::Picking { last: None });
        // The request should leave now, not when somebody first looks for the answer.
        let begun = match call.client.shared().allowance.begin(call.started) {
            Ok(()) => call.begin(&Context::from_waker(Waker::noop()), call.started),
            Err(held_back) => Poll::Ready(Err(call.hold_back(held_back))),
        };
        if let Poll::Ready(Err(error)) = begun {
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

    /// A call whose values are known before it began.
    pub(crate) fn answered(client: Client, method: &str, values: Values) -> Self {
        let options = CallOptions { timeout: None, ..client.call_options() };
        let mut call = Self::in_phase(client, method, Bytes::new(), options, Phase::Done);
        // For `throttle` it did not begin.
        call.refused = true;
        call.values.push(values);
        call
    }

    fn in_phase(client: Client, method: &str, args: Bytes, options: CallOptions, phase: Phase) -> Self {
        let started = Now::read();
        let method = client.shared().methods.get(method);
        method.begin();
        Self {
            client,
            method,
            args,
            started,
            // A timeout beyond what the clock can hold is none.
            deadline: options.timeout.and_then(|timeout| started.instant.checked_add(timeout)),
            options,
            timer: None,
            refused: matches!(phase, Phase::Failed { .. }),
            phase,
            hedge: None,
            hedge_reason: Reason::Slow,
            patience: None,
            waiter: None,
            channel: None,
            tried: Vec::new(),
            attempts: 0,
            vain_connections: 0,
            crowded: false,
            delivered: false,
            recorded: false,
            ended: None,
            is_sent: false,
            values: Incoming::default(),
            watch: None,
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
        let polled = self.poll_timed(cx);
        if self.watch.is_some() {
            self.tell(&polled);
        }
        polled
    }

    /// Untold to those who watch.
    fn poll_timed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Value>>> {
        loop {
            match self.poll_untimed(cx) {
                // The connection wakes a call that waits for an answer.
                Poll::Pending if self.is_timed() || self.is_running() && !self.is_overdue() => {
                    return Poll::Pending;
                }
                Poll::Pending => {}
                ready => return ready,
            }
            if let Poll::Ready(error) = self.poll_deadline(cx) {
                return Poll::Ready(Some(Err(error)));
            }
            if self.poll_patience(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running { .. })
    }

    /// Whether it has just been seen to that it is polled at its deadline. One without any time is over at once.
    fn is_timed(&self) -> bool {
        let Phase::Running { attempt, .. } = &self.phase else { return false };
        attempt.is_timed() && self.deadline > Some(self.started.instant)
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
}

impl futures_core::Stream for Call {
    type Item = Result<Value>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_next_value(cx)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.tell_dropped();
        self.record(ErrorKind::Abandoned.name());
        self.client.shared().call_ended();
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("method", &self.method.name).finish_non_exhaustive()
    }
}
