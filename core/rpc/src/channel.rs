//! The connection to one endpoint: made when first wanted, made again when lost, shared by all calls.

use crate::clock;
use crate::connection::{Bounds, Connection, Duties};
use crate::connections::Connections;
use crate::metrics::EndpointMeter;
use crate::reserved::Introduction;
use crate::socket::{Reader, Socket};
use crate::wakers::Wakers;
use libfast_balance::{Load, Standing};
use libfast_model::{Address, ClientOptions, Error, ErrorKind, Result};
use libfast_protocol::{ClientWire, Limits, Version};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// The connection to one endpoint. Dropping it stops reconnecting; calls under way go on.
#[derive(Debug)]
pub(crate) struct Channel {
    address: Address,
    load: Arc<Load>,
    options: Arc<ClientOptions>,
    runtime: Handle,
    connections: Arc<Connections>,
    pub meter: Option<EndpointMeter>,
    slot: Mutex<Slot>,
    waiting: Wakers,
    /// Wakes the task that keeps the connection up. Apart from the channel, which that task does not keep alive.
    kick: Arc<Notify>,
}

#[derive(Debug)]
struct Slot {
    state: SlotState,
    /// Tries to connect that began, ever.
    begun: u64,
    /// The number of the last try that failed.
    failed: u64,
    /// Nobody listened at the last try: whoever listens next is a new process.
    was_gone: bool,
    has_task: bool,
}

#[derive(Debug)]
enum SlotState {
    Idle,
    Connecting,
    Ready(Arc<Connection>),
    Failed(Error),
}

/// What one caller remembers while it waits for a connection.
#[derive(Debug, Default)]
pub(crate) struct Wait {
    /// Tries that had begun when it came. The failure of one of these says nothing about now.
    begun_before: Option<u64>,
}

impl Wait {
    /// Whether it was looked for a connection before.
    pub fn has_begun(&self) -> bool {
        self.begun_before.is_some()
    }
}

const BACKOFF_START: Duration = Duration::from_millis(100);
const BACKOFF_GROWTH: f64 = 1.6;
const BACKOFF_LIMIT: Duration = Duration::from_secs(30);
/// A connection that is lost sooner is as good as a failed try: a server without room hangs up as soon as it has accepted.
const STABLE: Duration = Duration::from_secs(1);

impl Channel {
    /// The channel to `address`. Each connection that it makes is added to `connections`.
    pub fn new(
        address: Address,
        load: Arc<Load>,
        options: Arc<ClientOptions>,
        runtime: Handle,
        connections: Arc<Connections>,
        meter: Option<EndpointMeter>,
    ) -> Self {
        let slot = Slot { state: SlotState::Idle, begun: 0, failed: 0, was_gone: false, has_task: false };
        let (waiting, kick) = (Wakers::default(), Arc::new(Notify::new()));
        if let Some(meter) = &meter {
            meter.connections(slot.state.name()).inc();
        }
        let slot = Mutex::new(slot);
        Self { address, load, options, runtime, connections, meter, slot, waiting, kick }
    }

    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The connection, made now if there is none. A caller fails only by a try that began after it came; callers that
    /// wait share one try.
    pub fn poll_connection(
        self: &Arc<Self>,
        cx: &Context<'_>,
        wait: &mut Wait,
    ) -> Poll<Result<Arc<Connection>>> {
        let mut slot = self.lock();
        let mut without_task = false;
        let begun_before = *wait.begun_before.get_or_insert(slot.begun);
        match &slot.state {
            SlotState::Ready(connection) if connection.is_alive() => {
                return Poll::Ready(Ok(connection.clone()));
            }
            SlotState::Failed(error) if slot.failed > begun_before => {
                return Poll::Ready(Err(error.clone()));
            }
            SlotState::Connecting => {}
            SlotState::Ready(_) | SlotState::Failed(_) | SlotState::Idle => {
                self.enter(&mut slot, SlotState::Connecting);
                without_task = !std::mem::replace(&mut slot.has_task, true);
                if !without_task {
                    self.kick.notify_one();
                }
            }
        }
        // Registered under the slot's lock, so no change can come in between.
        self.waiting.register(cx);
        // A runtime that was shut down drops the task here, which takes the lock.
        drop(slot);
        if without_task {
            let keeper = Keeper(Arc::downgrade(self));
            self.runtime.spawn(keep_connected(keeper, self.kick.clone()));
        }
        Poll::Pending
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        matches!(&self.lock().state, SlotState::Ready(connection) if connection.is_alive())
    }

