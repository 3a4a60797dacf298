//! An announcement's two sides: what its holder asks for, and what the task that keeps it up is given.

use crate::security::Grants;
use libfast_model::{Error, ErrorKind, Result, ZooKeeperAccess};
use libfast_registry::{Announcement, AnnouncementState, Change, Record};
use std::future::ready;
use tokio::sync::{oneshot, watch};

/// What is to be listed.
pub struct Wanted<T> {
    /// Counts the records that there were, from 1.
    pub number: u64,
    pub data: T,
}

/// The side of the task.
pub struct Keeping<T> {
    pub grants: Grants,
    pub wanted: watch::Receiver<Wanted<T>>,
    /// The number of the record that is listed.
    pub listed: watch::Sender<u64>,
    pub state: watch::Sender<AnnouncementState>,
    /// Resolves when the entry is to be taken off; `done` says that it was.
    pub stopped: oneshot::Receiver<()>,
    pub done: oneshot::Sender<()>,
}

/// Has `keep` list what `encode` makes of `record`, and of those that come in its place. What cannot be encoded is refused.
pub fn announcement<T: Send + Sync + 'static>(
    access: &ZooKeeperAccess,
    record: Record,
    encode: impl Fn(&Record) -> Result<T> + Send + Sync + 'static,
    keep: impl FnOnce(Keeping<T>),
) -> Announcement {
    let (state, states) = watch::channel(AnnouncementState::Connecting);
    let (data, grants) = match encode(&record).and_then(|data| Ok((data, Grants::new(access)?))) {
        Ok(accepted) => accepted,
        Err(error) => {
            state.send_replace(AnnouncementState::Failed(error.clone()));
            let refused = move |_| Err(error.clone());
            return Announcement::new(states, record, refused, move || {
                state.send_replace(AnnouncementState::Closed);
                Box::pin(ready(()))
            });
        }
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let (done, finished) = oneshot::channel::<()>();
    let (wanted, wanting) = watch::channel(Wanted { number: 1, data });
    let (listed, listing) = watch::channel(0);
    keep(Keeping { grants, wanted: wanting, listed, state, stopped, done });
    let heard = states.clone();
    let change = move |record: Record| -> Result<Change> {
        let data = encode(&record)?;
        let mut number = 0;
        wanted.send_modify(|wanted| {
            wanted.number += 1;
            wanted.data = data;
            number = wanted.number;
        });
        Ok(Box::pin(changed(number, listing.clone(), heard.clone())))
    };
    Announcement::new(states, record, change, move || {
        drop(stop);
        Box::pin(async move { drop(finished.await) })
    })
}

/// Waits until the record of that number, or a later one, is listed.
async fn changed(
    number: u64,
    mut listed: watch::Receiver<u64>,
    mut states: watch::Receiver<AnnouncementState>,
) -> Result<()> {
    let failure = async {
        let failed = states.wait_for(|state| state.error().is_some()).await;
        failed.ok().and_then(|state| state.error().cloned()).unwrap_or_else(withdrawn)
    };
    tokio::select! {
        biased;
        listed = listed.wait_for(|listed| *listed >= number) => listed.map(drop).map_err(|_| withdrawn()),
        error = failure => Err(error),
    }
}

fn withdrawn() -> Error {
    Error::new(ErrorKind::Closed, "the announcement was withdrawn")
}
