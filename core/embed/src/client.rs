//! A client as foreign programs hold it.

use crate::announced::Picked;
use crate::call::{PullCall, QueuedCall};
use crate::config::Config;
use crate::event_loop::EventLoop;
use crate::gathered::Gathered;
use crate::metrics::metrics;
use crate::owned::Owned;
use crate::queue::Queue;
use crate::runtime;
use bytes::Bytes;
use libfast_model::{Error, ErrorKind, Result};
use libfast_rpc::{Affinity, CallOptions};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// A client: blocking calls, calls through a queue, and picks.
pub struct Client {
    inner: Owned<Inner>,
    closed: AtomicBool,
}

struct Inner {
    client: libfast_rpc::Client,
    /// Not kept alive by those who are in no call: a shutdown ends it.
    event_loop: Weak<EventLoop>,
    /// The queue that was told last where its calls are made.
    fed: AtomicU64,
}

/// How one call differs from its client's options.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallSettings {
    /// Longest the call may take; `Some(None)` is no limit, `None` the client's.
    pub timeout: Option<Option<Duration>>,
    /// Repeat it although the server may have run it; `None`: as the client's option says.
    pub idempotent: Option<bool>,
    /// How often to repeat it where that is safe; `None`: the client's.
    pub retries: Option<u32>,
    /// Values handed to a queue before more are granted; `None`: the client's.
    pub window: Option<u64>,
    /// Drop null values instead of failing the call; `None`: as the client's option says.
    pub ignore_null_values: Option<bool>,
    /// What the call belongs to; `Some(None)` is nothing, `None`: as the client's option says.
    pub affinity: Option<Option<Affinity>>,
    /// Make a second attempt if it is idempotent and takes long; `None`: as the client's option says.
    pub hedge: Option<bool>,
    /// Wait while no provider is there; `None`: as the client's option says.
    pub wait_for_ready: Option<bool>,
}

impl CallSettings {
    /// Sets one by its option's name, from text, with the bounds of the option of the same name.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let mut options = libfast_model::ClientOptions::default();
        options.set(name, value)?;
        match name {
            "timeout_ms" => {
                self.timeout =
                    Some((options.timeout_ms > 0).then(|| Duration::from_millis(options.timeout_ms)));
            }
            "idempotent" => self.idempotent = Some(options.idempotent),
            "retries" => self.retries = Some(options.retries as u32),
            "window" => self.window = Some(options.window),
            "ignore_null_values" => self.ignore_null_values = Some(options.ignore_null_values),
            "affinity" => self.affinity = Some(Affinity::of(&options.affinity)),
            "hedge" => self.hedge = Some(options.hedge),
            "wait_for_ready" => self.wait_for_ready = Some(options.wait_for_ready),
            _ => {
                let message = format!("option {name:?} is a client's; a call has {}", Self::NAMES.join(", "));
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        }
        Ok(())
    }

    /// The options that a call has of its own.
    pub const NAMES: [&str; 8] = libfast_model::CALL_OPTIONS;

    fn over(&self, mut options: CallOptions) -> CallOptions {
        options.timeout = self.timeout.unwrap_or(options.timeout);
        options.idempotent = self.idempotent.unwrap_or(options.idempotent);
        options.retries = self.retries.unwrap_or(options.retries);
        options.ignore_null_values = self.ignore_null_values.unwrap_or(options.ignore_null_values);
        options.affinity = self.affinity.unwrap_or(options.affinity);
        options.hedge = self.hedge.unwrap_or(options.hedge);
        options.wait_for_ready = self.wait_for_ready.unwrap_or(options.wait_for_ready);
        options
    }
}

impl Client {
    /// A client of `target`. Returns at once; providers are found and connections made in the background.
    pub fn new(target: &str, config: &Config) -> Result<Self> {
        let options = config.client()?;
        let event_loop = runtime::event_loop()?;
        let _context = event_loop.handle().enter();
        let client = libfast_rpc::Client::with_metrics(target, options, &metrics())?;
        let event_loop = Arc::downgrade(&event_loop);
        let inner = Inner { client, event_loop, fed: AtomicU64::new(0) };
        Ok(Self { inner: Owned::new(inner), closed: AtomicBool::new(false) })
    }

