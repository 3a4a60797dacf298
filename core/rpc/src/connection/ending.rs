//! How a connection ends, and what becomes of its calls.

use super::{Inbox, MOST_ABANDONED, Shared, State};
use bytes::BytesMut;
use libfast_model::{Cause, Error, ErrorKind, Progress};
use std::io;
use std::task::Waker;

/// Fails what is under way when it is dropped: at the end of the connection, or with a runtime that is shut down.
pub(super) struct Ending<'c>(pub &'c Shared);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let Self(shared) = self;
        let mut state = shared.lock();
        let shut_down = || shared.lost("its runtime was shut down".into());
        let error = shared.failure.get_or_init(shut_down).clone();
        let unsent = shared.unsent(&error);
        let wakers = state.fail_all(&error, &unsent);
        drop(state);
        shared.socket.shut_down();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Shared {
    /// The task that would drive it was dropped, if it has not ended before.
    pub fn end_with_runtime(&self) {
        if self.failure.get().is_none() {
            drop(Ending(self));
        }
    }

    /// Ends the connection if what is owed by or to the server, and wanted by nobody, has become too much.
    pub(super) fn give_up_if_stuck(&self, state: &mut State) {
        let waiting = state.wire.transmit_bytes() as u64;
        // Half of what may wait is not wanted any more.
        let stale = state.stale.min(waiting) > self.bounds.unwritten_bytes as u64 / 2;
        let too_much = stale || state.wire.abandoned() > MOST_ABANDONED;
        if too_much {
            let why = "the server is stuck: too many of the calls that were given up are without an answer";
            self.give_up(state, self.lost(why.into()));
        }
    }

    /// Ends the connection, unless it has ended before; what is under way fails with `error`.
    pub(super) fn give_up(&self, _locked: &mut State, error: Error) {
        self.failure.get_or_init(|| error);
        // Wakes the task that drives the connection, whatever it waits for.
        self.socket.shut_down();
        self.write_wanted.notify_one();
    }

    pub(super) fn end_of_stream(&self, input: &BytesMut) -> Error {
        let mut state = self.lock();
        state.forget_own();
        let ended = state.wire.handle_end_of_stream(input);
        match &ended {
            Ok(()) => state.account.transport_ended = true,
            Err(error) => state.account.violated(error),
        }
        drop(state);
        match ended {
            Ok(()) => self.lost("the server closed it".into()),
            Err(error) => self
                .lost(format!("the server closed it: {error}"))
                .with_cause(Cause::Protocol)
                .with_merged_info(error.info()),
        }
    }

    pub(super) fn broken(&self, error: &io::Error) -> Error {
        self.lost(error.to_string())
    }

    pub(super) fn lost(&self, why: String) -> Error {
        let message = format!("connection to {} lost: {why}", self.address);
        Error::new(ErrorKind::ConnectionLost, message).at(&self.address)
    }

    /// The error of a call for which there is no room behind what waits to be sent.
    #[cold]
    pub(super) fn full(&self) -> Error {
        let message = format!("{} does not read: `write_limit_bytes` wait for it already", self.address);
        Error::new(ErrorKind::Overload, message).at(&self.address)
    }

    /// The error of a call of which nothing was sent when the connection failed: whatever that was, it is not this call's affair.
    pub(super) fn unsent(&self, failure: &Error) -> Error {
        match failure.kind() {
            // The client was closed, or this is what such a call should say.
            ErrorKind::Closed | ErrorKind::ConnectionLost => {
                failure.clone().with_progress(Progress::NotStarted)
            }
            _ => self.lost(format!("nothing of this call was sent; others failed there: {failure}")),
        }
    }
}

impl State {
    /// Whether any of the request was handed to the system.
    pub(super) fn is_sent(&self, inbox: &Inbox) -> bool {
        inbox.offset < self.written
    }

    /// What is not sent yet is sent after all while the connection lives, whoever waits.
    pub(super) fn progress_of(&self, inbox: &Inbox, has_failed: bool) -> Progress {
        let never = has_failed && !self.is_sent(inbox);
        if never { Progress::NotStarted } else { Progress::Unknown }
    }

    fn fail_all(&mut self, error: &Error, unsent: &Error) -> Vec<Waker> {
        self.account.errors += u64::from(!self.account.transport_ended);
        self.forget_own();
        let calls = self.wire.drain_calls();
        let failed = calls.into_iter().filter_map(|(_, key)| {
            let failed = match self.progress_of(&self.inboxes[key], true) {
                Progress::NotStarted => unsent.clone(),
                progress => error.clone().with_progress(progress),
            };
            self.settle(key, Err(failed))
        });
        failed.collect()
    }
}
