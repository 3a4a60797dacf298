//! What a server answers itself, and how it takes leave of a client.

use super::{ServerConnection, State};
use crate::reserved::{Introduction, News, PING, ServerState, WATCH};
use crate::server::Phase;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// What a client wants to be told of the server.
#[derive(Debug, Default)]
pub(super) struct Watching {
    /// The request that asks for it. It is no request that the server works on.
    id: Option<u32>,
    /// The client was asked to leave, and closes the connection when it has its answers.
    leaves: bool,
    /// What the client calls itself. The first name counts, or one that is limited would take another.
    pub name: Option<String>,
}

impl ServerConnection {
    /// Answers a request whose method the program has not. False: nobody has it.
    pub(super) fn answer_reserved(
        &self,
        state: &mut State,
        uts: u64,
        id: u32,
        method: &str,
        args: &[u8],
    ) -> bool {
        // Here and below: what cannot be written any more is not missed.
        match method {
            PING => _ = state.wire.end(uts, id, None),
            WATCH => {
                if state.watching.name.is_none() {
                    state.watching.name = Introduction::name_in(args);
                }
                if let Some(former) = state.watching.id.replace(id) {
                    let _ = state.wire.end(uts, former, None);
                }
                let phase = self.server.phase();
                let server =
                    if phase == Phase::Serving { ServerState::Serving } else { ServerState::Draining };
                state.tell(uts, server);
                if phase == Phase::Leaving {
                    state.ask_to_leave(uts);
                }
            }
            _ => return false,
        }
        true
    }

    /// Tells a client that wants to know that the server is about to stop.
    pub fn tell_draining(&self) {
        let mut state = self.lock();
        if state.watching.id.is_some() {
            let uts = state.clock.micros(Instant::now());
            state.tell(uts, ServerState::Draining);
            self.flush(state);
        }
    }

    /// Asks the client to leave, if it is one that understands. Requests that it has sent by then are served: it closes
    /// the connection when it has all answers, so none can be lost.
    pub fn ask_to_leave(&self) {
        let mut state = self.lock();
        if state.watching.id.is_some() {
            let uts = state.clock.micros(Instant::now());
            state.ask_to_leave(uts);
            self.flush(state);
        }
    }

    /// Closes the connection of a client that does not leave by itself, as soon as it is owed nothing. Ready for one that
    /// leaves by itself, too.
    pub fn poll_leave(self: &Arc<Self>, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.dead || state.watching.leaves {
            return Poll::Ready(());
        }
        if !state.is_answered() {
            return self.await_less(&mut state, cx);
        }
        self.close_locked(state);
        Poll::Ready(())
    }
}

impl State {
    /// How many requests are being worked on.
    pub(super) fn owed(&self) -> usize {
        self.wire.in_flight() - usize::from(self.watching.id.is_some())
    }

    /// Whether every request is answered and every byte written.
    pub(super) fn is_answered(&self) -> bool {
        self.owed() == 0 && self.wire.transmit_bytes() == 0
    }

    fn tell(&mut self, uts: u64, server: ServerState) {
        if let Some(id) = self.watching.id {
            let _ = self.wire.send(uts, id, &News { state: server }.to_json());
        }
    }

    fn ask_to_leave(&mut self, uts: u64) {
        if let Some(id) = self.watching.id.take() {
            let _ = self.wire.end(uts, id, None);
            self.watching.leaves = true;
        }
    }
}
