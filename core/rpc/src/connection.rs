//! A client's side of one connection: the protocol's state machine, the socket, and an inbox per attempt.
//!
//! Whoever starts an attempt while no other is under way writes it to the socket at once, on its own thread. Requests that
//! are made while others are under way come in bursts, such as after a read that brought many answers: they gather until
//! those who are ready have had their turn, and the task that [`drive`](Shared::drive)s the connection writes them in one
//! go, and what the kernel did not take. Whoever makes several in a [`burst`](crate::burst()) writes them at its end. The
//! task also reads, puts what arrives into the inboxes, and wakes those whose time has run out. All attempts of a connection
//! share one lock, held for one batch of messages at a time.

mod attempt;
mod ending;
mod inbox;
mod incoming;
mod overdue;
mod peer;
mod writing;

pub(crate) use attempt::Attempt;
pub(crate) use incoming::Incoming;
pub(crate) use peer::Patience;

use crate::branch::Branch;
use crate::call_options::CallOptions;
use crate::client_account::{Asked, ClientAccount, SeenConnection, Why};
use crate::clock::{Now, WallClock};
use crate::metrics::{ClientMethod, EndpointMeter};
use crate::socket::{Reader, Socket};
use crate::wakers::Wakers;
use bytes::BytesMut;
use ending::Ending;
use inbox::Inbox;
use libfast_balance::Load;
use libfast_model::{Address, Error, Result};
use libfast_protocol::{ClientConnection, ClientEvent, ClientWire};
use peer::Peer;
use slab::Slab;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::Waker;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// A connection as its users hold it. When the last one lets go, the stream is closed.
#[derive(Debug)]
pub(crate) struct Connection(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    socket: Socket,
    address: Address,
    bounds: Bounds,
    /// What calls do with null unless told otherwise.
    ignore_nulls: bool,
    /// Why it ended. Set under the lock of the state; each call looks at it without.
    failure: OnceLock<Error>,
    state: Mutex<State>,
    write_wanted: Notify,
    read_resumed: Notify,
    deadline_set: Notify,
    leaving: Notify,
    /// The server said whether it is about to stop.
    told: Notify,
    /// Its server has left a question unanswered for longer than one that is there does.
    doubtful: AtomicBool,
    /// Those who wait until what they sent is written.
    written: Wakers,
}

/// What may gather in memory on either side of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes of values that one call has not taken, above which nothing is read.
    pub inbox_bytes: usize,
    /// Bytes that the server has not taken, above which no further call is sent.
    pub unwritten_bytes: usize,
}

/// What a connection does for its endpoint, beside calls.
#[derive(Debug)]
pub(crate) struct Duties {
    pub load: Arc<Load>,
    /// Ask the server to tell before it stops, with these arguments.
    pub watch: Option<String>,
}

struct State {
    /// Keeps the key of the inbox per call.
    wire: ClientConnection<usize>,
    account: ClientAccount,
    clock: WallClock,
    peer: Peer,
    inboxes: Slab<Inbox>,
    /// When what is being delivered was read.
    read: Now,
    /// Bytes ever handed to the state machine's output, and of these, ever written to the socket.
    queued: u64,
    written: u64,
    write_blocked: bool,
    /// Requests wait for the driving task to write them, which knows of it, or are expected to.
    gathering: bool,
    /// How many came since, and how many are expected: one from each caller that was woken.
    gathered: usize,
    expected: usize,
    /// A thread holds requests back, which it writes itself.
    held: bool,
    /// When somebody has to be woken whose time has run out, at the earliest.
    soonest: Option<Instant>,
    /// Bytes of given-up requests that waited to be written when they were given up, since nothing waited last.
    stale: u64,
    /// Inboxes over their limit: while there is one, nothing is read.
    full: usize,
}

/// Calls under way, and bytes that wait to be written, above which a connection is busy: then answers wait for each other.
const BUSY_CALLS: usize = 100;
const BUSY_BYTES: usize = 1 << 20;
/// Read per system call at the end.
const READ_BYTES: usize = 64 * 1024;
/// Longest to wait for what was sent before the connection was found broken.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// Reads after the connection is found broken; enough for what the kernel holds.
const READS_AT_END: usize = 256;
/// Answers that nobody waits for, above which the server is taken for stuck: as many as `max_calls` is by default.
const MOST_ABANDONED: usize = 65_536;

