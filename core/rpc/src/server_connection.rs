//! A server's side of one connection.

mod admitted;
mod ending;
mod intake;
mod progress;
mod reserved;
mod writing;

use crate::branch::Branch;
use crate::clock::{Start, WallClock};
use crate::incoming_call::ServerInterceptor;
use crate::interceptors::Chain;
use crate::methods::{Method, MethodKey};
use crate::refusal::Refusal;
use crate::request::Request;
use crate::running::Running;
use crate::server::Shared;
use crate::server_account::{SeenConnection, ServerAccount, Stage, Tally};
use crate::socket::{Reader, Socket};
use crate::wakers::Wakers;
use admitted::Admitted;
use bytes::BytesMut;
pub(crate) use ending::leaves_open;
use intake::Asked;
use libfast_model::{Error, ErrorKind, RemoteError, Result};
use libfast_protocol::{Limits, ServerConnection as Wire, ServerEvent, ServerWire};
use progress::Part;
use reserved::Watching;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// One client's connection. The last answer that is owed is written by its handler itself. What else there is to write
/// gathers until those who are ready have had their turn; the task that [`drive`](Self::drive)s the connection writes it in
/// one go, and what the kernel did not take.
pub(crate) struct ServerConnection {
    id: u64,
    accepted: Start,
    socket: Socket,
    peer: String,
    server: Arc<Shared>,
    state: Mutex<State>,
    write_wanted: Notify,
    closing: Notify,
    /// Those who wait for the output to shrink. None unless it is `awaited`.
    writable: Wakers,
}

struct State {
    wire: Wire<Arc<Running>>,
    account: ServerAccount,
    admitted: Admitted,
    clock: WallClock,
    watching: Watching,
    /// While a batch of requests is handed out, answers gather and leave in one write.
    corked: bool,
    write_blocked: bool,
    /// Output waits for the driving task to write it, which knows of it.
    gathering: bool,
    /// Somebody waits for the output to shrink.
    awaited: bool,
    dead: bool,
    /// Requests, also of other connections, to be refused without the lock: those of this one took their places.
    displaced: Vec<Request>,
}

/// Requests that are about to be handed to the handlers of their methods.
type Batch<'s> = Vec<(Request, &'s Method)>;

/// Read per system call while it lingers.
const READ_BYTES: usize = 64 * 1024;
/// How long a client says nothing before a connection that the server has ended is closed: what it sent before it knew of
/// the end has arrived by then.
const LINGER_SILENCE: Duration = Duration::from_secs(1);
/// Longest to wait for a client that goes on sending.
const LINGER: Duration = Duration::from_secs(10);

impl ServerConnection {
    pub fn new(socket: Socket, server: Arc<Shared>, id: u64) -> Self {
        let options = &server.options;
        let limits = Limits {
            max_frame_bytes: options.max_frame_bytes as usize,
            max_depth: options.max_depth as usize,
            max_name_bytes: options.max_name_bytes as usize,
        };
        let wire = Wire::new(ServerWire { checksum_v1: options.checksum_v1, limits }).with_connection_id(id);
        let account = ServerAccount::new(server.meter.clone());
        Self {
            id,
            accepted: Start::now(),
            peer: socket.peer(),
            socket,
            server,
            state: Mutex::new(State {
                wire,
                account,
                admitted: Admitted::default(),
                clock: WallClock::new(),
                watching: Watching::default(),
                corked: false,
                write_blocked: false,
                gathering: false,
                awaited: false,
                dead: false,
                displaced: Vec::new(),
            }),
            write_wanted: Notify::new(),
            closing: Notify::new(),
            writable: Wakers::default(),
        }
    }

    /// What an operator sees of it.
    pub fn seen(&self) -> SeenConnection {
        let state = self.lock();
        SeenConnection {
            id: self.id,
            accepted: self.accepted,
            ends: self.socket.ends(),
            tally: state.account.tally(&state.wire),
            draining: state.account.stage() == Stage::Draining,
            error_socket: state.account.error_socket.clone(),
            error_server: state.account.error_server.clone(),
            running: state.wire.requests().cloned().collect(),
        }
    }

    /// What was counted on it.
    pub fn tally(&self) -> Tally {
        let state = self.lock();
        state.account.tally(&state.wire)
    }

    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The method of a request.
    pub fn method(&self, key: MethodKey) -> &Arc<Method> {
        self.server.methods.at(key)
    }

    /// What a request is led through, if anything.
    pub fn interceptors(&self) -> Option<Chain<ServerInterceptor>> {
        self.server.interceptors.chain()
    }

