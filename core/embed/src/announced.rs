//! Announcing and picking for programs that speak another protocol.

use crate::config::Config;
use crate::event::Event;
use crate::owned::Owned;
use crate::park;
use crate::queue::{Queue, Ready};
use crate::runtime;
use libfast_model::{Error, ErrorKind, Result};
use libfast_registry::{Announcement, AnnouncementState, Change};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;

/// An entry in a registry for a server of any protocol. Dropping it takes the entry off in the background.
pub struct Announced(Owned<Mutex<Option<Announcement>>>);

impl Announced {
    /// Announces the address `advertise` under the target `announce`, and waits until it is listed, or until it
    /// is known that its registry cannot be reached, at most 5 s.
    pub fn new(config: &Config) -> Result<Self> {
        let options = config.server()?;
        let announcement = park::block_on(libfast_rpc::announce(&options, None))??;
        match announcement {
            Some(announcement) => Ok(Self(Owned::new(Mutex::new(Some(announcement))))),
            None => Err(Error::new(
                ErrorKind::Invalid,
                "option \"announce\" is empty; name a service to announce",
            )),
        }
    }

    /// `registered`, `connecting`, `suspended` (listed when last heard of), `lost` or `closed`.
    pub fn state(&self) -> Result<&'static str> {
        Ok(self.lock()?.as_ref().map_or("closed", |announcement| announcement.state().name()))
    }

    /// Gives it another share of calls. Returns when that is listed.
    pub fn set_weight(&self, weight: u64) -> Result<()> {
        self.change(|entry| entry.set_weight(weight))
    }

    /// Says something else of the server, as the option `metadata`. Returns when that is listed.
    pub fn set_metadata(&self, metadata: &str) -> Result<()> {
        self.change(|entry| entry.set_metadata(metadata))
    }

    fn change(&self, change: impl FnOnce(&Announcement) -> Change) -> Result<()> {
        let withdrawn = || Error::new(ErrorKind::State, "the entry was withdrawn");
        let listed = change(self.lock()?.as_ref().ok_or_else(withdrawn)?);
        park::block_on(listed)?
    }

    /// Tells `queue` of each change of the state, as an `Announcement` event with `tag`; if it was withdrawn already, of that.
    pub fn watch(&self, queue: &Arc<Queue>, tag: u64) -> Result<()> {
        match self.lock()?.as_ref() {
            Some(announcement) => tell(announcement.watch_state(), queue, tag)?,
            // Whoever listens does so until it is closed.
            None => queue.push(Ready::Event(Event::Announcement { tag, state: "closed", error: None })),
        }
        Ok(())
    }

    /// Says that the server drains, gives clients a quarter of a second to hear it, takes the entry off and waits until the
    /// registry acknowledged that. Serve meanwhile. A second time does nothing.
    pub fn withdraw(&self) -> Result<()> {
        let taken = self.lock()?.take();
        if let Some(announcement) = taken {
            park::block_on(announcement.leave())?;
        }
        Ok(())
    }

    fn lock(&self) -> Result<MutexGuard<'_, Option<Announcement>>> {
        Ok(self.0.get()?.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

/// Tells `queue` of the states that come, until there are no more or the queue is gone.
pub(crate) fn tell(
    mut states: watch::Receiver<AnnouncementState>,
    queue: &Arc<Queue>,
    tag: u64,
) -> Result<()> {
    states.mark_unchanged();
    let queue = Arc::downgrade(queue);
    runtime::handle()?.spawn(async move {
        let mut last: Option<AnnouncementState> = None;
        while states.changed().await.is_ok() {
            let state = states.borrow_and_update().clone();
            let Some(queue) = queue.upgrade() else { return };
            if last.as_ref().is_none_or(|last| !last.says_the_same(&state)) {
                let (name, error) = (state.name(), state.error().cloned());
                queue.push(Ready::Event(Event::Announcement { tag, state: name, error }));
                last = Some(state);
            }
        }
    });
    Ok(())
}

/// An endpoint chosen for a call over another protocol.
pub struct Picked {
    address: String,
    picked: Owned<Mutex<Option<libfast_rpc::Picked>>>,
}

impl Picked {
    pub(crate) fn new(picked: libfast_rpc::Picked) -> Self {
        Self { address: picked.endpoint().address.to_string(), picked: Owned::new(Mutex::new(Some(picked))) }
    }

    /// The address: `host:port` or `unix:/path`.
    pub fn endpoint(&self) -> &str {
        &self.address
    }

    /// Tells how the call went. A second report fails with `State`.
    pub fn report(&self, latency: Duration, ok: bool) -> Result<()> {
        let mut slot = self.picked.get()?.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match slot.take() {
            Some(picked) => {
                picked.report(latency, ok);
                Ok(())
            }
            None => Err(Error::new(ErrorKind::State, "the outcome of this pick was reported before")),
        }
    }
}