    /// Waits until a provider is known and connected, at most `timeout`.
    pub fn ready(&self, timeout: Duration) -> Result<()> {
        let inner = self.inner.get()?;
        inner.event_loop()?.block_on(inner.client.ready(timeout))?
    }

    /// Starts a call whose values are pulled. `args` is the JSON text of an array. It is sent at once if a connection is
    /// there, else when the first value is pulled.
    pub fn call(&self, method: &str, args: Bytes, settings: &CallSettings) -> Result<PullCall> {
        let inner = self.inner.get()?;
        let event_loop = inner.event_loop()?;
        // Noted first: a call beside others is the business of the library's thread, which then writes it.
        let noted = event_loop.turns().call();
        let call = inner.client.start(method, args, settings.over(inner.client.call_options()));
        Ok(PullCall::new(call, noted, inner.event_loop.clone()))
    }

    /// Sends a call that completes through `queue`: as `Data` events and a `Done`, or with `collect` as one `Done` that
    /// has all values. A failure to start is a `Done`, too.
    pub fn start(
        &self,
        queue: &Arc<Queue>,
        tag: u64,
        method: &str,
        args: Bytes,
        settings: &CallSettings,
        collect: bool,
    ) -> Result<Arc<QueuedCall>> {
        self.start_gathering(queue, tag, method, args, settings, collect.then(|| Gathered::new(u64::MAX)))
    }

    /// As [`start`](Self::start): one `Done` that has the first `most` values and the count of all, also of a call that
    /// failed.
    pub fn start_buffered(
        &self,
        queue: &Arc<Queue>,
        tag: u64,
        method: &str,
        args: Bytes,
        settings: &CallSettings,
        most: u64,
    ) -> Result<Arc<QueuedCall>> {
        self.start_gathering(queue, tag, method, args, settings, Some(Gathered::new(most)))
    }

    fn start_gathering(
        &self,
        queue: &Arc<Queue>,
        tag: u64,
        method: &str,
        args: Bytes,
        settings: &CallSettings,
        gathered: Option<Gathered>,
    ) -> Result<Arc<QueuedCall>> {
        let inner = self.inner.get()?;
        if inner.fed.load(Ordering::Relaxed) != queue.id() {
            queue.fed_by(&inner.event_loop()?);
            inner.fed.store(queue.id(), Ordering::Relaxed);
        }
        let client = &inner.client;
        let window = settings.window.unwrap_or(client.options().window);
        let call = || client.start(method, args, settings.over(client.call_options()));
        Ok(QueuedCall::start(call, queue, tag, window, gathered))
    }

    /// Chooses an endpoint for a call over another protocol; waits until providers are known.
    pub fn pick(&self) -> Result<Picked> {
        let inner = self.inner.get()?;
        Ok(Picked::new(inner.event_loop()?.block_on(inner.client.pick())??))
    }

    /// Counters and endpoints as a JSON object.
    pub fn stats(&self) -> Result<String> {
        Ok(self.inner.get()?.client.stats())
    }

    /// Connections and requests as a JSON object, in the words of kang.
    pub fn kang(&self) -> Result<String> {
        Ok(self.inner.get()?.client.kang())
    }

    /// Refuses new calls and waits at most `drain` for those under way.
    pub fn close(&self, drain: Duration) -> Result<()> {
        let inner = self.inner.get()?;
        self.closed.store(true, Ordering::Release);
        inner.event_loop()?.block_on(inner.client.close(drain))
    }

    /// False once it was closed, alone or by a shutdown, and in a forked child.
    pub(crate) fn is_usable(&self) -> bool {
        self.inner.get().is_ok() && !self.closed.load(Ordering::Acquire)
    }
}

impl Inner {
    fn event_loop(&self) -> Result<Arc<EventLoop>> {
        self.event_loop.upgrade().ok_or_else(runtime::was_shut_down)
    }
}