impl Connection {
    /// A connection over `socket`. Nothing is read before [`drive`](Self::drive) runs.
    pub fn new(
        socket: Socket,
        address: Address,
        wire: ClientWire,
        bounds: Bounds,
        duties: Duties,
        meter: Option<&EndpointMeter>,
    ) -> Self {
        let state = State {
            wire: ClientConnection::new(wire),
            account: ClientAccount::new(meter.map(|meter| meter.client().clone())),
            clock: WallClock::new(),
            peer: Peer::new(duties.load, duties.watch),
            inboxes: Slab::new(),
            read: Now::read(),
            queued: 0,
            written: 0,
            write_blocked: false,
            gathering: false,
            gathered: 0,
            expected: 0,
            held: false,
            soonest: None,
            stale: 0,
            full: 0,
        };
        Self(Arc::new(Shared {
            socket,
            address,
            bounds,
            ignore_nulls: wire.ignore_nulls,
            failure: OnceLock::new(),
            state: Mutex::new(state),
            write_wanted: Notify::new(),
            read_resumed: Notify::new(),
            deadline_set: Notify::new(),
            leaving: Notify::new(),
            told: Notify::new(),
            doubtful: AtomicBool::new(false),
            written: Wakers::default(),
        }))
    }

    /// The part that a driving task holds, which does not keep the stream open.
    pub fn shared(&self) -> Arc<Shared> {
        self.0.clone()
    }

    /// False once it has failed or ended.
    pub fn is_alive(&self) -> bool {
        self.0.failure.get().is_none()
    }

    /// What a call is told of which nothing was sent because the connection has failed.
    pub fn unsent(&self) -> Error {
        let failure = self.0.failure.get();
        failure.map_or_else(|| self.0.lost("it has ended".into()), |failure| self.0.unsent(failure))
    }

    /// Whether another connection would serve one more call better, if there may be one.
    pub fn is_busy(&self) -> bool {
        let state = self.0.lock();
        state.calls() > BUSY_CALLS || state.wire.transmit_bytes() > BUSY_BYTES
    }

    /// Calls under way.
    pub fn calls(&self) -> usize {
        self.0.calls()
    }

    /// Whether that is its part that is driven.
    pub fn is(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.0, shared)
    }

    /// See [`Shared::look_after`].
    pub fn look_after(&self, now: Instant, patience: Patience, stood_still: bool) -> bool {
        self.0.look_after(now, patience, stood_still)
    }

    /// Whether the server seems to be gone or to stand still, though it may yet answer.
    pub fn is_doubtful(&self) -> bool {
        self.0.doubtful.load(Relaxed)
    }

    /// Ends it. What is under way fails with `error`.
    pub fn detach(&self, error: Error) {
        let mut state = self.0.lock();
        state.account.detached = true;
        self.0.give_up(&mut state, error);
    }

    /// What an operator sees of it.
    pub fn seen(&self) -> SeenConnection {
        let state = self.0.lock();
        let State { wire, account, inboxes, .. } = &*state;
        SeenConnection {
            id: account.id,
            started: account.started,
            done: account.done,
            errors: account.errors,
            error: if account.errors > 0 { self.0.failure.get().cloned() } else { None },
            detached: account.detached,
            transport_ended: account.transport_ended,
            pending: wire
                .calls()
                .filter_map(|(id, &key)| Some((id, inboxes.get(key)?.asked.clone())))
                .collect(),
            given_up: account.given_up(wire),
        }
    }

    /// Sends a request. `args` is the text of a JSON array that was checked; its caller waits until `deadline`.
    pub fn start(
        self: Arc<Self>,
        method: &Arc<ClientMethod>,
        args: &[u8],
        options: &CallOptions,
        deadline: Option<Instant>,
        now: Now,
    ) -> Result<Attempt> {
        let mut state = self.0.lock();
        if let Some(failure) = self.0.failure.get() {
            return Err(self.0.unsent(failure));
        }
        let is_alone = state.calls() == 0;
        let uts = state.clock.micros(now.instant);
        let offset = state.queued;
        let asked = Asked { method: method.clone(), timeout: options.timeout, emitted: 0 };
        let key = state.inboxes.insert(Inbox::new(offset, asked));
        let before = state.wire.transmit_bytes();
        if before > self.0.bounds.unwritten_bytes {
            state.inboxes.remove(key);
            return Err(self.0.full());
        }
        // Other servers may refuse a request with a member that they do not know: rust-fast does.
        let deadline = deadline.filter(|_| state.peer.is_known);
        let remaining = deadline.map(|deadline| deadline.saturating_duration_since(now.instant));
        let id = match state.wire.start_call_within(uts, &method.name, args, remaining, key) {
            Ok(id) => {
                if options.ignore_null_values != self.0.ignore_nulls {
                    state.wire.ignore_nulls(id, options.ignore_null_values);
                }
                id
            }
            Err(error) => {
                state.inboxes.remove(key);
                return Err(error.at(&self.0.address));
            }
        };
        let bytes = (state.wire.transmit_bytes() - before) as u64;
        state.queued += bytes;
        state.inboxes[key].end = state.queued;
        state.account.started += 1;
        self.0.send(state, is_alone);
        Ok(Attempt::new(self, key, id, bytes))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.socket.shut_down();
    }
}

impl Shared {
    /// Calls under way.
    pub fn calls(&self) -> usize {
        self.lock().calls()
    }

    /// Calls begun, ever.
    pub fn calls_started(&self) -> u64 {
        self.lock().account.started
    }

