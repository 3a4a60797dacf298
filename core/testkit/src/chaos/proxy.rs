//! The proxy: accepts connections and tells them what is wrong.

use super::connection::{Connection, reset};
use super::counts::{Counters, Counts};
use super::listener::Listener;
use super::orders::{Orders, State};
use super::plan::{Admission, Direction, Plan};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

/// How long accepting rests after a failure: as a rule, all descriptors are taken.
const REST: Duration = Duration::from_millis(20);

/// How a proxy is started.
#[derive(Debug, Clone)]
pub struct ChaosSettings {
    /// Where it listens; default 127.0.0.1, on a free port.
    pub listen: SocketAddr,
    /// What its randomness begins with: with the same seed, faults and order of connections, the same connections and
    /// bytes are hit. Default: another each time, which [`ChaosProxy::seed`] tells.
    pub seed: u64,
    /// The faults from the first connection on; default none.
    pub plan: Plan,
}

impl Default for ChaosSettings {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 0).into(), seed: fastrand::u64(..), plan: Plan::default() }
    }
}

impl ChaosSettings {
    /// Starts a proxy in front of the server at `host:port`, which is looked up for every connection and need not run
    /// yet. Needs the context of a tokio runtime, which the proxy then runs on. It fails if the address cannot be
    /// listened on.
    pub fn start(self, upstream: impl Into<String>) -> io::Result<ChaosProxy> {
        let listener = Listener::bind(self.listen)?;
        let address = listener.address();
        let (state, told) = watch::channel(State { plan: self.plan, orders: Orders::default() });
        let (done, settled) = watch::channel(Admission::Accept);
        let counters = Arc::new(Counters::default());
        let seed = self.seed;
        let upstream = upstream.into().into();
        let accepting = Accepting { listener, upstream, seed, counters: counters.clone(), state: told, done };
        let task = tokio::spawn(accepting.run());
        Ok(ChaosProxy { address, seed, state, counters, settled, task })
    }
}

/// A TCP proxy in front of one server, with faults. Dropping it ends it and all its connections soon.
#[derive(Debug)]
pub struct ChaosProxy {
    address: SocketAddr,
    seed: u64,
    state: watch::Sender<State>,
    counters: Arc<Counters>,
    settled: watch::Receiver<Admission>,
    task: JoinHandle<()>,
}

impl ChaosProxy {
    /// Starts a proxy on 127.0.0.1, on a free port; more in [`ChaosSettings::start`].
    pub fn start(upstream: impl Into<String>) -> io::Result<Self> {
        ChaosSettings::default().start(upstream)
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its randomness began with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The faults at present.
    pub fn plan(&self) -> Plan {
        self.state.borrow().plan.clone()
    }

    /// Changes the faults, of connections that run as well. When it returns, no byte is read or written under the
    /// earlier faults any more. A change of [`Plan::admission`] takes until [`settled`](Self::settled).
    pub fn change(&self, change: impl FnOnce(&mut Plan)) {
        self.state.send_modify(|state| change(&mut state.plan));
    }

    /// Takes all faults away.
    pub fn clear(&self) {
        self.change(|plan| *plan = Plan::default());
    }

    /// Waits until connections are accepted or refused as the plan says.
    pub async fn settled(&self) {
        let wanted = self.plan().admission;
        // It ends only with the proxy.
        let _ = self.settled.clone().wait_for(|admission| *admission == wanted).await;
    }

    /// Cuts all connections that it has accepted: both peers read the end of the stream. What was delayed is lost.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.orders.cuts += 1);
    }

    /// Resets all connections that it has accepted: both peers get RST. What was delayed is lost.
    pub fn reset(&self) {
        self.state.send_modify(|state| state.orders.resets += 1);
    }

    /// Closes one direction of all connections that it has accepted: the receiver reads the end of the stream after what
    /// was delayed, the sender notices nothing, and the other direction lives.
    pub fn half_close(&self, direction: Direction) {
        self.state.send_modify(|state| state.orders.half_close(direction));
    }

    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// Ends it and all its connections; when it returns, every task has ended and every descriptor is closed.
    pub async fn close(self) {
        drop(self.state);
        // A panic in there has been reported, and leaves nothing open either.
        let _ = self.task.await;
    }
}

/// The task that accepts, and owns all connections.
struct Accepting {
    listener: Listener,
    upstream: Arc<str>,
    seed: u64,
    counters: Arc<Counters>,
    state: watch::Receiver<State>,
    done: watch::Sender<Admission>,
}

impl Accepting {
    /// Runs until the proxy is dropped.
    async fn run(mut self) {
        let mut connections = JoinSet::new();
        let mut accepted = 0;
        loop {
            let admission = self.state.borrow_and_update().plan.admission;
            let is_set = self.listener.set_open(admission != Admission::Refuse).is_ok();
            if is_set {
                self.done.send_replace(admission);
            }
            tokio::select! {
                biased;
                changed = self.state.changed() => if changed.is_err() { break },
                () = sleep(REST), if !is_set => {}
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                client = self.listener.accept() => match client {
                    Ok(client) => {
                        self.admit(client, accepted, &mut connections);
                        accepted += 1;
                    }
                    Err(_) => sleep(REST).await,
                }
            }
        }
        let _ = self.listener.set_open(false);
        drop(self.listener);
        connections.shutdown().await;
    }

    fn admit(&self, client: TcpStream, number: u64, connections: &mut JoinSet<()>) {
        self.counters.connections.add(1);
        let State { plan, orders } = self.state.borrow().clone();
        if plan.admission == Admission::Reset {
            self.counters.rejected.add(1);
            return reset(&client);
        }
        let connection = Connection {
            client,
            number,
            upstream: self.upstream.clone(),
            seed: self.seed,
            counters: self.counters.clone(),
            state: self.state.clone(),
            orders,
        };
        connections.spawn(connection.run());
    }
}
