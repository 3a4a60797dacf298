//! Keeps one entry listed in the layout of another fleet.
//!
//! Unlike libfast's own entries, whose names are known before they are made, these may be named by ZooKeeper. So after a
//! reply that was lost, what is ours is found by owner and address.

use crate::failure::{ZkResult, is_lost};
use crate::keeping;
use crate::layouts::{Codec, Naming};
use crate::node::{self, ROUNDS, is_own};
use crate::security::Grants;
use crate::session::Session;
use crate::upkeep::{Listing, Owned, delete};
use libfast_model::{Address, Result, ZooKeeperAccess};
use libfast_registry::{Announcement, Record};
use std::sync::Arc;
use zookeeper_client::{Client, Error as ZkError, MultiWriteResult, SessionId, Stat};

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
    let entry = |grants| Entry { spot, grants, mine: Vec::new(), in_doubt: None, unanswered: false };
    keeping::announcement(session, access, record, check, entry)
}

/// Stands for the id of an entry where only its text is checked.
const ID: &str = "00000000000000000000000000000000";

struct Entry {
    spot: Spot,
    grants: Grants,
    /// Nodes that are ours, or may be: noted before they are made, struck off when they are known to be gone.
    mine: Vec<Made>,
    /// A node that may have been made though its name did not reach us: noted before it is made.
    in_doubt: Option<Said>,
    /// What became of the last transaction did not reach us.
    unanswered: bool,
}

#[derive(Clone)]
struct Made {
    path: String,
    says: Said,
    /// Which made it.
    session: SessionId,
}

/// What a node says.
#[derive(Clone)]
struct Said {
    address: String,
    /// The number of the record.
    number: u64,
}

impl Listing for Entry {
    type Data = Record;

    fn name(&self) -> String {
        format!("an entry of {}", self.spot.folder)
    }

    async fn own(&mut self, client: &Client, number: u64, record: &Record) -> ZkResult<Owned> {
        for _ in 0..ROUNDS {
            self.find(client).await?;
            let id = uuid::Uuid::new_v4().simple().to_string();
            // It was checked before it was wanted.
            let text = self.spot.codec.encode(&self.spot.service, &id, record).unwrap_or_default();
            let (mut keeps, mut surplus) = (false, Vec::new());
            for (made, stat) in self.look(client).await? {
                if !keeps && text.is_some() && made.says.number == number && is_own(client, &stat) {
                    keeps = true;
                } else {
                    surplus.push(made.path);
                }
            }
            let says = Said { address: record.address.clone(), number };
            let fresh = text.filter(|_| !keeps).map(|text| Fresh { id, says, text });
            if fresh.is_some() || !surplus.is_empty() {
                match self.replace(client, &surplus, fresh).await {
                    Ok(()) => {}
                    Err(ZkError::NoNode) => {
                        client.mkdir(&self.spot.folder, &self.grants.folder()).await?;
                        continue;
                    }
                    Err(ZkError::NodeExists) => continue,
                    Err(error) => return Err(error),
                }
            }
            let Some(made) = self.mine.last() else { return Ok(Owned { watcher: None, others: 0 }) };
            if let Some(owned) = node::watch(client, &self.spot.folder, &made.path).await? {
                return Ok(owned);
            }
        }
        Err(ZkError::NodeExists)
    }

    async fn remove(&mut self, client: &Client) -> ZkResult<()> {
        let found = self.find(client).await;
        // What is known goes, whatever became of the search.
        self.look(client).await?;
        let paths: Vec<_> = self.mine.iter().map(|made| made.path.clone()).collect();
        delete(client, &paths).await?;
        found
    }
}

/// Whether both name one address, however they are written.
fn is_same(one: &str, other: &str) -> bool {
    one == other || one.parse::<Address>().is_ok_and(|one| other.parse() == Ok(one))
}

/// A node to be made.
struct Fresh {
    id: String,
    says: Said,
    text: Vec<u8>,
}

