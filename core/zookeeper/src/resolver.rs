//! Keeps the list of one service's providers.

use crate::backoff::about;
use crate::duty::{Duty, Setback, Trouble, attend, news};
use crate::failure::ZkResult;
use crate::layouts::Codec;
use crate::node;
use crate::pace::Pace;
use crate::place::{is_lasting, split};
use crate::session::Session;
use libfast_model::Result;
use libfast_registry::{Condition, Provider, Record, Resolution, tell_news};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout_at};
use zookeeper_client::{Client, Error as ZkError};

/// Most nodes of a service that are looked at.
const MOST_PROVIDERS: usize = 10_000;
/// How often in a row a list is read again before it is told, because something on it went away.
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
        let nodes = BTreeMap::new();
        let mut list = List { codec, folder, skipped, nodes, is_crowded: false, sender, conditions };
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
    /// There are more than are looked at.
    is_crowded: bool,
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
    async fn follow(&mut self, client: &Client) -> ZkResult<Infallible> {
        // Kept until the next watch is set, so that the crate does not take the server's watch away in between.
        let mut _former: JoinSet<()>;
        let mut hurried = 0;
        let mut pace = Pace::new(Instant::now());
        let mut is_confirmed = false;
        // What changed while there was no connection is no news.
        let mut audit = Instant::now();
        loop {
            let mut news = match client.list_and_watch_children(&self.folder).await {
                Ok((names, _)) if !is_confirmed && self.is_sudden(&names) => {
                    // Once for a listing, and not counted: whoever stops in order is off the list soon.
                    is_confirmed = self.confirm(client).await?;
                    continue;
                }
                Ok((names, watcher)) => {
                    let is_audit = Instant::now() >= audit;
                    let gone = self.take_over(client, names, is_audit).await?;
                    if is_audit {
                        audit = Instant::now() + about(self.codec.audit());
                    }
                    // What went away since it was listed may have changed its generation: the list has the next one by now.
                    if gone > 0 && hurried < MOST_HURRIED {
                        hurried += 1;
                        _former = news(watcher);
                        sleep(pace.again(Instant::now())).await;
                        continue;
                    }
                    hurried = 0;
                    self.publish();
                    news(watcher)
                }
                Err(ZkError::NoNode) => {
                    let (stat, watcher) = client.check_and_watch_stat(&self.folder).await?;
                    if stat.is_some() {
                        sleep(pace.again(Instant::now())).await;
                        continue;
                    }
                    if !is_confirmed && self.is_sudden(&[]) {
                        is_confirmed = self.confirm(client).await?;
                        sleep(pace.again(Instant::now())).await;
                        continue;
                    }
                    self.nodes.clear();
                    self.publish();
                    audit = Instant::now() + about(self.codec.audit());
                    news(watcher)
                }
                Err(error) => return Err(error),
            };
            is_confirmed = false;
            if timeout_at(audit.into(), news.join_next()).await.is_ok() {
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
    async fn confirm(&self, client: &Client) -> ZkResult<bool> {
        tracing::info!(folder = self.folder, "most of a list is gone; asking the leader");
        client.sync(&self.folder).await.map(|()| true)
    }

    /// Brings the list to `names`, reading what is new, and in an audit what may have changed. Gives how many of them there
    /// are no more.
    async fn take_over(
        &mut self,
        client: &Client,
        mut names: Vec<String>,
        is_audit: bool,
    ) -> ZkResult<usize> {
        names.retain(|name| self.codec.is_entry(name));
        self.limit(&mut names);
        let due: Vec<String> = names.iter().filter(|name| self.is_due(name, is_audit)).cloned().collect();
        let Self { codec, folder, skipped, nodes, .. } = &mut *self;
        let gone = node::read(client, folder, &due, *codec, |name, record| {
            let found = record.and_then(|record| listed(*codec, name, &record));
            // Of what was junk before it was told then.
            if let Err(error) = &found
                && !matches!(nodes.get(name), Some(None))
            {
                node::skip(*codec, folder, name, error.message(), skipped);
            }
            nodes.insert(name.to_owned(), found.ok());
        })
        .await?;
        let present: BTreeSet<&String> = names.iter().collect();
        self.nodes.retain(|name, _| present.contains(name));
        Ok(gone)
    }

    /// Leaves as many names as are looked at: first those that are known to be entries, then those that are named as entries
    /// are here. Whoever fills the folder with something else takes nobody off the list.
    fn limit(&mut self, names: &mut Vec<String>) {
        let (folder, count) = (&self.folder, names.len());
        let was_crowded = std::mem::replace(&mut self.is_crowded, count > MOST_PROVIDERS);
        if !self.is_crowded {
            return;
        }
        if !was_crowded {
            tracing::warn!(
                folder,
                count,
                most = MOST_PROVIDERS,
                "too many providers; some are not looked at"
            );
        }
        let is_known = |name: &String| matches!(self.nodes.get(name), Some(Some(_)));
        names.sort_unstable();
        names.sort_by_cached_key(|name| (!is_known(name), !is_lasting(name)));
        names.truncate(MOST_PROVIDERS);
    }

    /// Whether a node is to be read: what it says is not known, or may be something else by now.
    fn is_due(&self, name: &str, is_audit: bool) -> bool {
        match self.nodes.get(name) {
            None => true,
            Some(_) if !self.codec.is_immutable() => true,
            // Others write in this layout, too, and whatever they do under one name shows only when it is read.
            Some(known) => is_audit && (known.is_none() || self.codec == Codec::Fast && !is_lasting(name)),
        }
    }

    fn publish(&self) {
        let skipped = self.nodes.values().filter(|listed| listed.is_none()).count();
        let condition = Condition { stale_since: None, skipped };
        tell_news(&condition, &self.conditions);
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

fn listed(codec: Codec, name: &str, record: &Record) -> Result<Listed> {
    // The key stays when the data changes: it is the same registration.
    let (key, generation) = split(name);
    let provider = Provider { key: codec.shown(key).into_owned(), endpoint: record.endpoint()? };
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
        listed(Codec::Fast, key, &record).unwrap()
    }

    fn list(codec: Codec, nodes: impl IntoIterator<Item = (String, Option<Listed>)>) -> List {
        List {
            codec,
            folder: "/fast/calc/providers".into(),
            skipped: Arc::default(),
            nodes: nodes.into_iter().collect(),
            is_crowded: false,
            sender: watch::channel(Resolution::Pending).0,
            conditions: watch::channel(Condition::default()).0,
        }
    }

    fn own_name(n: usize) -> String {
        format!("{n:032x}.0")
    }

    #[test]
    fn who_fills_the_folder_takes_nobody_off_the_list() {
        let known = [("y".to_owned(), Some(entry("y", "h:1", 0))), ("x".to_owned(), None)];
        let mut list = list(Codec::Fast, known);
        let junk = (0..MOST_PROVIDERS).map(|n| format!("0-{n}"));
        let mut names: Vec<String> = junk.chain(["x".into(), "y".into(), own_name(1)]).collect();
        list.limit(&mut names);
        assert!(list.is_crowded && names.len() == MOST_PROVIDERS);
        assert_eq!(names[..2], ["y".to_owned(), own_name(1)]);
        assert!(!names.contains(&"x".to_owned()));
        let mut few = vec!["b".to_owned(), "a".to_owned()];
        list.limit(&mut few);
        assert!(!list.is_crowded && few == ["b", "a"]);
    }

    #[test]
    fn what_may_have_changed_under_its_name_is_read_in_an_audit() {
        let due = |codec: Codec, is_audit| {
            let own = own_name(1);
            let (one, two) = (entry("a", "h:1", 0), entry("host", "h:2", 0));
            let nodes = [(own.clone(), Some(one)), ("host".into(), Some(two)), ("junk".into(), None)];
            let list = list(codec, nodes);
            ["new", &*own, "host", "junk"].map(|name| list.is_due(name, is_audit))
        };
        assert_eq!(due(Codec::Fast, false), [true, false, false, false]);
        assert_eq!(due(Codec::Fast, true), [true, false, true, true]);
        assert_eq!(due(Codec::Dubbo, true), [true, false, false, true], "the name says it all");
        assert_eq!(due(Codec::Curator, false), [true; 4]);
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
