//! A server that is to accept no more.

use crate::acceptor::Acceptor;
use crate::server::Shared;
use libfast_registry::Announcement;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

/// The task that says so, serves on until nobody comes any more, and closes the listener, whether somebody waits for that or not.
/// Dropping it closes the listener at once.
pub(crate) struct Leaving {
    task: AbortHandle,
    hurry: Arc<Notify>,
    /// Closed when the listener is.
    over: watch::Receiver<()>,
}

impl Leaving {
    pub fn begin(shared: Arc<Shared>, mut acceptor: Acceptor, announced: Option<Box<Announcement>>) -> Self {
        let (done, over) = watch::channel(());
        let hurry = Arc::new(Notify::new());
        let (runtime, hurried) = (shared.runtime.clone(), hurry.clone());
        let task = runtime.spawn(async move {
            tokio::select! {
                () = shared.say_draining(announced) => {}
                () = hurried.notified() => {}
            }
            acceptor.close().await;
            // It goes as well if the runtime ends first.
            drop(done);
        });
        Self { task: task.abort_handle(), hurry, over }
    }

    /// Closed when the listener is.
    pub fn over(&self) -> watch::Receiver<()> {
        self.over.clone()
    }

    /// Closes the listener now, and waits until it is.
    pub async fn hurry(&self) {
        self.hurry.notify_one();
        wait(self.over()).await;
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits until that is closed.
pub(crate) async fn wait(mut over: watch::Receiver<()>) {
    // Nothing is ever sent.
    let _ = over.changed().await;
}
