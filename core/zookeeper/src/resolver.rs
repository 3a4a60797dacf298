//! Keeps the list of one service's providers.

use crate::backoff::about;
use crate::duty::{Duty, Setback, Trouble, attend, news};
use crate::layouts::Codec;
use crate::node;
use crate::pace::Pace;
use crate::place::split;
use crate::session::Session;
use libfast_registry::{Condition, Provider, Record, Resolution};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use zookeeper_client::{Client, Error as ZkError};

/// Most nodes of a service that are looked at.
const MOST_PROVIDERS: usize = 10_000;
/// How often in a row a list is read again at once, because something on it went away.
const MOST_HURRIED: u32 = 5;

/// One service being watched, for all who watch it through the same registry; ends when dropped.
pub struct Subscription {
    resolutions: watch::Receiver<Resolution>,
    condition: watch::Receiver<Condition>,
    task: JoinHandle<()>,
}

impl Subscription {
    /// Starts to watch the children of `folder`; must be called within a tokio runtime.
    pub fn start(session: Arc<Session>, codec: Codec, folder: String, skipped: Arc<AtomicU64>) -> Arc<Self> {
        let (sender, resolutions) = watch::channel(Resolution::Pending);
        let (conditions, condition) = watch::channel(Condition::default());
        let mut list = List { codec, folder, skipped, nodes: BTreeMap::new(), sender, conditions };
        let task = tokio::spawn(async move { attend(session.links(), &mut list).await });
        Arc::new(Self { resolutions, condition, task })
    }

    /// What is known, now and later.
    pub fn resolutions(&self) -> watch::Receiver<Resolution> {
        self.resolutions.clone()
    }

    /// How good that is.
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.clone()
    }

    /// True if it will learn nothing any more.
    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct List {
    codec: Codec,
    folder: String,
    skipped: Arc<AtomicU64>,
    /// What each node holds, or nothing if it is junk.
    nodes: BTreeMap<String, Option<Listed>>,
    sender: watch::Sender<Resolution>,
    conditions: watch::Sender<Condition>,
}

struct Listed {
    provider: Provider,
    started_ms: u64,
    generation: u64,
}

impl Duty for List {
    async fn perform(&mut self, client: &Client) -> Setback {
        match self.follow(client).await {
            Ok(never) => match never {},
            Err(error) => Setback { doing: format!("listing {}", self.folder), error },
        }
    }

    fn trouble(&mut self, trouble: Trouble) {
        self.conditions.send_if_modified(|condition| {
            let is_news = condition.stale_since.is_none();
            condition.stale_since.get_or_insert_with(Instant::now);
            is_news
        });
        let (Trouble::Unreachable(error) | Trouble::Refused(error) | Trouble::Closed(error)) = trouble else {
            return;
        };
        self.sender.send_if_modified(|resolution| {
            let nothing_known = matches!(resolution, Resolution::Pending | Resolution::Failed(_));
            if nothing_known {
                *resolution = Resolution::Failed(error);
            }
            nothing_known
        });
    }
}

impl List {
    async fn follow(&mut self, client: &Client) -> Result<std::convert::Infallible, ZkError> {
        // Kept until the next watch is set, so that the crate does not take the server's watch away in between.
        let mut _former: JoinSet<()>;
        let mut hurried = 0;
        let mut pace = Pace::new(Instant::now());
        let mut is_confirmed = false;
        loop {
            let mut news = match client.list_and_watch_children(&self.folder).await {
                Ok((names, _)) if !is_confirmed && self.is_sudden(&names) => {
                    is_confirmed = self.confirm(client).await?;
                    continue;
                }
                Ok((names, watcher)) => {
                    let gone = self.take_over(client, names).await?;
                    // What went away since it was listed may have changed its generation: the list has the next one by now.
                    if gone > 0 && hurried < MOST_HURRIED {
                        hurried += 1;
                        _former = news(watcher);
                        continue;
                    }
                    hurried = 0;
                    self.publish();
                    news(watcher)
                }
                Err(ZkError::NoNode) => {
                    let (stat, watcher) = client.check_and_watch_stat(&self.folder).await?;
                    if stat.is_some() {
                        continue;
                    }
                    if !is_confirmed && self.is_sudden(&[]) {
                        is_confirmed = self.confirm(client).await?;
                        continue;
                    }
                    self.nodes.clear();
                    self.publish();
                    news(watcher)
                }
                Err(error) => return Err(error),
            };
            is_confirmed = false;
            if timeout(about(self.codec.audit()), news.join_next()).await.is_ok() {
                sleep(pace.wait(Instant::now(), fastrand::f64())).await;
            }
            _former = news;
        }
    }

