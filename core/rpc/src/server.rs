//! A server: its listener, its connections and its announcement.

use crate::acceptor::Acceptor;
use crate::announced::Said;
pub(crate) use crate::draining::Phase;
use crate::gate::Gate;
use crate::incoming_call::{IncomingCall, ServerInterceptor};
use crate::interceptors::Interceptors;
use crate::leaving::Leaving;
use crate::limits::Limits;
use crate::methods::{Handler, Methods};
use crate::metrics::{Metrics, ServerMeter};
use crate::refusal::Refusals;
use crate::request::Request;
use crate::server_account::{SeenConnection, Tally};
use crate::server_connection::ServerConnection;
use crate::socket::{Listener, Reader, Socket};
use crate::starting::Starting;
use crate::wakers::Wakers;
use libfast_model::{Address, Error, ErrorKind, Result, ServerOptions};
use libfast_registry::{Announcement, AnnouncementState};
use serde::Serialize;
use slab::Slab;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Serves methods. Cheap to clone; dropping the last clone stops it at once, without draining.
#[derive(Clone)]
pub struct Server(pub(crate) Arc<Guard>);

pub(crate) struct Guard {
    pub shared: Arc<Shared>,
    running: Mutex<Running>,
    /// Held while the server is being announced.
    pub announcing: tokio::sync::Mutex<()>,
}

pub(crate) enum Running {
    New,
    Starting {
        /// Closed when it has started, or has given that up.
        over: watch::Receiver<()>,
        /// Within which time it is to be stopped then, if it is.
        stop: Option<Duration>,
    },
    Started {
        address: Address,
        acceptor: Acceptor,
        announced: Option<Box<Announcement>>,
    },
    /// It accepts no more, or is about to.
    Leaving {
        address: Address,
        leaving: Leaving,
    },
    Stopped {
        /// Closed when nothing of it runs any more.
        over: watch::Receiver<()>,
        /// Sees to that.
        task: Option<AbortHandle>,
    },
}

/// The place of a connection in the server, which it leaves with its task, also if the runtime ends first.
struct Open {
    shared: Arc<Shared>,
    connection: Arc<ServerConnection>,
    key: usize,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.connection.hang_up();
        self.shared.removed(self.key);
    }
}

pub(crate) struct Shared {
    pub options: ServerOptions,
    pub methods: Methods,
    pub meter: Option<Arc<ServerMeter>>,
    pub refusals: Refusals,
    pub gate: Option<Arc<Gate>>,
    pub limits: Limits,
    pub interceptors: Interceptors<ServerInterceptor>,
    pub runtime: Handle,
    connections: Mutex<Connections>,
    /// Those who wait until no connection is open.
    none_open: Wakers,
    in_flight: AtomicU64,
    /// Requests ever taken, to notice that none came for a while.
    pub taken: AtomicU64,
    /// A [`Phase`].
    pub phase: AtomicU8,
    /// What is announced, or will be.
    pub said: Mutex<Said>,
    /// How far its entry in a registry is.
    pub announcement: watch::Sender<AnnouncementState>,
}

/// Of the room for requests, a connection takes at most this part at once.
pub(crate) const SHARES: u64 = 64;

#[derive(Default)]
struct Connections {
    open: Slab<Arc<ServerConnection>>,
    /// Connections ever taken. The number of a connection is its place among them.
    created: u64,
    /// What was counted on connections that are gone.
    ended: Tally,
    /// Set when the server stops: a connection that is accepted at the same moment comes too late.
    closed: bool,
}

/// A server at one moment, for those who show it.
pub(crate) struct SeenServer {
    /// Connections ever taken.
    pub created: u64,
    /// Of all connections, also those that are gone.
    pub tally: Tally,
    pub open: Vec<SeenConnection>,
    /// Requests may wait until others have run.
    pub is_limited: bool,
}

impl Server {
    /// A server that does not listen yet. Its work runs on the tokio runtime this is called in.
    pub fn new(options: ServerOptions) -> Result<Self> {
        Self::with_metrics(options, Metrics::global())
    }

