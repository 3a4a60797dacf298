//! When requests leave.

use super::{Shared, State};
use crate::burst::{self, Gathering};
use libfast_model::{Error, Result};
use std::sync::{Arc, MutexGuard};

/// What gathers in a burst before it is written, so that the server need not wait for the last of them.
const BURST_BYTES: usize = 8 * 1024;

impl Shared {
    /// Sees to it that the request which was just made leaves. `is_alone`: no other was under way.
    pub(super) fn send(self: &Arc<Self>, mut state: MutexGuard<'_, State>, is_alone: bool) {
        state.gathered += 1;
        if state.write_blocked {
            return;
        }
        if state.gathering {
            if state.wire.transmit().len() >= BURST_BYTES && burst::is_on() {
                self.flush(&mut state);
            }
        } else if burst::add(self) {
            state.gathering = true;
        } else if is_alone {
            self.flush(&mut state);
        } else {
            state.gathering = true;
            drop(state);
            self.write_wanted.notify_one();
        }
    }

    /// Writes what callers have not written themselves.
    pub(super) async fn write_all(&self) -> Error {
        loop {
            self.write_wanted.notified().await;
            let is_blocked = self.lock().write_blocked;
            if is_blocked {
                if let Err(error) = self.socket.writable().await {
                    return self.broken(&error);
                }
            } else {
                self.gather().await;
            }
            if let Err(failure) = self.write_waiting() {
                return failure;
            }
        }
    }

    /// Writes what waits; an error if the connection has failed before.
    fn write_waiting(&self) -> Result<()> {
        let mut state = self.lock();
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        (state.gathering, state.gathered, state.expected) = (false, 0, 0);
        self.flush(&mut state);
        drop(state);
        self.written.wake_all();
        Ok(())
    }

    /// Lets all who are ready have their turn: the others of the burst. Not all may fit in one turn of the runtime.
    async fn gather(&self) {
        let mut seen = 0;
        loop {
            tokio::task::yield_now().await;
            let state = self.lock();
            if state.gathered >= state.expected || state.gathered == seen {
                return;
            }
            seen = state.gathered;
        }
    }

    pub(super) fn flush(&self, state: &mut State) {
        let before = state.wire.transmit().len();
        let result = self.socket.try_write(state.wire.transmit());
        state.written += (before - state.wire.transmit().len()) as u64;
        state.publish();
        state.write_blocked = !matches!(result, Ok(true));
        if state.wire.transmit().is_empty() {
            state.stale = 0;
        }
        if let Err(error) = result {
            state.failure.get_or_insert_with(|| self.broken(&error));
        }
        if state.write_blocked {
            self.write_wanted.notify_one();
        }
    }
}

impl Gathering for Shared {
    fn write_gathered(&self) {
        // If the connection has failed, its calls know.
        let _ = self.write_waiting();
    }
}