    /// Whether half of all or more are missing in `names`.
    fn is_sudden(&self, names: &[String]) -> bool {
        // Another generation of an entry is the entry.
        let present: BTreeSet<&str> = names.iter().map(|name| split(name).0).collect();
        let usable = || self.nodes.iter().filter(|(_, listed)| listed.is_some());
        let missing = usable().filter(|(name, _)| !present.contains(split(name).0)).count();
        missing > 0 && missing * 2 >= usable().count()
    }

    /// A server that lags behind can lack what others know. Makes it catch up with the leader before it is believed.
    async fn confirm(&self, client: &Client) -> Result<bool, ZkError> {
        tracing::info!(folder = self.folder, "most of a list is gone; asking the leader");
        client.sync(&self.folder).await.map(|()| true)
    }

    /// Brings the list to `names`, reading only what is new. Gives how many of them there are no more.
    async fn take_over(&mut self, client: &Client, mut names: Vec<String>) -> Result<usize, ZkError> {
        if names.len() > MOST_PROVIDERS {
            tracing::warn!(
                folder = self.folder,
                count = names.len(),
                most = MOST_PROVIDERS,
                "too many providers"
            );
            names.sort_unstable();
            names.truncate(MOST_PROVIDERS);
        }
        names.retain(|name| self.codec.is_entry(name));
        let present: BTreeSet<&String> = names.iter().collect();
        // What cannot change is read once.
        let is_fresh = |name: &String| !self.codec.is_immutable() || !self.nodes.contains_key(name);
        let fresh: Vec<String> = names.iter().filter(|name| is_fresh(name)).cloned().collect();
        let Self { codec, folder, skipped, nodes, .. } = &mut *self;
        let gone = node::read(client, folder, &fresh, *codec, skipped, |(name, record)| {
            let listed = record.and_then(|record| match listed(&name, &record) {
                Ok(listed) => Some(listed),
                Err(error) => {
                    node::skip(folder, &name, error.message(), skipped);
                    None
                }
            });
            nodes.insert(name, listed);
        })
        .await?;
        self.nodes.retain(|name, _| present.contains(name));
        Ok(gone)
    }

    fn publish(&self) {
        let skipped = self.nodes.values().filter(|listed| listed.is_none()).count();
        let condition = Condition { stale_since: None, skipped };
        self.conditions.send_if_modified(|known| std::mem::replace(known, condition) != condition);
        let providers = distinct(self.nodes.values().flatten());
        self.sender.send_if_modified(|resolution| match resolution {
            Resolution::Bound(known) if *known == providers => false,
            Resolution::Absent if providers.is_empty() => false,
            _ => {
                *resolution =
                    if providers.is_empty() { Resolution::Absent } else { Resolution::Bound(providers) };
                true
            }
        });
    }
}

fn listed(name: &str, record: &Record) -> libfast_model::Result<Listed> {
    // The key stays when the data changes: it is the same registration.
    let (key, generation) = split(name);
    let provider = Provider { key: key.to_owned(), endpoint: record.endpoint()? };
    Ok(Listed { provider, started_ms: record.started_ms, generation })
}

/// Each address once, ordered by key. A server that was killed and started again is listed twice until the session
/// of its former self ends; the one that started last counts, and of one registration the newest generation.
fn distinct<'l>(listed: impl Iterator<Item = &'l Listed>) -> Vec<Provider> {
    let mut newest = BTreeMap::new();
    for one in listed {
        let rank = |listed: &Listed| (listed.started_ms, listed.generation);
        let place = newest.entry(&one.provider.endpoint.address).or_insert(one);
        if rank(one) > rank(place) {
            *place = one;
        }
    }
    let mut providers: Vec<_> = newest.into_values().map(|listed| listed.provider.clone()).collect();
    providers.sort_by(|a, b| a.key.cmp(&b.key));
    providers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(key: &str, address: &str, started_ms: u64) -> Listed {
        let record = Record { address: address.into(), started_ms, ..Record::of_this_process("test") };
        listed(key, &record).unwrap()
    }

    #[test]
    fn of_two_entries_with_one_address_the_newest_counts() {
        let id = "0b1f1f1e8a524b7c9d5e3f1a2b3c4d5e";
        let newer = format!("{id}.10");
        let older = format!("{id}.9");
        let entries =
            [entry("c", "h:1", 5), entry("a", "h:1", 7), entry(&newer, "h:2", 7), entry(&older, "h:2", 7)];
        let found = distinct(entries.iter());
        let keys: Vec<_> = found.iter().map(|provider| &*provider.key).collect();
        assert_eq!(keys, [id, "a"]);
    }
}
