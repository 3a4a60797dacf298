//! An announcement's two sides: what its holder asks for, and the task that keeps it up.

use crate::security::Grants;
use crate::session::Session;
use crate::upkeep::{Listing, Upkeep};
use libfast_model::{Result, ZooKeeperAccess};
use libfast_registry::{Announcement, AnnouncementState, Change, Record, withdrawn};
use std::future::ready;
use std::sync::Arc;
use tokio::sync::{oneshot, watch};

/// What is to be listed.
pub struct Wanted<T> {
    /// Counts the records that there were, from 1.
    pub number: u64,
    pub data: T,
}

/// Keeps up what `listing` makes of `record`, as `encode` has it, and of those that come in its place, until the returned
/// value is withdrawn or dropped. What cannot be encoded is refused.
pub fn announcement<L: Listing>(
    session: Arc<Session>,
    access: &ZooKeeperAccess,
    record: Record,
    encode: impl Fn(&Record) -> Result<L::Data> + Send + Sync + 'static,
    listing: impl FnOnce(Grants) -> L,
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
    let (listed, listing_of) = watch::channel(0);
    let upkeep = Upkeep::new(listing(grants), wanting, listed, state);
    tokio::spawn(upkeep.run(session, stopped, done));
    let heard = states.clone();
    let change = move |record: Record| -> Result<Change> {
        let data = encode(&record)?;
        let mut number = 0;
        wanted.send_modify(|wanted| {
            wanted.number += 1;
            wanted.data = data;
            number = wanted.number;
        });
        Ok(Box::pin(changed(number, listing_of.clone(), heard.clone())))
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
