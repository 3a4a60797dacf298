//! When answers leave.

use super::{ServerConnection, State};
use crate::burst::{self, ENOUGH, Gathering};
use std::io;
use std::sync::{Arc, MutexGuard};

impl ServerConnection {
    /// Writes what handlers have not written themselves.
    pub(super) async fn write_all(&self) -> io::Error {
        loop {
            self.write_wanted.notified().await;
            let is_blocked = self.lock().write_blocked;
            if !is_blocked {
                // Behind all that are ready: the others that answer now.
                burst::after_all_ready().await;
            } else if let Err(error) = self.taken().await {
                return error;
            }
            let mut state = self.lock();
            (state.write_blocked, state.gathering) = (false, false);
            if let Err(error) = self.write(&mut state) {
                return error;
            }
            self.wake_writers(state);
        }
    }

    /// Has the output written soon, at the latest when there is enough of it. Returns how many bytes wait.
    pub(super) fn gather(self: &Arc<Self>, mut state: MutexGuard<'_, State>) -> usize {
        let waiting = state.wire.transmit_bytes();
        if waiting > self.high_water() {
            return self.flush(state);
        }
        if !state.is_seen_to() {
            state.gathering = true;
            let in_burst = burst::add(self);
            drop(state);
            if !in_burst {
                self.write_wanted.notify_one();
            }
        }
        waiting
    }

    /// Writes, unless somebody else will. Returns how many bytes wait.
    pub(super) fn flush(&self, mut state: MutexGuard<'_, State>) -> usize {
        let waiting = state.wire.transmit_bytes();
        // What gathers must not look like a slow client.
        if state.write_blocked || (state.corked && waiting < ENOUGH.min(self.high_water())) {
            return waiting;
        }
        if self.write(&mut state).is_err() {
            // Whoever drives the connection finds the same error and ends it.
            self.write_wanted.notify_one();
        }
        self.wake_writers(state)
    }

    /// Wakes those who wait for the output to shrink, if it has. Returns how many bytes wait.
    pub(super) fn wake_writers(&self, mut state: MutexGuard<'_, State>) -> usize {
        let waiting = state.wire.transmit_bytes();
        let is_less = waiting <= self.high_water() / 4 && std::mem::take(&mut state.awaited);
        // Without the lock: waking may run anything, also what answers another request of this connection.
        drop(state);
        if is_less {
            self.writable.wake_all();
        }
        waiting
    }

    fn write(&self, state: &mut State) -> io::Result<()> {
        // First, so that who sees an answer finds it counted, and may send the next request at once.
        self.publish(state);
        state.write_blocked = !self.socket.try_write(state.wire.transmit())?;
        if state.write_blocked {
            self.write_wanted.notify_one();
        }
        Ok(())
    }
}

impl Gathering for ServerConnection {
    fn write_gathered(&self) {
        let mut state = self.lock();
        state.gathering = false;
        self.flush(state);
    }
}
