//! Keeps one entry listed in the layout of another fleet.
//!
//! Unlike libfast's own entries, whose names are known before they are made, these may be named by ZooKeeper. So after a
//! reply that was lost, what is ours is found by owner and text.

use crate::announcer::{remove_within, tell};
use crate::backoff::about;
use crate::duty::{Duty, Setback, Trouble, attend, news};
use crate::failure::is_lost;
use crate::keeping::{self, Keeping, Wanted};
use crate::layouts::{Codec, Naming};
use crate::security::Grants;
use crate::session::Session;
use libfast_model::{Result, ZooKeeperAccess};
use libfast_registry::{Announcement, AnnouncementState, Record};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use zookeeper_client::{Client, Error as ZkError, MultiWriteResult, OneshotWatcher, Stat};

/// How often the own node is looked at although no watch fired.
const AUDIT: Duration = Duration::from_secs(60);
/// The wait before a node that was taken away is put back.
const PUT_BACK: Duration = Duration::from_millis(20);
/// Rounds in which somebody else may undo what was just done, before it is called a failure.
const ROUNDS: usize = 10;

/// Where an entry goes.
pub struct Spot {
    pub codec: Codec,
    pub folder: String,
    pub service: String,
}

/// Lists `record` there until the returned value is withdrawn or dropped.
pub fn announce(session: Arc<Session>, access: &ZooKeeperAccess, spot: Spot, record: Record) -> Announcement {
    let (codec, service) = (spot.codec, spot.service.clone());
    let check = move |record: &Record| -> Result<Record> {
        // A provider's address is checked as readers will; a consumer has none.
        if !record.address.is_empty() {
            record.endpoint()?;
        }
        codec.encode(&service, ID, record)?;
        Ok(record.clone())
    };
    keeping::announcement(access, record, check, |keeping| {
        let Keeping { grants, wanted, listed, state, stopped, done } = keeping;
        let mut entry =
            Entry { spot, grants, wanted, placed: 0, mine: Vec::new(), in_doubt: false, listed, state };
        tokio::spawn(async move {
            tokio::select! {
                () = attend(session.links(), &mut entry) => {}
                _ = stopped => {}
            }
            let Entry { mine, state, .. } = entry;
            remove_within(session, mine, state, done).await;
        });
    })
}

/// Stands for the id of an entry where only its text is checked.
const ID: &str = "00000000000000000000000000000000";

struct Entry {
    spot: Spot,
    grants: Grants,
    wanted: watch::Receiver<Wanted<Record>>,
    /// The number of the record that the last of `mine` holds.
    placed: u64,
    /// Nodes that are ours, or may be; the last one is the present one.
    mine: Vec<String>,
    /// A node may have been made whose name did not reach us.
    in_doubt: bool,
    listed: watch::Sender<u64>,
    state: watch::Sender<AnnouncementState>,
}

