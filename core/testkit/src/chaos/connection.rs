//! One connection through a proxy: two sockets, two pipes, one task.

use super::counts::Counters;
use super::dice::{self, Purpose};
use super::orders::{Orders, State};
use super::pipe::{Broken, Pipe};
use super::plan::{Direction, Ending};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long a cut connection waits for its peers to close, too (to close before that would be RST to who still sends), and
/// one that ends while it is made waits to be made.
const END_LIMIT: Duration = Duration::from_secs(2);

/// A connection of a client, not yet connected to the server.
pub struct Connection {
    pub client: TcpStream,
    /// How many were accepted before it.
    pub number: u64,
    pub upstream: Arc<str>,
    pub seed: u64,
    pub counters: Arc<Counters>,
    pub state: watch::Receiver<State>,
    /// Those given before it was accepted.
    pub orders: Orders,
}

impl Connection {
    /// Runs until both peers have closed it, or a fault ends it, or the proxy is closed.
    pub async fn run(self) {
        let counters = self.counters.clone();
        let _open = counters.open.hold();
        let server = match self.connect().await {
            Ok(server) => server,
            Err((server, broken)) => return self.end(server, broken).await,
        };
        for stream in [&self.client, &server] {
            // It fails on a connection that is gone, which the pipes find out.
            let _ = stream.set_nodelay(true);
        }
        let broken = tokio::select! {
            piped = self.pipe(&server) => piped.err(),
            broken = self.doom() => Some(broken),
        };
        match broken {
            Some(broken) => self.end(Some(server), broken).await,
            // Before it counts as closed.
            None => drop((self, server)),
        }
    }

    /// Connects to the server. The error is how the connection ends, and the server's side if there is one.
    async fn connect(&self) -> Result<TcpStream, (Option<TcpStream>, Broken)> {
        let mut connecting = pin!(TcpStream::connect(&*self.upstream));
        tokio::select! {
            connected = &mut connecting => connected.map_err(|_| {
                self.counters.unreachable.add(1);
                (None, Broken::Peer)
            }),
            broken = self.doom() => {
                // The server may know of the connection already, and has to hear of its end.
                Err((timeout(END_LIMIT, connecting).await.ok().and_then(Result::ok), broken))
            }
        }
    }

    async fn pipe(&self, server: &TcpStream) -> Result<(), Broken> {
        let pipe = |ends, direction| {
            let counters = self.counters.of(direction);
            Pipe::new(ends, direction, counters, (self.seed, self.number), &self.orders)
                .run(self.state.clone())
        };
        tokio::try_join!(
            pipe((&self.client, server), Direction::ToServer),
            pipe((server, &self.client), Direction::ToClient),
        )?;
        Ok(())
    }

    /// Waits for what ends the connection from outside: an order, the storm, or the end of the proxy.
    fn doom(&self) -> impl Future<Output = Broken> + use<> {
        let (mut state, before) = (self.state.clone(), self.orders);
        let mut rng = dice::generator(self.seed, self.number, 0, Purpose::Storm);
        async move {
            loop {
                let State { plan, orders } = state.borrow_and_update().clone();
                if orders.resets != before.resets {
                    return Broken::Fault(Ending::Reset);
                }
                if orders.cuts != before.cuts {
                    return Broken::Fault(Ending::Cut);
                }
                // A storm has no memory: to draw anew when something else has changed is the same storm.
                let hit = dice::wait(&mut rng, plan.storm);
                tokio::select! {
                    changed = state.changed() => if changed.is_err() { return Broken::Close },
                    () = sleep(hit.unwrap_or_default()), if hit.is_some() => {
                        return Broken::Fault(Ending::Reset);
                    }
                }
            }
        }
    }

    async fn end(mut self, server: Option<TcpStream>, broken: Broken) {
        match broken {
            Broken::Fault(Ending::Cut) => {
                self.counters.cut.add(1);
                self.cut(server).await;
            }
            Broken::Fault(_) => {
                self.counters.reset.add(1);
                self.reset(server);
            }
            Broken::Peer => self.reset(server),
            Broken::Close => {}
        }
    }

    fn reset(self, server: Option<TcpStream>) {
        [Some(self.client), server].iter().flatten().for_each(reset);
    }

    async fn cut(&mut self, server: Option<TcpStream>) {
        let client = drain(&mut self.client);
        let server = async {
            if let Some(mut server) = server {
                drain(&mut server).await;
            }
        };
        let closed = async { while self.state.changed().await.is_ok() {} };
        tokio::select! {
            _ = timeout(END_LIMIT, async { tokio::join!(client, server) }) => {}
            () = closed => {}
        }
    }
}

/// Closing then resets the connection.
pub fn reset(stream: &TcpStream) {
    // It fails on a connection that is gone already.
    let _ = stream.set_zero_linger();
}

/// Closes one way and waits for the other to be closed.
async fn drain(stream: &mut TcpStream) {
    // A peer that is gone needs no more.
    if stream.shutdown().await.is_ok() {
        let _ = copy(stream, &mut sink()).await;
    }
}