    /// As [`new`](Self::new), with metrics other than those of the process.
    pub fn with_metrics(options: ServerOptions, metrics: &Metrics) -> Result<Self> {
        let meter = ServerMeter::new(&options, metrics)?.map(Arc::new);
        let runtime = crate::runtime()?;
        let shared = Arc::new(Shared {
            refusals: Refusals::new(&options),
            gate: Gate::new(&options, &runtime, || meter.as_ref().map(|meter| meter.gate())),
            limits: Limits::new(&options.rate_limits)?,
            interceptors: Interceptors::default(),
            said: Mutex::new(Said::of(&options)?),
            announcement: watch::channel(AnnouncementState::Closed).0,
            options,
            methods: Methods::default(),
            meter,
            runtime,
            connections: Mutex::default(),
            none_open: Wakers::default(),
            in_flight: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            phase: AtomicU8::new(Phase::Serving as u8),
        });
        Ok(Self(Arc::new(Guard {
            shared,
            running: Mutex::new(Running::New),
            announcing: tokio::sync::Mutex::default(),
        })))
    }

    /// Adds a method. The handler gets the request and returns the last value (`()` for none) or an error; it may send
    /// values before that. A panic in it is answered with an error.
    pub fn method<F, R, V>(&self, name: &str, handler: F) -> Result<()>
    where
        F: Fn(Request) -> R + Send + Sync + 'static,
        R: Future<Output = Result<V>> + Send + 'static,
        V: Serialize,
    {
        let runtime = self.0.shared.runtime.clone();
        self.handle(
            name,
            Arc::new(move |request: Request| {
                let answer = handler(request.clone());
                runtime.spawn(async move {
                    // What the handler does begins with the first poll, for which it may have waited long.
                    if request.end_if_expired() {
                        return;
                    }
                    let result = answer.await.and_then(|value| {
                        serde_json::to_vec(&value).map_err(|error| {
                            Error::new(
                                ErrorKind::Invalid,
                                format!("the result cannot be written as JSON: {error}"),
                            )
                        })
                    });
                    request.finish(result).await;
                });
            }),
        )
    }

    /// Adds a method whose handler sees to the answer itself. It runs on a thread that does I/O and must not block.
    pub fn handle(&self, name: &str, handler: Arc<Handler>) -> Result<()> {
        let shared = &self.0.shared;
        shared.methods.add(name, handler, shared.meter.as_ref().map(|meter| meter.method(name)))
    }

