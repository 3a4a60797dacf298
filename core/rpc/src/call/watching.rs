//! Who sees what becomes of a call: its observer, and the interceptors that asked to be told.

use super::Call;
use crate::connection::Attempt;
use crate::interceptors::{Hooks, Outcome};
use crate::observer::{CallEvent, CallObserver};
use crate::value::Value;
use libfast_model::{Address, Error, Result};
use std::sync::Arc;
use std::task::{Context, Poll};

/// The endpoints of a call: how many attempts there were, and where the last one went.
#[derive(Clone, Default)]
pub struct Way {
    endpoint: Option<Arc<Address>>,
    attempts: u32,
}

impl Way {
    /// Where the last attempt went, as `host:port` or `unix:/path`; empty if none was made.
    pub fn endpoint(&self) -> String {
        self.endpoint.as_ref().map_or_else(String::new, |endpoint| endpoint.to_string())
    }

    /// How often it was tried.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Way({} attempts, {:?})", self.attempts, self.endpoint())
    }
}

/// What interceptors are told, until the end.
pub(super) struct Watch {
    hooks: Hooks,
    values: u64,
}

impl Call {
    /// The same call, seen by these.
    pub(crate) fn watched_by(mut self, hooks: Hooks) -> Self {
        self.watch = (!hooks.is_empty()).then(|| Box::new(Watch { hooks, values: 0 }));
        self
    }

    /// Where it went so far.
    pub fn way(&self) -> Way {
        let endpoint = self.channel.as_ref().map(|channel| channel.address().clone());
        Way { endpoint, attempts: self.attempts }
    }

    /// Where it went. A call that is under way is abandoned.
    pub fn into_way(self) -> Way {
        self.way()
    }

    /// Tells of what the caller is about to get.
    pub(super) fn tell(&mut self, next: &Poll<Option<Result<Value>>>) {
        match (&mut self.watch, next) {
            (None, _) | (_, Poll::Pending) => {}
            (Some(watch), Poll::Ready(Some(Ok(value)))) => {
                watch.values += 1;
                watch.hooks.values.tell(value);
            }
            (_, Poll::Ready(Some(Err(error)))) => self.tell_end(Some(error)),
            (_, Poll::Ready(None)) => self.tell_end(None),
        }
    }

    pub(super) fn tell_end(&mut self, error: Option<&Error>) {
        let Some(mut watch) = self.watch.take() else { return };
        let outcome = Outcome {
            values: watch.values,
            error,
            endpoint: &self.way().endpoint(),
            attempts: self.attempts,
            duration: self.took(),
        };
        watch.hooks.end.tell(&outcome);
    }

    /// Tells those who have heard of no end yet that nobody waits for it.
    pub(super) fn tell_dropped(&mut self) {
        if self.watch.is_some() {
            let error = self.abandoned();
            self.tell_end(Some(&error));
        }
    }

    pub(super) fn observe<'e>(&self, event: impl FnOnce() -> CallEvent<'e>) {
        if let Some(observer) = &self.options.observer {
            observer.tell(&event());
        }
    }
}

/// Tells the observer, if there is one, once all of the request is written. To be called when it was looked for an answer: what has
/// come, came behind the request.
pub(super) fn observe_sent(
    observer: Option<&CallObserver>,
    is_sent: &mut bool,
    attempt: &Attempt,
    cx: &Context<'_>,
) {
    let Some(observer) = observer.filter(|_| !*is_sent) else { return };
    if let Poll::Ready(written) = attempt.poll_written(cx) {
        *is_sent = true;
        if let Some(bytes) = written {
            observer.tell(&CallEvent::Sent { id: attempt.id(), bytes });
        }
    }
}
