//! What a provider or consumer tells a registry about itself.

use crate::{Record, Role};
use libfast_model::{Error, Result, ServiceName};
use std::pin::Pin;
use tokio::sync::watch;

/// Lists providers and consumers.
pub trait Announcer: Send + Sync {
    /// Lists `record` under `service` until the returned value is withdrawn or dropped, or the process dies. Returns
    /// at once and goes on by itself; must be called within a tokio runtime.
    fn announce(&self, service: &ServiceName, role: Role, record: Record) -> Announcement;
}

/// How far an announcement is.
#[derive(Debug, Clone)]
pub enum AnnouncementState {
    /// Not listed yet, or no more; being tried.
    Connecting,
    /// Listed.
    Registered,
    /// Listed when last heard of, but the registry cannot be reached at present.
    Suspended,
    /// Not listed, because of this error. Registries that can recover go on trying.
    Failed(Error),
    /// Withdrawn.
    Closed,
}

/// The work of taking an entry off a registry; resolves when the registry acknowledged it or cannot be reached.
pub type Withdraw = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One entry of a registry that is being kept up. Dropping it takes the entry off in the background.
pub struct Announcement {
    state: watch::Receiver<AnnouncementState>,
    withdraw: Option<Box<dyn FnOnce() -> Withdraw + Send + Sync>>,
}

impl Announcement {
    /// An entry whose `state` changes as told, and which `withdraw` takes off. If it is dropped without being
    /// withdrawn, `withdraw` is called and its future is dropped, so the call itself must start the removal.
    pub fn new(
        state: watch::Receiver<AnnouncementState>,
        withdraw: impl FnOnce() -> Withdraw + Send + Sync + 'static,
    ) -> Self {
        Self { state, withdraw: Some(Box::new(withdraw)) }
    }

    /// How far it is.
    pub fn state(&self) -> AnnouncementState {
        self.state.borrow().clone()
    }

    /// Follows the state.
    pub fn watch_state(&self) -> watch::Receiver<AnnouncementState> {
        self.state.clone()
    }

    /// Waits until the entry is listed, or the first failure. Cancel safe.
    pub async fn registered(&self) -> Result<()> {
        let mut state = self.state.clone();
        loop {
            match &*state.borrow_and_update() {
                AnnouncementState::Registered | AnnouncementState::Suspended => return Ok(()),
                AnnouncementState::Failed(error) => return Err(error.clone()),
                AnnouncementState::Connecting => {}
                AnnouncementState::Closed => return Err(closed()),
            }
            state.changed().await.map_err(|_| closed())?;
        }
    }

    /// Takes the entry off and waits until the registry acknowledged it.
    pub async fn withdraw(mut self) {
        if let Some(withdraw) = self.withdraw.take() {
            withdraw().await;
        }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        if let Some(withdraw) = self.withdraw.take() {
            drop(withdraw());
        }
    }
}

fn closed() -> Error {
    Error::new(libfast_model::ErrorKind::Closed, "the announcement was withdrawn")
}
