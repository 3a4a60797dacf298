//! One request under way on a connection, as its call holds it.

use super::{Connection, Inbox, Incoming, State};
use crate::client_account::Why;
use crate::clock::Now;
use libfast_model::{Progress, Result};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// One request under way on a connection. Dropping it abandons the request.
#[derive(Debug)]
pub(crate) struct Attempt {
    connection: Arc<Connection>,
    id: u32,
    /// Of its inbox, which is there until the outcome was taken.
    key: usize,
    outcome: Option<Result<()>>,
    /// Whether all of it had been written when the outcome was taken.
    was_written: bool,
    /// When what was taken last had come.
    came: Option<Now>,
    /// It was just seen to that whoever waits is woken at the deadline.
    is_timed: bool,
    /// Length of the request.
    bytes: u64,
    why: Why,
}

impl Attempt {
    /// The request whose inbox has that key.
    pub(super) fn new(connection: Arc<Connection>, key: usize, id: u32, bytes: u64) -> Self {
        let why = Why::default();
        Self {
            connection,
            id,
            key,
            outcome: None,
            was_written: false,
            came: None,
            is_timed: false,
            bytes,
            why,
        }
    }

    /// Takes all values that are there into `into`, or the outcome if there are none. `Ready(None)` means that
    /// `into` got some. If there is nothing, `cx` is woken when something comes, and when `deadline` has passed.
    pub fn poll_take(
        &mut self,
        cx: &Context<'_>,
        into: &mut Incoming,
        deadline: Option<Instant>,
    ) -> Poll<Option<Result<()>>> {
        if let Some(outcome) = &self.outcome {
            return Poll::Ready(Some(outcome.clone()));
        }
        let shared = &self.connection.0;
        let mut state = shared.lock();
        let State { inboxes, full, soonest, written, .. } = &mut *state;
        let inbox = &mut inboxes[self.key];
        let any = !inbox.values.is_empty();
        self.came = inbox.came;
        if any {
            into.append(&mut inbox.values);
            inbox.bytes = 0;
            if std::mem::take(&mut inbox.full) {
                *full -= 1;
                shared.read_resumed.notify_one();
            }
        }
        if let Some(outcome) = inbox.outcome.clone() {
            let inbox = inboxes.remove(self.key);
            self.was_written = *written >= inbox.end;
            // Outside the lock: dropping a waker may run anything.
            drop(state);
            drop(inbox);
            self.outcome = Some(outcome.clone());
            return Poll::Ready((!any).then_some(outcome));
        }
        if any {
            return Poll::Ready(None);
        }
        let known = inbox.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        let old = if known { None } else { inbox.waker.replace(cx.waker().clone()) };
        self.is_timed = inbox.deadline.is_none() && deadline.is_some();
        inbox.deadline = deadline;
        let is_sooner = deadline.is_some_and(|mine| soonest.is_none_or(|soonest| mine < soonest));
        if is_sooner {
            *soonest = deadline;
        }
        drop(state);
        drop(old);
        if is_sooner {
            shared.deadline_set.notify_one();
        }
        Poll::Pending
    }

    /// When what was taken last had come. Later is only its turn.
    pub fn came(&self) -> Now {
        self.came.unwrap_or_else(Now::read)
    }

    /// Whether nobody need look at the clock: that was the first look, and the deadline wakes whoever waits.
    pub fn is_timed(&self) -> bool {
        self.is_timed
    }

    /// Whether its outcome is known here.
    pub fn is_over(&self) -> bool {
        self.outcome.is_some()
    }

    /// Whether its server seems to be gone or to stand still. Whoever waits is woken when it begins to.
    pub fn is_doubtful(&self) -> bool {
        self.connection.is_doubtful()
    }

    /// The id of the request on its connection.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The length of the request once all of it is written to the socket; `None` if it never will be.
    pub fn poll_written(&self, cx: &Context<'_>) -> Poll<Option<u64>> {
        let shared = &self.connection.0;
        if self.is_over() {
            return Poll::Ready(self.was_written.then_some(self.bytes));
        }
        shared.written.register(cx);
        let state = shared.lock();
        let Inbox { end, outcome, .. } = &state.inboxes[self.key];
        match outcome {
            _ if state.written >= *end => Poll::Ready(Some(self.bytes)),
            Some(_) => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// Notes that it is given up because its time has run out.
    pub fn time_out(&mut self) {
        self.why = Why::TimedOut;
    }

    /// Whether all of the request has left this process.
    pub fn is_written(&self) -> bool {
        if self.is_over() {
            return true;
        }
        let state = self.connection.0.lock();
        state.written >= state.inboxes[self.key].end
    }

    /// How far the request has got, for an attempt that is given up.
    pub fn progress(&self) -> Progress {
        if self.is_over() {
            return Progress::Finished;
        }
        let shared = &self.connection.0;
        let state = shared.lock();
        state.progress_of(&state.inboxes[self.key], shared.failure.get().is_some())
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.is_over() {
            return;
        }
        let shared = &self.connection.0;
        let mut state = shared.lock();
        let inbox = state.inboxes.remove(self.key);
        if inbox.outcome.is_none() {
            let State { wire, account, .. } = &mut *state;
            wire.abandon(self.id);
            account.done += 1;
            account.give_up(self.id, inbox.asked.clone(), self.why, wire);
            state.stale += inbox.end.saturating_sub(state.written.max(inbox.offset));
            shared.give_up_if_stuck(&mut state);
        }
        if inbox.full {
            state.full -= 1;
            shared.read_resumed.notify_one();
        }
        // Outside the lock: dropping a waker may run anything.
        drop(state);
        drop(inbox);
    }
}
