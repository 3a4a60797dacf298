//! A server as foreign programs hold it.

use crate::announced;
use crate::config::Config;
use crate::event::Event;
use crate::metrics::metrics;
use crate::owned::Owned;
use crate::park;
use crate::queue::{Queue, Ready};
use crate::request::{self, ServerRequest};
use crate::runtime;
use libfast_model::Result;
use libfast_rpc::Request;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A server whose requests come through queues.
pub struct Server {
    server: Owned<libfast_rpc::Server>,
    drain: Duration,
}

impl Server {
    /// A server that does not listen yet.
    pub fn new(config: &Config) -> Result<Self> {
        let options = config.server()?;
        let drain = Duration::from_millis(options.drain_ms);
        let runtime = runtime::handle()?;
        let _context = runtime.enter();
        Ok(Self { server: Owned::new(libfast_rpc::Server::with_metrics(options, &metrics())?), drain })
    }

    /// Adds a method: its requests become `Request` events of `queue`. If the queue is gone they are answered with
    /// `HandlerDropped`.
    pub fn handle(&self, method: &str, queue: &Arc<Queue>, tag: u64) -> Result<()> {
        let queue = Arc::downgrade(queue);
        let hand_over = move |request: Request| {
            let Some(alive) = queue.upgrade() else { return };
            let watched = request.clone();
            let request = ServerRequest::new(request, queue.clone(), tag);
            let id = request.id();
            alive.push(Ready::Event(Event::Request { tag, request }));
            // Only now, so that the program hears of the request before it hears that it is cancelled.
            request::tell_when_cancelled(&watched, queue.clone(), tag, id);
        };
        self.server.get()?.handle(method, Arc::new(hand_over))
    }

    /// Listens, and announces the server if `announce` is set. Returns the address listened on.
    pub fn start(&self) -> Result<String> {
        let server = self.server.get()?;
        Ok(park::block_on(server.start())??.to_string())
    }

    /// Announces a server that was started with the option `announce_at_start` off. Returns when it is listed, or
    /// when it is known that its registry cannot be reached, after 5 s at the latest.
    pub fn announce(&self) -> Result<()> {
        let server = self.server.get()?;
        park::block_on(server.announce())?
    }

    /// Gives the server another share of calls. Returns when that is listed.
    pub fn set_weight(&self, weight: u64) -> Result<()> {
        let server = self.server.get()?;
        park::block_on(server.set_weight(weight))?
    }

    /// Says something else of the server, as the option `metadata`. Returns when that is listed.
    pub fn set_metadata(&self, metadata: &str) -> Result<()> {
        let server = self.server.get()?;
        park::block_on(server.set_metadata(metadata))?
    }

    /// How its entry in the registry is: `registered`, `connecting`, `suspended` (listed when last heard of), `lost`, or
    /// `closed` if there is none.
    pub fn announcement(&self) -> Result<&'static str> {
        Ok(self.server.get()?.announcement().name())
    }

    /// Tells `queue` of each change of that, as an `Announcement` event with `tag`.
    pub fn watch_announcement(&self, queue: &Arc<Queue>, tag: u64) -> Result<()> {
        announced::tell(self.server.get()?.watch_announcement(), queue, tag)
    }

    /// Withdraws and accepts no more connections; those that are open go on being served.
    pub fn stop_accepting(&self) -> Result<()> {
        let server = self.server.get()?;
        park::block_on(server.stop_accepting())
    }

    /// Waits until no connection is open, at most `timeout`. False: some are.
    pub fn wait_connections_closed(&self, timeout: Duration) -> Result<bool> {
        let server = self.server.get()?;
        park::block_on(async { tokio::time::timeout(timeout, server.connections_closed()).await.is_ok() })
    }

    /// As [`wait_connections_closed`](Self::wait_connections_closed) for who must not wait: true if none is open, else
    /// `waker` is woken when that may have become so.
    pub fn poll_connections_closed(&self, waker: &Waker) -> Result<bool> {
        let polled = self.server.get()?.poll_connections_closed(&Context::from_waker(waker));
        Ok(matches!(polled, Poll::Ready(())))
    }

    /// Puts other rate limits in the place of those there are, written as in the option `rate_limits`.
    pub fn set_rate_limits(&self, limits: &str) -> Result<()> {
        self.server.get()?.set_rate_limits(limits)
    }

    /// Does not serve a client, by address or by name, for `time`; zero serves it again.
    pub fn kick(&self, client: &str, time: Duration) -> Result<()> {
        self.server.get()?.kick(client, time)
    }

    /// Counters, connections and running requests as a JSON object, in the words of kang.
    pub fn kang(&self) -> Result<String> {
        Ok(self.server.get()?.kang())
    }

    /// Withdraws, drains for at most `drain` (`None`: the option `drain_ms`) and closes.
    pub fn stop(&self, drain: Option<Duration>) -> Result<()> {
        let server = self.server.get()?;
        park::block_on(server.stop(drain.unwrap_or(self.drain)))
    }
}
