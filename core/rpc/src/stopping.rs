//! How a server is stopped: once, whoever asks for it, and however often.

use crate::acceptor::Acceptor;
use crate::server::{Running, Server, Shared};
use libfast_registry::Announcement;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long [`Server::stop`] waits at least for clients to close their connections too, if they do not do so at once.
const LEAST_CLOSING: Duration = Duration::from_millis(100);

impl Server {
    /// Stops so that no call is lost, in at most `drain`; what runs then is cancelled.
    ///
    /// It says that it is about to stop, to its clients and in its registry, and serves on until no request came for 100 ms,
    /// at most for `drain_grace_ms`. Then it leaves the registry, accepts no more connections, and answers what is under
    /// way. Clients of libfast leave when they have their answers; the connections of others are closed when they are owed
    /// none. The address is free when this returns.
    ///
    /// A second call returns when the first one has done all that, and its `drain` does not count. A start that is under way
    /// is waited for. Cancel safe: it stops all the same.
    pub async fn stop(&self, drain: Duration) {
        while let Some(mut step) = self.next_step(drain) {
            // Nothing is ever sent.
            let _ = step.changed().await;
        }
    }

    /// What has to be over before it has stopped, which closes the channel.
    fn next_step(&self, drain: Duration) -> Option<watch::Receiver<()>> {
        let mut running = self.lock();
        match &mut *running {
            Running::New => *running = Running::stopped(),
            Running::Starting { over, stop } => {
                stop.get_or_insert(drain);
                return Some(over.clone());
            }
            Running::Started { acceptor, announced, .. } => {
                *running = self.shared().wind_down(acceptor.take(), announced.take(), drain);
            }
            Running::Stopped { .. } => {}
        }
        match &*running {
            Running::Stopped { over, .. } if over.has_changed().is_ok() => Some(over.clone()),
            _ => None,
        }
    }

    /// As [`stop`](Self::stop) begins, but connections that are open go on being served, until they end or `stop` is called.
    pub async fn stop_accepting(&self) {
        let (acceptor, announced) = match &mut *self.lock() {
            Running::Started { acceptor, announced, .. } => (acceptor.take(), announced.take()),
            Running::New | Running::Starting { .. } | Running::Stopped { .. } => return,
        };
        self.shared().say_draining(announced).await;
        if let Some(mut acceptor) = acceptor {
            acceptor.close().await;
        }
    }
}

impl Running {
    /// Nothing of it runs.
    pub fn stopped() -> Self {
        Self::Stopped { over: watch::channel(()).1, task: None }
    }
}

impl Shared {
    /// Stops in the background what was started, so that it is done to the end also if nobody waits for it any more.
    pub fn wind_down(
        self: &Arc<Self>,
        acceptor: Option<Acceptor>,
        announced: Option<Box<Announcement>>,
        drain: Duration,
    ) -> Running {
        let (done, over) = watch::channel(());
        let shared = self.clone();
        let task = self.runtime.spawn(async move {
            shared.stop(acceptor, announced, drain).await;
            // It goes as well if the runtime ends first.
            drop(done);
        });
        Running::Stopped { over, task: Some(task.abort_handle()) }
    }

    async fn stop(
        &self,
        mut acceptor: Option<Acceptor>,
        announced: Option<Box<Announcement>>,
        drain: Duration,
    ) {
        let drained = async {
            self.say_draining(announced).await;
            if let Some(acceptor) = &mut acceptor {
                acceptor.close().await;
            }
            self.see_off().await;
            self.connections_closed().await;
        };
        let begun = Instant::now();
        let _ = tokio::time::timeout(drain, drained).await;
        if let Some(mut acceptor) = acceptor {
            acceptor.close().await;
        }
        self.close_all();
        // Clients close as well when they have read all answers.
        let rest = drain.saturating_sub(begun.elapsed()).max(LEAST_CLOSING);
        let _ = tokio::time::timeout(rest, self.connections_closed()).await;
    }
}
