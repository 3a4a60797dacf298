//! How a server is stopped: once, whoever asks for it, and however often.

use crate::leaving::{Leaving, wait};
use crate::server::{Running, Server, Shared};
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
        while let Some(step) = self.next_step(drain) {
            wait(step).await;
        }
    }

    /// What has to be over before it has stopped, which closes the channel.
    fn next_step(&self, drain: Duration) -> Option<watch::Receiver<()>> {
        let mut running = self.lock();
        let shared = self.shared();
        // Each state is taken out and either put back or replaced.
        *running = match std::mem::replace(&mut *running, Running::New) {
            Running::New => Running::stopped(),
            Running::Starting { over, stop } => {
                let step = over.clone();
                *running = Running::Starting { over, stop: stop.or(Some(drain)) };
                return Some(step);
            }
            Running::Started { acceptor, announced, .. } => {
                shared.wind_down(Leaving::begin(shared.clone(), acceptor, announced), false, drain)
            }
            Running::Leaving { leaving, .. } => shared.wind_down(leaving, true, drain),
            stopped @ Running::Stopped { .. } => stopped,
        };
        match &*running {
            Running::Stopped { over, .. } if over.has_changed().is_ok() => Some(over.clone()),
            _ => None,
        }
    }

    /// As [`stop`](Self::stop) begins, but connections that are open go on being served, until they end or `stop` is called. A
    /// second call returns when the first one has done that. Cancel safe: it is done all the same.
    pub async fn stop_accepting(&self) {
        let over = {
            let mut running = self.lock();
            running.leave(self.shared());
            let Running::Leaving { leaving, .. } = &*running else { return };
            leaving.over()
        };
        wait(over).await;
    }
}

impl Running {
    /// Nothing of it runs.
    pub fn stopped() -> Self {
        Self::Stopped { over: watch::channel(()).1, task: None }
    }

    /// A server that runs is to accept no more.
    fn leave(&mut self, shared: &Arc<Shared>) {
        *self = match std::mem::replace(self, Self::New) {
            Self::Started { address, acceptor, announced } => {
                Self::Leaving { address, leaving: Leaving::begin(shared.clone(), acceptor, announced) }
            }
            other => other,
        };
    }
}

impl Shared {
    /// Stops in the background what was started, so that it is done to the end also if nobody waits for it any more. `served_on`: what
    /// came since it began to leave was served as ever.
    pub fn wind_down(self: &Arc<Self>, leaving: Leaving, served_on: bool, drain: Duration) -> Running {
        let (done, over) = watch::channel(());
        let shared = self.clone();
        let task = self.runtime.spawn(async move {
            shared.stop(leaving, served_on, drain).await;
            // It goes as well if the runtime ends first.
            drop(done);
        });
        Running::Stopped { over, task: Some(task.abort_handle()) }
    }

    async fn stop(&self, leaving: Leaving, served_on: bool, drain: Duration) {
        let drained = async {
            wait(leaving.over()).await;
            if served_on {
                self.say_draining(None).await;
            }
            self.see_off().await;
            self.connections_closed().await;
        };
        let begun = Instant::now();
        let _ = tokio::time::timeout(drain, drained).await;
        leaving.hurry().await;
        self.close_all();
        // Clients close as well when they have read all answers.
        let rest = drain.saturating_sub(begun.elapsed()).max(LEAST_CLOSING);
        let _ = tokio::time::timeout(rest, self.connections_closed()).await;
    }
}