    pub fn runtime(&self) -> &Handle {
        &self.server.runtime
    }

    /// What the caller of a request that is refused is told.
    pub fn refusal(&self, why: Refusal) -> &RemoteError {
        self.server.refusals.error(why)
    }

    pub fn max_depth(&self) -> usize {
        self.server.options.max_depth as usize
    }

    /// Serves the connection until it ends: after the end of the stream until everything received is answered and the
    /// last byte written; otherwise until it breaks, or the server closes it.
    pub async fn drive(self: Arc<Self>, mut reader: Reader) {
        let closing = pin!(self.closing.notified());
        let ended = tokio::select! {
            biased;
            () = Branch::new(closing) => Ok(()),
            ended = self.serve_all(&mut reader) => ended,
        };
        if self.account_for(ended) == Stage::Closed {
            self.linger().await;
        }
    }

    /// After [`drive`](Self::drive), also if it was dropped.
    pub fn hang_up(&self) {
        self.close();
        // Handlers may keep requests, and with them the socket, for as long as they like.
        self.socket.shut_down();
    }

    /// Notes why the connection ended. Returns its stage before: whoever closed it may have been noticed too late.
    fn account_for(&self, ended: io::Result<()>) -> Stage {
        let mut state = self.lock();
        let stage = state.account.stage();
        match ended {
            _ if stage == Stage::Closed => state.account.closed(),
            Ok(()) => {}
            Err(why) => {
                state.account.broke(&why);
                tracing::debug!(peer = self.peer, %why, "connection ended");
            }
        }
        stage
    }

