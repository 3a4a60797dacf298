//! How requests end.

use super::{ServerConnection, State};
use crate::burst::ENOUGH;
use crate::refusal::Refusal;
use crate::running::Running;
use crate::server_account::ServerAccount;
use libfast_model::{Error, ErrorKind, RemoteError, Result};
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

impl ServerConnection {
    pub fn end(self: &Arc<Self>, request: &Running, last: Option<&[u8]>) -> Result<()> {
        self.settle(request, true, |state, now| {
            if last.is_some() {
                self.check_room(state)?;
            }
            state.wire.end(state.clock.micros(now), request.id, last)?;
            state.account.end(request, "", now);
            Ok(())
        })
    }

    pub fn fail(self: &Arc<Self>, request: &Running, error: &RemoteError) -> Result<()> {
        self.fail_for(request, error, |account, now| account.end(request, &error.name, now))
    }

    /// Ends a request that did not run.
    pub fn refuse(self: &Arc<Self>, request: &Running, why: Refusal) -> Result<()> {
        self.fail_for(request, self.refusal(why), |account, now| account.refuse(request, why, now))
    }

    fn fail_for(
        self: &Arc<Self>,
        request: &Running,
        error: &RemoteError,
        note: impl FnOnce(&mut ServerAccount, Instant),
    ) -> Result<()> {
        // Errors come early, and say little about how long the work takes.
        self.settle(request, false, |state, now| {
            state.wire.fail(state.clock.micros(now), request.id, error)?;
            note(&mut state.account, now);
            Ok(())
        })
    }

    /// Ends a request with what `send` does, once.
    fn settle(
        self: &Arc<Self>,
        request: &Running,
        is_answered: bool,
        send: impl FnOnce(&mut State, Instant) -> Result<()>,
    ) -> Result<()> {
        let mut state = self.lock();
        let sent = self.check_open(&state, request).and_then(|()| send(&mut state, Instant::now()));
        if sent.as_ref().is_err_and(leaves_open) {
            return sent;
        }
        request.set_ended();
        if sent.is_ok() {
            self.finish(state);
            self.leave(request, is_answered);
        }
        sent
    }

    /// Whether the request can be answered.
    pub(super) fn check_open(&self, state: &State, request: &Running) -> Result<()> {
        if request.is_ended() {
            return Err(request.ended_already());
        }
        if state.dead {
            return Err(Error::new(ErrorKind::Closed, format!("the caller {} is gone", self.peer)));
        }
        Ok(())
    }

    /// After the last frame of a request.
    fn finish(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        state.admitted.ended(1, &self.server);
        if state.write_blocked {
            // What is written first tells of the end, and nothing is for now.
            self.publish(&mut state);
        }
        if state.owed() == 0 || state.wire.transmit_bytes() >= ENOUGH {
            self.flush(state);
        } else {
            self.gather(state);
        }
    }
}

/// Whether a request is as it was before it was to be ended in a way that gave this error.
pub(crate) fn leaves_open(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::State | ErrorKind::TooLarge | ErrorKind::Overload | ErrorKind::Invalid)
}