impl Duty for Entry {
    async fn perform(&mut self, client: &Client) -> Setback {
        loop {
            let (number, record) = {
                let wanted = self.wanted.borrow_and_update();
                (wanted.number, wanted.data.clone())
            };
            let watcher = match self.own(client, number, &record).await {
                Ok(watcher) => watcher,
                Err(error) => {
                    return Setback { doing: format!("creating an entry of {}", self.spot.folder), error };
                }
            };
            self.state.send_if_modified(|state| {
                let changed = !matches!(state, AnnouncementState::Registered);
                *state = AnnouncementState::Registered;
                changed
            });
            self.listed.send_replace(number);
            let fired = async {
                match watcher {
                    Some(watcher) => timeout(about(AUDIT), news(watcher).join_next()).await.is_ok(),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                fired = fired => if fired {
                    sleep(about(PUT_BACK)).await;
                },
                // Without a sender the entry is about to be withdrawn, which ends this.
                wanted = self.wanted.changed() => if wanted.is_err() {
                    std::future::pending::<()>().await;
                },
            }
        }
    }

    fn trouble(&mut self, trouble: Trouble) {
        tell(&self.state, trouble);
    }
}

impl Entry {
    /// Makes sure that the record is listed by the session of `client` and nothing else of ours, and watches it; nothing to
    /// watch if it is not to be listed at present.
    async fn own(
        &mut self,
        client: &Client,
        number: u64,
        record: &Record,
    ) -> std::result::Result<Option<OneshotWatcher>, ZkError> {
        for _ in 0..ROUNDS {
            if self.in_doubt {
                self.find(client, record).await?;
                self.in_doubt = false;
            }
            let id = uuid::Uuid::new_v4().simple().to_string();
            // It was checked before it was wanted.
            let text = self.spot.codec.encode(&self.spot.service, &id, record).unwrap_or_default();
            let mut keeps = false;
            let mut writer = client.new_multi_writer();
            let mut present = Vec::new();
            let last = self.mine.len().wrapping_sub(1);
            for (at, path) in std::mem::take(&mut self.mine).into_iter().enumerate() {
                let stat = client.check_stat(&path).await;
                // Whatever comes of it, it is ours still.
                self.mine.push(path.clone());
                let Some(stat) = stat? else {
                    self.mine.pop();
                    continue;
                };
                if at == last && self.placed == number && text.is_some() && is_own(client, &stat) {
                    keeps = true;
                    continue;
                }
                writer.add_delete(&path, None)?;
                present.push(path);
            }
            if let (false, Some(text)) = (keeps, &text) {
                match self.spot.codec.naming() {
                    Naming::Id => writer.add_create(
                        &format!("{}/{id}", self.spot.folder),
                        text,
                        &self.grants.entry(),
                    )?,
                    Naming::Sequential(prefix) => {
                        writer.add_create(
                            &format!("{}/{prefix}", self.spot.folder),
                            text,
                            &self.grants.sequential(),
                        )?;
                    }
                }
            }
            if !present.is_empty() || !keeps && text.is_some() {
                match writer.commit().await.map_err(ZkError::from) {
                    Ok(results) => {
                        self.mine.retain(|path| !present.contains(path));
                        let made = results.into_iter().find_map(|result| match result {
                            MultiWriteResult::Create { path, .. } => Some(path),
                            _ => None,
                        });
                        self.mine.extend(made);
                        self.placed = number;
                    }
                    Err(ZkError::NoNode) => {
                        client.mkdir(&self.spot.folder, &self.grants.folder()).await?;
                        continue;
                    }
                    Err(ZkError::NodeExists) => continue,
                    Err(error) => {
                        self.in_doubt = is_lost(&error);
                        return Err(error);
                    }
                }
            }
            let Some(path) = self.mine.last() else { return Ok(None) };
            let (stat, watcher) = client.check_and_watch_stat(path).await?;
            if stat.is_some_and(|stat| is_own(client, &stat)) {
                return Ok(Some(watcher));
            }
        }
        Err(ZkError::NodeExists)
    }

    /// Finds nodes that were made though that was not acknowledged: of this session, with this address.
    async fn find(&mut self, client: &Client, record: &Record) -> std::result::Result<(), ZkError> {
        let names = match client.list_children(&self.spot.folder).await {
            Err(ZkError::NoNode) => return Ok(()),
            names => names?,
        };
        for name in names.iter().filter(|name| self.spot.codec.is_entry(name)) {
            let path = format!("{}/{name}", self.spot.folder);
            if self.mine.contains(&path) {
                continue;
            }
            let (text, stat) = match client.get_data(&path).await {
                Err(ZkError::NoNode) => continue,
                found => found?,
            };
            let says = self.spot.codec.decode(name, &text);
            if is_own(client, &stat) && says.is_ok_and(|says| says.address == record.address) {
                // Before the present one: it is taken away.
                self.mine.insert(0, path);
            }
        }
        Ok(())
    }
}

fn is_own(client: &Client, stat: &Stat) -> bool {
    stat.ephemeral_owner == client.session_id().0 && stat.version == 0
}