impl Entry {
    /// Deletes the nodes and makes another one, in one transaction, so that nobody sees none of them, or both.
    async fn replace(&mut self, client: &Client, surplus: &[String], fresh: Option<Fresh>) -> ZkResult<()> {
        let mut writer = client.new_multi_writer();
        surplus.iter().try_for_each(|path| writer.add_delete(path, None))?;
        if let Some(Fresh { id, says, text }) = fresh {
            let folder = &self.spot.folder;
            match self.spot.codec.naming() {
                Naming::Id => {
                    let path = format!("{folder}/{id}");
                    writer.add_create(&path, &text, &self.grants.entry())?;
                    self.mine.push(Made { path, says, session: client.session_id() });
                }
                Naming::Sequential(prefix) => {
                    writer.add_create(&format!("{folder}/{prefix}"), &text, &self.grants.sequential())?;
                    self.in_doubt = Some(says);
                }
            }
        }
        self.unanswered = true;
        let outcome = writer.commit().await.map_err(ZkError::from);
        self.unanswered = outcome.as_ref().is_err_and(is_lost);
        match outcome {
            Ok(results) => {
                self.mine.retain(|made| !surplus.contains(&made.path));
                let path = results.into_iter().find_map(|result| match result {
                    MultiWriteResult::Create { path, .. } => Some(path),
                    _ => None,
                });
                let named = self.in_doubt.take().zip(path);
                let session = client.session_id();
                self.mine.extend(named.map(|(says, path)| Made { path, says, session }));
                Ok(())
            }
            Err(error) => {
                // What was answered was not done.
                if !self.unanswered {
                    self.in_doubt = None;
                }
                Err(error)
            }
        }
    }

    /// Those of `mine` that are there; strikes off the others.
    async fn look(&mut self, client: &Client) -> ZkResult<Vec<(Made, Stat)>> {
        let mut present = Vec::new();
        for made in self.mine.clone() {
            match client.get_data(&made.path).await {
                Err(error) if is_lost(&error) => return Err(error),
                Ok((text, stat)) if self.is_ours(&made, &text, &stat) => present.push((made, stat)),
                // It is gone, or none of ours, which we could read.
                _ => self.mine.retain(|one| one.path != made.path),
            }
        }
        Ok(present)
    }

    /// Whether what stands there is what was made. ZooKeeper counts from 0 again when the folder is made anew, as after it lost
    /// its data, and then a name that was ours can be that of somebody else.
    fn is_ours(&self, made: &Made, text: &[u8], stat: &Stat) -> bool {
        let name = made.path.rsplit_once('/').map_or("", |(_, name)| name);
        let says = || self.spot.codec.decode(name, text);
        match self.spot.codec.naming() {
            Naming::Id => true,
            // Of a node that somebody changed, only the owner is certain.
            Naming::Sequential(_) => {
                let is_changed = stat.version != 0;
                stat.ephemeral_owner == made.session.0
                    && (is_changed || says().is_ok_and(|says| is_same(&says.address, &made.says.address)))
            }
        }
    }

    /// Finds the node that may have been made, if there is one in doubt: of this session, with its address. What this
    /// session was asked before is done or lost by now, so one that is not found will not come.
    async fn find(&mut self, client: &Client) -> ZkResult<()> {
        if self.unanswered {
            // Another server than the one that was asked may not have it yet.
            client.sync(&self.spot.folder).await?;
            self.unanswered = false;
        }
        let Some(sought) = &self.in_doubt else { return Ok(()) };
        let Spot { codec, folder, .. } = &self.spot;
        let mut names = match client.list_children(folder).await {
            Err(ZkError::NoNode) => Vec::new(),
            names => names?,
        };
        names.retain(|name| codec.is_entry(name));
        let (mut found, session) = (Vec::new(), client.session_id());
        node::texts(client, folder, &names, |name, read| {
            // It is gone, or none of ours, which we could read.
            let Ok((text, stat)) = read else { return };
            let made = Made { path: format!("{folder}/{name}"), says: sought.clone(), session };
            if self.is_ours(&made, &text, &stat) {
                found.push(made);
            }
        })
        .await?;
        found.retain(|found| self.mine.iter().all(|known| known.path != found.path));
        self.mine.append(&mut found);
        self.in_doubt = None;
        Ok(())
    }
}
