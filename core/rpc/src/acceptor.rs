//! The task that accepts the connections of a server.

use crate::server::Shared;
use crate::socket::Listener;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The task that accepts connections. Dropping it closes the listener.
pub(crate) struct Acceptor {
    task: JoinHandle<()>,
    stop: Arc<Notify>,
}

impl Acceptor {
    pub fn start(shared: Arc<Shared>, listener: Listener) -> Self {
        let stop = Arc::new(Notify::new());
        let runtime = shared.runtime.clone();
        Self { task: runtime.spawn(accept_all(shared, listener, stop.clone())), stop }
    }

    /// Closes the listener, if it is not closed yet, and waits until it is.
    pub async fn close(&mut self) {
        self.stop.notify_one();
        if !self.task.is_finished() {
            let _ = (&mut self.task).await;
        }
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Pause of the acceptor when the process has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

async fn accept_all(shared: Arc<Shared>, listener: Listener, stop: Arc<Notify>) {
    loop {
        let accepted = tokio::select! {
            // First those who wait already: with the listener they would be reset, and what they sent lost.
            biased;
            accepted = listener.accept() => accepted,
            () = stop.notified() => return,
        };
        match accepted {
            Ok((socket, reader)) => shared.serve(socket, reader),
            Err(error) => {
                // Without a pause this would spin while descriptors are short; a connection that was reset before it was
                // accepted costs others the same short pause.
                tracing::warn!(%error, "a connection could not be accepted");
                if tokio::time::timeout(ACCEPT_PAUSE, stop.notified()).await.is_ok() {
                    return;
                }
            }
        }
    }
}