    /// The state for operators.
    pub fn state_name(&self) -> &'static str {
        self.lock().state.name()
    }

    async fn connect(&self) -> Result<(Connection, Reader)> {
        self.lock().begun += 1;
        let limit = Duration::from_millis(self.options.connect_timeout_ms);
        let unacknowledged = Duration::from_millis(self.options.unacknowledged_ms);
        let connecting = Socket::connect(&self.address, unacknowledged);
        let (reason, why) = match tokio::time::timeout(limit, connecting).await {
            Ok(Ok((socket, reader))) => {
                let bounds = Bounds {
                    inbox_bytes: self.options.stream_buffer_bytes as usize,
                    unwritten_bytes: self.options.write_limit_bytes as usize,
                };
                let introduction = || Introduction::to_args(&self.options.client_name);
                let watch = self.options.watch_servers.then(introduction);
                let duties = Duties { load: self.load.clone(), watch };
                let (address, wire) = (self.address.clone(), wire(&self.options));
                let connection = Connection::new(socket, address, wire, bounds, duties, self.meter.as_ref());
                return Ok((connection, reader));
            }
            Ok(Err(error)) => {
                let reason = reason(&error);
                self.lock().was_gone |= reason == "refused";
                (reason, error.to_string())
            }
            Err(_) => {
                ("timeout", format!("no answer within `connect_timeout_ms` of {} ms", limit.as_millis()))
            }
        };
        if let Some(meter) = &self.meter {
            meter.connect_failed(reason);
        }
        let message = format!("cannot connect to {}: {why}; check that a server listens there", self.address);
        Err(Error::new(ErrorKind::Connect, message).at(&self.address))
    }

    fn left(&self) -> Error {
        let message = format!("the server at {} is about to stop; call another one", self.address);
        Error::new(ErrorKind::Connect, message).at(&self.address)
    }

    fn set_ready(&self, connection: Connection) {
        let connection = Arc::new(connection);
        self.connections.add(&connection);
        self.load.set_standing(Standing::Ready);
        let mut slot = self.lock();
        if std::mem::take(&mut slot.was_gone) {
            self.load.restart(clock::moment(Instant::now()));
        }
        self.enter(&mut slot, SlotState::Ready(connection));
        drop(slot);
        self.waiting.wake_all();
    }

    fn set_failed(&self, error: Error) {
        self.load.set_standing(Standing::Suspended);
        let mut slot = self.lock();
        slot.failed = slot.begun;
        self.enter(&mut slot, SlotState::Failed(error));
        drop(slot);
        self.waiting.wake_all();
    }

    fn enter(&self, slot: &mut Slot, state: SlotState) {
        if let Some(meter) = &self.meter {
            meter.connections(slot.state.name()).dec();
            meter.connections(state.name()).inc();
        }
        slot.state = state;
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        if let Some(meter) = &self.meter {
            meter.connections(self.lock().state.name()).dec();
        }
        self.kick.notify_one();
    }
}

impl SlotState {
    fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Ready(_) => "ready",
            Self::Failed(_) => "failed",
        }
    }
}

/// The channel as its task holds it.
struct Keeper(Weak<Channel>);

impl Drop for Keeper {
    /// Tells those who wait, if the task ends before its channel.
    fn drop(&mut self) {
        let Some(channel) = self.0.upgrade() else { return };
        let message = format!("the runtime of the connection to {} was shut down", channel.address);
        let mut slot = channel.lock();
        slot.has_task = false;
        // The outcome of a try of its own, so it counts for everybody who waits.
        slot.begun += 1;
        drop(slot);
        channel.set_failed(Error::new(ErrorKind::Closed, message).at(&channel.address));
    }
}

/// Connects, drives the connection, and connects again, as long as the channel lives.
async fn keep_connected(keeper: Keeper, kick: Arc<Notify>) {
    let channel = &keeper.0;
    let mut backoff = BACKOFF_START;
    loop {
        let Some(now) = channel.upgrade() else { return };
        match now.connect().await {
            Ok((connection, reader)) => {
                let shared = connection.shared();
                now.set_ready(connection);
                drop(now);
                let since = Instant::now();
                let driven = shared.clone();
                let mut driving = Box::pin(async move { driven.drive(reader).await });
                let ended = tokio::select! {
                    ended = &mut driving => Some(ended),
                    () = shared.asked_to_leave() => None,
                };
                let now = channel.upgrade();
                let error = match (ended, &now) {
                    (Some(error), _) => error,
                    (None, Some(now)) => {
                        // Those who use it go on. The last one closes it.
                        now.runtime.spawn(driving);
                        now.left()
                    }
                    (None, None) => driving.await,
                };
                let Some(now) = now else { return };
                // Suspended first, so that no call picks it while it is being tried again.
                now.set_failed(error);
                if since.elapsed() >= STABLE {
                    backoff = BACKOFF_START;
                    continue;
                }
            }
            Err(error) => {
                now.set_failed(error);
                drop(now);
            }
        }
        // Full jitter, or all clients of a restarted server come back in step.
        let pause = backoff.mul_f64(fastrand::f64());
        let _ = tokio::time::timeout(pause, kick.notified()).await;
        backoff = backoff.mul_f64(BACKOFF_GROWTH).min(BACKOFF_LIMIT);
    }
}

/// Why no connection could be made, in one word for the metrics.
fn reason(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::*;
    match error.kind() {
        ConnectionRefused => "refused",
        TimedOut => "timeout",
        HostUnreachable | NetworkUnreachable | NetworkDown | AddrNotAvailable => "unreachable",
        NotFound => "unresolved",
        // A host name that was not found is no error of a system call.
        _ if error.raw_os_error().is_none() => "unresolved",
        _ => "other",
    }
}

fn wire(options: &ClientOptions) -> ClientWire {
    ClientWire {
        version: if options.wire_version == 1 { Version::V1 } else { Version::V2 },
        checksum_v1: options.checksum_v1,
        limits: Limits {
            max_frame_bytes: options.max_frame_bytes as usize,
            max_depth: options.max_depth as usize,
            max_name_bytes: options.max_name_bytes as usize,
        },
        ignore_nulls: options.ignore_null_values,
        send_deadline: options.send_deadline,
    }
}