    async fn serve_all(self: &Arc<Self>, reader: &mut Reader) -> io::Result<()> {
        // One future for both phases: a new one would not know that the socket was full when the reading ended.
        let writing = pin!(self.write_all());
        let mut writing = Branch::new(writing);
        tokio::select! {
            ended = self.read_all(reader) => ended?,
            error = &mut writing => return Err(error),
        }
        if self.socket.is_hung_up() {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        self.half_close();
        tokio::select! {
            () = std::future::poll_fn(|cx| self.poll_answered(cx)) => Ok(()),
            error = &mut writing => Err(error),
            // Nothing can be read any more, and nothing may have to be written for long.
            error = self.socket.broken() => Err(error),
        }
    }

    /// Ends the connection now. Requests that still run are cancelled.
    pub fn close(&self) {
        self.close_locked(self.lock());
    }

    fn close_locked(&self, mut state: MutexGuard<'_, State>) {
        state.dead = true;
        let requests = state.wire.drain_requests();
        state.account.enter(Stage::Closed);
        let now = Instant::now();
        for (_, running) in &requests {
            state.account.end(running, ErrorKind::ConnectionLost.name(), now);
        }
        state.admitted.ended(requests.len(), &self.server);
        self.publish(&mut state);
        drop(state);
        if let Some(gate) = &self.server.gate {
            gate.forget(self.id);
        }
        for (_, request) in requests {
            request.cancel();
            self.leave(&request, false);
        }
        self.writable.wake_all();
        self.closing.notify_one();
    }

    /// Says that nothing more will come, and drops what the client sends until it closes as well. A socket that is closed
    /// with something unread in it is reset, and the client may lose answers that it has not read yet.
    async fn linger(&self) {
        self.socket.end_writing();
        let mut unread = BytesMut::with_capacity(READ_BYTES);
        let read_out = async {
            while let Ok(Ok(())) = tokio::time::timeout(LINGER_SILENCE, self.socket.readable()).await {
                unread.clear();
                match self.socket.try_read(&mut unread) {
                    Ok(0) => return,
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
                    _ => {}
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, read_out).await;
    }

    /// Tells those who handle requests that the client has ended its side.
    fn half_close(&self) {
        let mut state = self.lock();
        if state.account.stage() == Stage::Open {
            state.account.enter(Stage::Draining);
        }
        let requests: Vec<_> = state.wire.requests().cloned().collect();
        drop(state);
        // Without the lock: waking may run anything.
        requests.iter().for_each(|request| request.half_close());
    }

    pub fn send(self: &Arc<Self>, request: &Running, value: &[u8]) -> Result<bool> {
        let mut state = self.lock();
        self.check_open(&state, request)?;
        self.check_room(&mut state)?;
        if !state.wire.send_along(request.id, value) {
            let uts = state.clock.micros(Instant::now());
            state.wire.send(uts, request.id, value)?;
        } else if state.is_seen_to() && state.wire.transmit_bytes() <= self.high_water() {
            // Most values of a long answer. It has left with the first.
            return Ok(true);
        }
        let waiting = self.gather(state);
        // Its reader sets the pace from here.
        self.leave(request, true);
        Ok(waiting <= self.high_water())
    }

    pub fn poll_writable(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.dead || state.wire.transmit_bytes() <= self.high_water() / 4 {
            return Poll::Ready(());
        }
        self.await_less(&mut state, cx)
    }

    /// Refuses a value while too many bytes wait for the client.
    fn check_room(&self, state: &mut State) -> Result<()> {
        let limit = self.server.options.write_limit_bytes;
        if state.wire.transmit_bytes() as u64 <= limit {
            return Ok(());
        }
        let message =
            format!("{} does not read: `write_limit_bytes` of {limit} wait for it already", self.peer);
        Err(Error::new(ErrorKind::Overload, message))
    }

    async fn read_all(self: &Arc<Self>, reader: &mut Reader) -> io::Result<()> {
        let mut input = BytesMut::new();
        let mut batch = Batch::new();
        let mut part = Part::default();
        loop {
            match self.read(reader, &mut input, &mut part).await {
                Ok(0) => {
                    let mut state = self.lock();
                    return state.wire.handle_end_of_stream(&input).map_err(|error| {
                        state.account.violated(&error);
                        io::Error::new(io::ErrorKind::InvalidData, error)
                    });
                }
                Ok(_) => {
                    let came = input.len();
                    self.hand_out_all(&mut input, &mut batch).await?;
                    if input.len() < came {
                        part.completed();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Hands out all complete requests of `input`, but none while the client does not read its answers.
    async fn hand_out_all<'s>(
        self: &'s Arc<Self>,
        input: &mut BytesMut,
        batch: &mut Batch<'s>,
    ) -> io::Result<()> {
        while self.hand_out(input, batch)? {
            std::future::poll_fn(|cx| self.poll_writable(cx)).await;
        }
        Ok(())
    }

    /// Hands out the complete requests of `input`, until too much output waits. True: there may be more, once less waits.
    fn hand_out<'s>(self: &'s Arc<Self>, input: &mut BytesMut, batch: &mut Batch<'s>) -> io::Result<bool> {
        let mut fatal = None;
        let mut state = self.lock();
        if state.dead {
            // What came before the end of the connection and was not read then is not run any more.
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let start = state.clock.start(Instant::now());
        state.wire.set_time(start.wall_micros());
        let mut more = false;
        while let Some(event) = state.wire.next_event(input) {
            more = state.wire.transmit_bytes() > self.high_water();
            match event {
                ServerEvent::Request { id, method, args, deadline_ms, .. } => {
                    let asked = Asked { id, args, deadline_ms, start };
                    batch.extend(self.take(&mut state, &method, asked));
                }
                ServerEvent::Fatal(error) => {
                    state.account.violated(&error);
                    fatal = Some(io::Error::new(io::ErrorKind::InvalidData, error));
                }
            }
            if more {
                break;
            }
        }
        state.corked = true;
        // Handlers that look find the requests of all counted.
        self.publish(&mut state);
        let displaced = std::mem::take(&mut state.displaced);
        drop(state);
        displaced.into_iter().for_each(|request| request.refuse(Refusal::Queue));
        for (place, (request, method)) in batch.drain(..).enumerate() {
            // The others waited for the handlers of those before them.
            request.run(method, place > 0);
        }
        let mut state = self.lock();
        state.corked = false;
        self.publish(&mut state);
        let waiting = self.flush(state);
        fatal.map_or(Ok(more || waiting > self.high_water()), Err)
    }

    /// Waits until every request is answered and every byte written.
    pub fn poll_answered(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.dead || state.is_answered() {
            return Poll::Ready(());
        }
        self.await_less(&mut state, cx)
    }

    /// Has `cx` woken when less output waits. Under the lock, so that it cannot shrink in between.
    fn await_less(&self, state: &mut State, cx: &Context<'_>) -> Poll<()> {
        state.awaited = true;
        self.writable.register(cx);
        Poll::Pending
    }

    /// Never above the limit: who is refused there must not find the connection writable, and try again at once.
    fn high_water(&self) -> usize {
        let options = &self.server.options;
        options.write_buffer_bytes.min(options.write_limit_bytes) as usize
    }

    /// Tells the server and the metrics what was counted since the last time.
    fn publish(&self, state: &mut State) {
        let State { wire, account, admitted, .. } = state;
        account.publish(wire);
        admitted.give_back(&self.server);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    /// Whether somebody will write what waits.
    fn is_seen_to(&self) -> bool {
        self.write_blocked || self.corked || self.gathering
    }
}
