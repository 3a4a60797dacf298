//! What a server tells its registry while it runs.

use crate::announced::announce_telling;
use crate::server::{Running, Server, Shared};
use libfast_model::{Address, Endpoint, Error, ErrorKind, Result};
use libfast_registry::{Announcement, AnnouncementState};
use std::future::ready;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

impl Server {
    /// Announces a server that was started with `announce_at_start` off, now that it is ready for calls. Returns when it is
    /// listed, or cannot be because its registry is not reached: then it is when that answers. May be tried again if it fails. A second time does nothing.
    pub async fn announce(&self) -> Result<()> {
        if self.0.shared.options.announce.is_empty() {
            let message = "option \"announce\" is empty; name a service to announce";
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let not_running = || Error::new(ErrorKind::State, "only a server that was started can be announced");
        let _turn = self.0.announcing.lock().await;
        let address = match &*self.lock() {
            Running::Started { announced: Some(_), .. } => return Ok(()),
            Running::Started { address, acceptor: Some(_), .. } => address.clone(),
            _ => return Err(not_running()),
        };
        let entry = self.0.shared.announce(&address).await?;
        match &mut *self.lock() {
            Running::Started { announced, acceptor: Some(_), .. } => *announced = entry.map(Box::new),
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
        let listed = {
            let running = self.lock();
            self.0.shared.weight.store(Endpoint::check_weight(weight)?.into(), Ordering::Relaxed);
            match &*running {
                Running::Started { announced: Some(entry), .. } => entry.set_weight(weight),
                _ => Box::pin(ready(Ok(()))),
            }
        };
        listed.await
    }

    /// Lists the weight that was set while the server was being announced with another.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        let wanted = self.0.shared.weight.load(Ordering::Relaxed);
        let is_listed = match &*self.lock() {
            Running::Started { announced: Some(entry), .. } => u64::from(entry.record().weight) == wanted,
            _ => true,
        };
        if is_listed { Ok(()) } else { self.set_weight(wanted).await }
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
    /// Lists the server, if it has an entry.
    pub async fn announce(&self, address: &Address) -> Result<Option<Announcement>> {
        let weight = self.weight.load(Ordering::Relaxed);
        let state = self.announcement.clone();
        let follow = |states| drop(self.runtime.spawn(follow(states, state)));
        announce_telling(&self.options, weight, Some(address), follow).await
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