    /// Has requests that come from now on go through `interceptor` before their handlers, behind those installed before.
    /// `docs/INTERCEPTORS.md` has examples.
    pub fn intercept(
        &self,
        interceptor: impl Fn(&mut IncomingCall<'_>) -> Result<()> + Send + Sync + 'static,
    ) {
        self.0.shared.interceptors.add(Arc::new(interceptor));
    }

    /// Listens, and when connections are accepted announces the server if `announce` is set, unless `announce_at_start` is
    /// off. While its registry cannot be reached it serves all the same, and is listed when that answers. Returns the address
    /// listened on, with the port that was found for port 0.
    pub async fn start(&self) -> Result<Address> {
        let starting = Starting::enter(self)?;
        let (address, acceptor, announced) = self.begin().await?;
        starting.leave(&address, acceptor, announced.map(Box::new))?;
        // The entry stands; what it says is set right when it can be.
        let _ = self.catch_up().await;
        Ok(address)
    }

    /// Listens and announces.
    async fn begin(&self) -> Result<(Address, Acceptor, Option<Announcement>)> {
        let shared = &self.0.shared;
        let options = &shared.options;
        let invalid = |error| Error::new(ErrorKind::Invalid, format!("option \"listen\": {error}"));
        let listen: Address = options.listen.parse().map_err(invalid)?;
        let cannot_listen = |error: std::io::Error| {
            Error::new(ErrorKind::Connect, format!("cannot listen on {listen}: {error}")).at(&listen)
        };
        let unacknowledged = Duration::from_millis(options.unacknowledged_ms);
        let listener = Listener::bind(&listen, unacknowledged).await.map_err(cannot_listen)?;
        let address = listener.address().map_err(cannot_listen)?;
        let mut acceptor = Acceptor::start(shared.clone(), listener);
        let announced = match options.announce_at_start {
            true => shared.announce(&address).await,
            false => Ok(None),
        };
        match announced {
            Ok(announced) => Ok((address, acceptor, announced)),
            Err(error) => {
                // Nothing is left behind: it may be started again.
                acceptor.close().await;
                Err(error)
            }
        }
    }

    /// The address listened on, once started.
    pub fn address(&self) -> Option<Address> {
        match &*self.lock() {
            Running::Started { address, .. } | Running::Leaving { address, .. } => Some(address.clone()),
            Running::New | Running::Starting { .. } | Running::Stopped { .. } => None,
        }
    }

    /// Waits until no connection is open; at once if none is. Cancel safe.
    pub async fn connections_closed(&self) {
        self.0.shared.connections_closed().await;
    }

    /// The poll form of [`connections_closed`](Self::connections_closed).
    pub fn poll_connections_closed(&self, cx: &Context<'_>) -> Poll<()> {
        self.0.shared.poll_connections_closed(cx)
    }

    /// Requests being handled. For a moment it may count some more: whose answers gather with others, or for which a connection
    /// has room while it reads.
    pub fn in_flight(&self) -> u64 {
        self.0.shared.in_flight.load(Ordering::Relaxed)
    }

    /// Connections open.
    pub fn connections(&self) -> usize {
        self.0.shared.lock().open.len()
    }

    /// Counters, connections and running requests as a JSON object, as [`KangSnapshot`](crate::KangSnapshot) has them.
    pub fn kang(&self) -> String {
        crate::KangSnapshot::new("").server(self).without_service()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(crate) fn seen(&self) -> SeenServer {
        let connections = self.0.shared.lock();
        let (created, ended) = (connections.created, connections.ended);
        let open: Vec<_> = connections.open.iter().map(|(_, connection)| connection.clone()).collect();
        drop(connections);
        let open: Vec<_> = open.iter().map(|connection| connection.seen()).collect();
        let mut tally = ended;
        open.iter().for_each(|connection| tally += connection.tally);
        SeenServer { created, tally, open, is_limited: self.0.shared.gate.is_some() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Running> {
        self.0.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Running::Stopped { task: Some(task), .. } = std::mem::replace(running, Running::stopped()) {
            task.abort();
        }
        self.shared.close_all();
    }
}

impl Shared {
    /// Waits until no connection is open.
    pub async fn connections_closed(&self) {
        std::future::poll_fn(|cx| self.poll_connections_closed(cx)).await;
    }

    fn poll_connections_closed(&self, cx: &Context<'_>) -> Poll<()> {
        self.none_open.register(cx);
        if self.lock().open.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Counts up to `wish` requests in: one, unless there is room in plenty. Returns how many; none if too many run already.
    pub fn admit(&self, wish: u64) -> u64 {
        let room = |running: u64| self.options.max_inflight.saturating_sub(running);
        // Nobody must be refused because another connection holds more than it needs for a moment.
        let wish = wish.min(room(self.in_flight.load(Ordering::Relaxed)) / SHARES).max(1);
        let admitted = wish.min(room(self.in_flight.fetch_add(wish, Ordering::AcqRel)));
        if admitted < wish {
            self.give_back(wish - admitted);
        }
        admitted
    }

    /// So many of those counted in run no more.
    pub fn give_back(&self, admitted: u64) {
        self.in_flight.fetch_sub(admitted, Ordering::AcqRel);
    }

    pub fn serve(self: &Arc<Self>, socket: Socket, reader: Reader) {
        let mut connections = self.lock();
        if connections.closed {
            return;
        }
        if self.limits.is_kicked(&socket.peer()) {
            tracing::debug!(peer = socket.peer(), "connection refused: its client was kicked");
            self.meter.iter().for_each(|meter| _ = meter.connections_kicked.inc());
            return;
        }
        if connections.open.len() as u64 >= self.options.max_connections {
            tracing::warn!(
                max_connections = self.options.max_connections,
                "connection refused: too many are open"
            );
            self.meter.iter().for_each(|meter| _ = meter.connections_over_limit.inc());
            return;
        }
        connections.created += 1;
        let id = connections.created;
        let entry = connections.open.vacant_entry();
        let key = entry.key();
        let connection = Arc::new(ServerConnection::new(socket, self.clone(), id));
        entry.insert(connection.clone());
        drop(connections);
        let open = Open { shared: self.clone(), connection, key };
        self.runtime.spawn(async move { open.connection.clone().drive(reader).await });
    }

    /// A connection is closed and its requests are cancelled.
    fn removed(&self, key: usize) {
        let mut connections = self.lock();
        let connection = connections.open.remove(key);
        connections.ended += connection.tally();
        let none_open = connections.open.is_empty();
        drop(connections);
        if none_open {
            self.none_open.wake_all();
        }
    }

    /// Ends the connections that are open, but not those that come later.
    pub fn hang_up(&self) {
        self.open().iter().for_each(|connection| connection.close());
    }

    /// The connections that are open now.
    pub fn open(&self) -> Vec<Arc<ServerConnection>> {
        self.lock().open.iter().map(|(_, connection)| connection.clone()).collect()
    }

    /// Ends all connections, for good.
    pub fn close_all(&self) {
        let mut connections = self.lock();
        connections.closed = true;
        drop(connections);
        self.hang_up();
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
