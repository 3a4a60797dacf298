//! When requests leave.

use super::{Shared, State};
use crate::burst::{self, ENOUGH, Gathering};
use libfast_model::Error;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

/// Turns of the runtime without another request after which those who were woken are not waited for any longer.
const TURNS: usize = 2;

impl Shared {
    /// Sees to it that the request which was just made leaves. `is_alone`: no other was under way.
    pub(super) fn send(self: &Arc<Self>, mut state: MutexGuard<'_, State>, is_alone: bool) {
        state.gathered += usize::from(!burst::is_on());
        if state.write_blocked {
            return;
        }
        if state.wire.transmit_bytes() >= ENOUGH {
            return self.flush(&mut state);
        }
        if burst::add(self) {
            state.held = true;
            return;
        }
        if state.gathering {
            return;
        }
        if is_alone {
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
            let mut state = self.lock();
            if let Some(failure) = self.failure.get() {
                return failure.clone();
            }
            // What a thread holds back it writes itself, unless others wait for it.
            let is_wanted = is_blocked || !state.held || state.gathered > 0;
            (state.gathering, state.gathered, state.expected) = (false, 0, 0);
            if is_wanted {
                self.flush(&mut state);
            }
            drop(state);
            self.written.wake_all();
        }
    }

    /// Lets all who are ready have their turn: the others of the burst. They may be more than fit in one turn of the runtime, or
    /// be part of a future that it polls between its turns, as those of a `LocalSet` are.
    async fn gather(&self) {
        let (mut seen, mut in_vain) = (0, 0);
        burst::after_all_ready().await;
        loop {
            let (gathered, expected) = {
                let state = self.lock();
                (state.gathered, state.expected)
            };
            in_vain = if gathered == seen { in_vain + 1 } else { 0 };
            if gathered >= expected || in_vain > TURNS {
                return;
            }
            seen = gathered;
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn flush(&self, state: &mut State) {
        state.held = false;
        let before = state.wire.transmit_bytes();
        let result = self.socket.try_write(state.wire.transmit());
        let written = (before - state.wire.transmit_bytes()) as u64;
        state.written += written;
        state.publish();
        // Who takes what waited for it is not silent, however long the answer to all of it takes.
        if written > 0 && state.write_blocked {
            state.peer.took(Instant::now());
        }
        state.write_blocked = !matches!(result, Ok(true));
        if state.wire.transmit_bytes() == 0 {
            state.stale = 0;
        }
        if let Err(error) = result {
            self.failure.get_or_init(|| self.broken(&error));
        }
        if state.write_blocked {
            self.write_wanted.notify_one();
        }
    }
}

impl Gathering for Shared {
    fn write_gathered(&self) {
        let mut state = self.lock();
        // If it has failed, its calls know.
        if self.failure.get().is_none() && !state.write_blocked && state.wire.transmit_bytes() > 0 {
            self.flush(&mut state);
        }
        drop(state);
        // Also for what was written when it had become enough.
        self.written.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call_options::CallOptions;
    use crate::clock::Now;
    use crate::connection::{Bounds, Connection, Duties};
    use crate::metrics::ClientMethods;
    use crate::socket::{Listener, Socket};
    use bytes::BytesMut;
    use libfast_balance::{EndpointSet, Pick};
    use libfast_model::{ClientOptions, Endpoint};
    use libfast_protocol::ClientWire;
    use std::time::Duration;

    #[tokio::test]
    async fn what_is_on_its_way_is_no_silence_of_the_server() {
        let five = Duration::from_secs(5);
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap(), five).await.unwrap();
        let address = listener.address().unwrap();
        let (connected, accepted) = tokio::join!(Socket::connect(&address, five), listener.accept());
        let ((socket, reader), (_server, mut server)) = (connected.unwrap(), accepted.unwrap());
        let listed = [("key".to_owned(), Endpoint::new(address.clone()))];
        let member = EndpointSet::default().updated(listed, |_, _| ()).members()[0].clone();
        let duties = Duties { load: member.load.clone(), watch: None };
        let bounds = Bounds { inbox_bytes: 1 << 20, unwritten_bytes: 1 << 30 };
        let wire = ClientWire::default();
        let connection = Arc::new(Connection::new(socket, address, wire, bounds, duties, None));
        let shared = connection.shared();
        let driven = tokio::spawn(async move { shared.drive(reader).await });
        let asked = Now::read();
        let _load = Pick::begin(member.clone(), asked.moment);
        let method = ClientMethods::new(None).get("m");
        // More than the system takes for a server that reads nothing.
        let args = format!("[\"{}\"]", "x".repeat(15 << 20));
        let options = CallOptions::from(&ClientOptions::default());
        let attempt = connection.clone().start(&method, args.as_bytes(), &options, None, asked).unwrap();
        assert!(connection.0.lock().write_blocked);
        let blocked = Now::read();
        let mut input = BytesMut::new();
        while input.len() < args.len() {
            server.read(&mut input).await.unwrap();
        }
        let now = Now::read();
        assert!(member.load.silence(now.moment) <= now.since(blocked));
        drop((attempt, connection));
        driven.await.unwrap();
    }
}
