//! The one session of a registry, as its users see it; [`Supervisor`] does the work.

use crate::process::Home;
use crate::supervisor::Supervisor;
use libfast_model::{Error, ErrorKind, Result, ZooKeeperAccess};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use zookeeper_client::Client;

/// Where ZooKeeper is, and how it is talked to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ensemble {
    pub hosts: Vec<String>,
    pub access: ZooKeeperAccess,
}

/// How the session is. Each time it is connected again this is published anew, so a change also means: look again.
#[derive(Clone)]
pub enum Link {
    /// The first attempt is under way.
    Connecting,
    /// Requests can be made.
    Connected(Client),
    /// The connection is lost; the session may live on.
    Suspended,
    /// No server can be reached; it is being tried.
    Unreachable(Error),
    /// Servers answer, and refuse us, or what the options name cannot be used: somebody has to put that right. It is
    /// being tried.
    Refused(Error),
    /// Ended on purpose.
    Closed,
}

impl Link {
    /// Why there is no session.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::Unreachable(error) | Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}

/// A session that is kept up until the value is dropped or closed.
pub struct Session {
    links: watch::Receiver<Link>,
    open: Mutex<Option<oneshot::Sender<()>>>,
    supervisor: JoinHandle<()>,
}

impl Session {
    /// Starts to connect, at `home` or else in the tokio runtime that this must be called within.
    pub fn start(ensemble: Ensemble, home: Option<Arc<Home>>) -> Arc<Self> {
        let (sender, links) = watch::channel(Link::Connecting);
        let (open, closing) = oneshot::channel();
        let _within = home.as_ref().map(|home| home.enter());
        let lodging = home.clone().map(Home::lodge);
        let supervisor = tokio::spawn(async move {
            Supervisor::new(ensemble, sender).run(closing).await;
            drop(lodging);
        });
        Arc::new(Self { links, open: Mutex::new(Some(open)), supervisor })
    }

    /// Follows how the session is.
    pub fn links(&self) -> watch::Receiver<Link> {
        self.links.clone()
    }

    /// True when it was closed, or the runtime it lived in is gone.
    pub fn is_over(&self) -> bool {
        self.supervisor.is_finished() || matches!(*self.links.borrow(), Link::Closed)
    }

    /// Ends the session, whoever uses it, and waits for the server's acknowledgement (at most 2 s).
    pub async fn close(&self) {
        drop(self.open.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut links = self.links();
        while links.changed().await.is_ok() {}
    }

    /// Waits until requests can be made, or for the first failure.
    pub async fn client(&self) -> Result<Client> {
        let mut links = self.links();
        loop {
            match &*links.borrow_and_update() {
                Link::Connected(client) => return Ok(client.clone()),
                Link::Unreachable(error) | Link::Refused(error) => return Err(error.clone()),
                Link::Closed => return Err(closed()),
                Link::Connecting | Link::Suspended => {}
            }
            links.changed().await.map_err(|_| closed())?;
        }
    }
}

/// What is said about things that need a session after its end.
pub fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the ZooKeeper registry was closed")
}
