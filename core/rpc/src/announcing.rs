//! What a server tells its registry while it runs.

use crate::announced::{Said, announce_telling};
use crate::server::{Running, Server, Shared};
use libfast_model::{Address, Endpoint, Error, ErrorKind, Result, parse_metadata};
use libfast_registry::{Announcement, AnnouncementState, in_time};
use std::future::ready;
use std::sync::{MutexGuard, PoisonError};
use tokio::sync::watch;

impl Server {
    /// Announces a server that was started with `announce_at_start` off, now that it is ready for calls. Returns when
    /// it is listed, or cannot be because its registry is not reached: then it is when that answers. May be tried again
    /// if it fails. A second time does nothing.
    pub async fn announce(&self) -> Result<()> {
        if self.0.shared.options.announce.is_empty() {
            let message = "option \"announce\" is empty; name a service to announce";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let not_running = || Error::new(ErrorKind::State, "only a server that was started can be announced");
        let _turn = self.0.announcing.lock().await;
        let address = match &*self.lock() {
            Running::Started { announced: Some(_), .. } => return Ok(()),
            Running::Started { address, .. } => address.clone(),
            _ => return Err(not_running()),
        };
        let entry = self.0.shared.announce(&address).await?;
        match &mut *self.lock() {
            Running::Started { announced, .. } => *announced = entry.map(Box::new),
            // It was stopped meanwhile; dropping the entry takes it off.
            _ => return Err(not_running()),
        }
        // It is announced, and has its weight as soon as the registry answers.
        let _ = self.catch_up().await;
        Ok(())
    }

    /// Gives the server another share of calls, relative to other providers, from 0 (no new calls) to 1,000,000. Returns when
    /// that is listed; before the server is announced, at once. An error of the kind `Registry` tells that the registry cannot
    /// be reached or refuses it; what can still be done is done when it answers again.
    pub async fn set_weight(&self, weight: u64) -> Result<()> {
        let weight = Endpoint::check_weight(weight)?;
        self.say(|said| said.weight = weight).await
    }

    /// Says something else of the server, in place of all that was said: text as of the option `metadata`, empty for nothing.
    /// Returns and fails as [`set_weight`](Self::set_weight) does; what is malformed or too long for an entry changes nothing.
    pub async fn set_metadata(&self, metadata: &str) -> Result<()> {
        let metadata = parse_metadata(metadata)?;
        self.say(|said| said.metadata = metadata).await
    }

    async fn say(&self, edit: impl FnOnce(&mut Said)) -> Result<()> {
        let listed = {
            let running = self.lock();
            let mut said = self.0.shared.said();
            let mut wanted = said.clone();
            edit(&mut wanted);
            let listed = match &*running {
                Running::Started { announced: Some(entry), .. } => {
                    in_time(entry.try_change(|record| wanted.clone().write(record))?)
                }
                _ => Box::pin(ready(Ok(()))),
            };
            *said = wanted;
            listed
        };
        listed.await
    }

    /// Lists what was said while the server was being announced with something else.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        let wanted = self.0.shared.said().clone();
        let is_listed = match &*self.lock() {
            Running::Started { announced: Some(entry), .. } => Said::by(entry.record()) == wanted,
            _ => true,
        };
        if is_listed { Ok(()) } else { self.say(|_| {}).await }
    }

    /// How far the server's entry in its registry is; `Closed` if it is not announced.
    pub fn announcement(&self) -> AnnouncementState {
        match &*self.lock() {
            Running::Started { announced: Some(entry), .. } => entry.state(),
            Running::Stopped { .. } => AnnouncementState::Closed,
            _ => self.0.shared.announcement.borrow().clone(),
        }
    }

    /// Follows [`announcement`](Self::announcement).
    pub fn watch_announcement(&self) -> watch::Receiver<AnnouncementState> {
        self.0.shared.announcement.subscribe()
    }
}

impl Shared {
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lists the server, if it has an entry.
    pub async fn announce(&self, address: &Address) -> Result<Option<Announcement>> {
        let said = self.said().clone();
        let state = self.announcement.clone();
        let follow = |states| drop(self.runtime.spawn(follow(states, state)));
        announce_telling(&self.options, said, Some(address), follow).await
    }
}

/// Passes states on until there are no more.
async fn follow(mut from: watch::Receiver<AnnouncementState>, to: watch::Sender<AnnouncementState>) {
    loop {
        let state = from.borrow_and_update().clone();
        to.send_replace(state);
        if from.changed().await.is_err() {
            return;
        }
    }
}