    /// Reads and writes until the connection ends, and fails what is still under way. Returns why it ended.
    pub async fn drive(&self, mut reader: Reader) -> Error {
        let ending = Ending(self);
        let mut input = BytesMut::new();
        let (ended, unread) = {
            let reading = pin!(self.read_all(&mut reader, &mut input));
            let (writing, overdue) = (pin!(self.write_all()), pin!(self.wake_overdue()));
            tokio::select! {
                // Reading first: what has come by now adds to what is about to be written.
                biased;
                error = Branch::new(reading) => (error, false),
                error = Branch::new(writing) => (error, true),
                never = Branch::new(overdue) => match never {},
            }
        };
        if unread {
            self.read_rest(&mut input).await;
        }
        let state = self.lock();
        let error = self.failure.get_or_init(|| ended).clone();
        drop(state);
        drop(ending);
        error
    }

    async fn read_all(&self, reader: &mut Reader, input: &mut BytesMut) -> Error {
        loop {
            match reader.read(input).await {
                Ok(0) => return self.end_of_stream(input),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return self.broken(&error),
            }
            if let Err(error) = self.deliver(input) {
                return error;
            }
            while self.lock().full > 0 {
                self.read_resumed.notified().await;
            }
        }
    }

    /// Delivers what has come although nothing can be written any more: the server may have answered before it went.
    async fn read_rest(&self, input: &mut BytesMut) {
        // A server that is gone makes it readable at once.
        let _ = tokio::time::timeout(LAST_WORDS, self.socket.readable()).await;
        for _ in 0..READS_AT_END {
            input.reserve(READ_BYTES);
            match self.socket.try_read(input) {
                Ok(0) => return,
                Ok(_) if self.deliver(input).is_err() => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Puts all complete messages of `input` into the inboxes.
    fn deliver(&self, input: &mut BytesMut) -> Result<()> {
        let mut wakers = Vec::new();
        let read = Now::read();
        let mut state = self.lock();
        state.read = read;
        let (mut fatal, mut is_partial) = (None, false);
        while let Some(event) = state.wire.next_event(input) {
            is_partial = matches!(event, ClientEvent::Values { .. });
            match event {
                ClientEvent::Values { id, values } => {
                    let State { wire, inboxes, full, peer, .. } = &mut *state;
                    let Some(&mut key) = wire.call_mut(id) else { continue };
                    let Some(inbox) = inboxes.get_mut(key) else {
                        peer.told(key, &values);
                        continue;
                    };
                    inbox.came = Some(read);
                    inbox.asked.emitted += 1;
                    inbox.bytes += values.text().len();
                    inbox.values.push(values);
                    if inbox.bytes > self.bounds.inbox_bytes && !std::mem::replace(&mut inbox.full, true) {
                        *full += 1;
                    }
                    wakers.extend(inbox.waker.take());
                }
                ClientEvent::Ended { call, .. } => wakers.extend(state.settle(call, Ok(()))),
                ClientEvent::Failed { call, error, .. } => {
                    let error = crate::remote::from_wire(*error).at(&self.address);
                    wakers.extend(state.settle(call, Err(error)));
                }
                ClientEvent::NullValue { id, call, error } => {
                    let State { wire, account, inboxes, .. } = &mut *state;
                    if let Some(inbox) = inboxes.get(call) {
                        account.violated(&error);
                        account.give_up(id, inbox.asked.clone(), Why::Null, wire);
                    }
                    wakers.extend(state.settle(call, Err(error.to_error().at(&self.address))));
                }
                ClientEvent::Fatal(error) => {
                    state.account.violated(&error);
                    let error = error.to_error().at(&self.address);
                    // At once: whoever is woken now and calls again needs another connection.
                    fatal = Some(self.failure.get_or_init(|| error).clone());
                }
            }
        }
        self.heard(&mut state);
        // Before anybody can know of an answer.
        state.publish();
        // Those who are woken together ask together.
        let gathers = state.gathering || wakers.len() > 1 && !state.write_blocked;
        let first = gathers && !std::mem::replace(&mut state.gathering, true);
        state.expected += if gathers { wakers.len() } else { 0 };
        drop(state);
        if first {
            self.write_wanted.notify_one();
        }
        wakers.into_iter().for_each(Waker::wake);
        if is_partial {
            self.socket.acknowledge();
        }
        fatal.map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs in an inconsistent state.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    fn publish(&mut self) {
        let Self { wire, account, .. } = self;
        account.publish(wire);
    }

    fn settle(&mut self, key: usize, outcome: Result<()>) -> Option<Waker> {
        let Some(inbox) = self.inboxes.get_mut(key) else {
            self.peer.answered(key, outcome.is_ok());
            return None;
        };
        self.account.done += 1;
        inbox.came = Some(self.read);
        inbox.outcome = Some(outcome);
        inbox.waker.take()
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("inboxes", &self.inboxes.len()).finish_non_exhaustive()
    }
}
