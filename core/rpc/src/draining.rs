//! How a server stops so that no call is lost.
//!
//! It says that it is about to stop, on each connection whose client asked to be told and in the registry, and goes on
//! serving. When nothing new comes any more, or the grace is over, it takes its entry away and closes the listener. Clients
//! that asked to be told are then asked to leave: they close their connections when they have their answers. The
//! connections of the others are closed when they are owed nothing.

use crate::server::Shared;
use libfast_registry::Announcement;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

/// How far a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// It has said that it is about to stop.
    Draining,
    /// It accepts nothing more and asks its clients to leave.
    Leaving,
}

/// A draining server that got no request for this long expects no more: a client may have chosen it just before it learned.
const QUIET: Duration = Duration::from_millis(100);

impl Shared {
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Serving,
            1 => Phase::Draining,
            _ => Phase::Leaving,
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// Says that the server is about to stop, serves until nobody comes any more, and takes it off its registry. Those who
    /// come to a server without clients and without an entry know of it from nowhere, and are not waited for.
    pub async fn say_draining(&self, announced: Option<Box<Announcement>>) {
        self.enter(Phase::Draining);
        let connections = self.open();
        connections.iter().for_each(|connection| connection.tell_draining());
        let Some(announced) = announced else {
            if !connections.is_empty() {
                let _ = tokio::time::timeout(self.grace(), self.quiet()).await;
            }
            return;
        };
        let all_know = async {
            let _ = announced.change(|record| record.draining = true).await;
            self.quiet().await;
        };
        let _ = tokio::time::timeout(self.grace(), all_know).await;
        announced.withdraw().await;
    }

    /// Waits until all clients have left that can be asked to, and have their answers; closes the connections of the others
    /// when they have theirs.
    pub async fn see_off(&self) {
        self.enter(Phase::Leaving);
        self.open().iter().for_each(|connection| connection.ask_to_leave());
        std::future::poll_fn(|cx| {
            let connections = self.open();
            // `all` would stop at the first that is not ready, and leave the others without this waker.
            let waiting =
                connections.iter().filter(|connection| connection.poll_leave(cx).is_pending()).count();
            if waiting == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    async fn quiet(&self) {
        loop {
            let before = self.taken.load(Ordering::Relaxed);
            tokio::time::sleep(QUIET).await;
            if self.taken.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }

    fn grace(&self) -> Duration {
        Duration::from_millis(self.options.drain_grace_ms)
    }
}
