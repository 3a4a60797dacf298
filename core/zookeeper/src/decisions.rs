//! What an operator decided about the providers of a service: a node of its own, which outlives them.

use crate::backoff::about;
use crate::duty::{Duty, Setback, Trouble, attend, news};
use crate::failure::ZkResult;
use crate::resolver::Subscription;
use crate::security::Grants;
use crate::session::Session;
use crate::several::{union, worst};
use futures_util::future::select_ok;
use libfast_model::{Address, Error, Result};
use libfast_registry::{Condition, Override, Overrides, Resolution, tell_news};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use zookeeper_client::{Client, Error as ZkError};

/// How often the node is read although no watch fired.
const AUDIT: Duration = Duration::from_secs(300);
/// How long a list waits for the others and for what was decided, the first time.
const PATIENCE: Duration = Duration::from_millis(100);
/// Rounds in which somebody else may change the node between reading and writing it, before that is called a failure.
const ROUNDS: usize = 20;

/// A list as clients see it: what [`Subscription`]s say together, with what was decided. Ends when dropped.
pub struct Decided {
    resolutions: watch::Receiver<Resolution>,
    condition: watch::Receiver<Condition>,
    overrides: watch::Receiver<Overrides>,
    listed: Vec<Arc<Subscription>>,
    task: JoinHandle<()>,
}

impl Decided {
    /// Starts to follow the node `path`; must be called within a tokio runtime.
    pub fn start(session: Arc<Session>, path: String, listed: Vec<Arc<Subscription>>) -> Arc<Self> {
        let mut lists: Vec<_> = listed.iter().map(|list| list.resolutions()).collect();
        let mut conditions: Vec<_> = listed.iter().map(|list| list.condition()).collect();
        let (known, mut decided) = watch::channel(None);
        let (sender, resolutions) = watch::channel(Resolution::Pending);
        let (judged, condition) = watch::channel(Condition::default());
        let (decisions, overrides) = watch::channel(Overrides::default());
        let mut node = Node { path, known };
        let follow = async move { attend(session.links(), &mut node).await };
        let judge = move |conditions: &mut [watch::Receiver<Condition>]| {
            let now = worst(conditions.iter_mut().map(|one| *one.borrow_and_update()));
            tell_news(&now, &judged);
        };
        let overlay = async move {
            // All are asked for together. A list that is known although ZooKeeper is away must not wait for long.
            let all = async {
                for list in &mut lists {
                    let _ = list.wait_for(|list| !matches!(list, Resolution::Pending)).await;
                }
                let _ = decided.wait_for(Option::is_some).await;
            };
            let _ = timeout(PATIENCE, all).await;
            loop {
                let known: Vec<_> = lists.iter_mut().map(|list| list.borrow_and_update().clone()).collect();
                let now = decided.borrow_and_update().clone().unwrap_or_default();
                let resolution = now.apply(union(&known));
                // Read after the lists and told before them: it is never older than what it is about.
                judge(&mut conditions);
                tell_news(&now, &decisions);
                sender.send_replace(resolution);
                let more = loop {
                    tokio::select! {
                        more = any(&mut lists) => break more,
                        Ok(()) = decided.changed() => break Ok(()),
                        Ok(()) = any(&mut conditions) => judge(&mut conditions),
                    }
                };
                if more.is_err() {
                    return judge(&mut conditions);
                }
            }
        };
        let task = tokio::spawn(async move {
            tokio::join!(follow, overlay);
        });
        Arc::new(Self { resolutions, condition, overrides, listed, task })
    }

    /// What is known, now and later.
    pub fn resolutions(&self) -> watch::Receiver<Resolution> {
        self.resolutions.clone()
    }

    /// How good that is: as old as the oldest of the lists, and with what was skipped on all of them.
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.clone()
    }

    /// What was decided, which counts in the resolutions already.
    pub fn overrides(&self) -> watch::Receiver<Overrides> {
        self.overrides.clone()
    }

    /// True if it will learn nothing any more.
    pub fn is_over(&self) -> bool {
        self.task.is_finished() || self.listed.iter().any(|list| list.is_over())
    }
}

impl Drop for Decided {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits for a change of any of them; fails when none of them can change any more.
async fn any<T>(known: &mut [watch::Receiver<T>]) -> std::result::Result<(), watch::error::RecvError> {
    select_ok(known.iter_mut().map(|one| Box::pin(one.changed()))).await.map(drop)
}

struct Node {
    path: String,
    /// Nothing before it was read.
    known: watch::Sender<Option<Overrides>>,
}

impl Duty for Node {
    async fn perform(&mut self, client: &Client) -> Setback {
        match self.follow(client).await {
            Ok(never) => match never {},
            Err(error) => Setback { doing: format!("reading {}", self.path), error },
        }
    }

    /// What was decided stands, as the list does.
    fn trouble(&mut self, _: Trouble) {}
}

impl Node {
    async fn follow(&mut self, client: &Client) -> ZkResult<Infallible> {
        // Kept until the next watch is set, so that the crate does not take the server's watch away in between.
        let mut _former: JoinSet<()>;
        loop {
            let (text, watcher) = match client.get_and_watch_data(&self.path).await {
                Ok((text, _, watcher)) => (text, watcher),
                Err(ZkError::NoNode) => {
                    let (stat, watcher) = client.check_and_watch_stat(&self.path).await?;
                    if stat.is_some() {
                        continue;
                    }
                    (Vec::new(), watcher)
                }
                Err(error) => return Err(error),
            };
            match Overrides::from_json(&text) {
                Ok(decided) => tell_news(&Some(decided), &self.known),
                // What an operator took out of service must not come back because of it.
                Err(error) => tracing::warn!(path = self.path, %error, "what was read before stays in force"),
            }
            let mut news = news(watcher);
            let _ = timeout(about(AUDIT), news.join_next()).await;
            _former = news;
        }
    }
}

/// What is decided about the providers whose node is `path`.
pub async fn read(client: &Client, path: &str) -> ZkResult<Result<Overrides>> {
    match client.get_data(path).await {
        Ok((text, _)) => Ok(Overrides::from_json(&text)),
        Err(ZkError::NoNode) => Ok(Ok(Overrides::default())),
        Err(error) => Err(error),
    }
}

/// Why nothing could be changed.
pub enum Refusal {
    /// ZooKeeper refused, or could not be reached.
    Server(ZkError),
    /// What is there cannot be read, or there is no room.
    Text(Error),
}

impl From<ZkError> for Refusal {
    fn from(error: ZkError) -> Self {
        Self::Server(error)
    }
}

/// Changes what is decided about one address, whoever else does so at the same time.
pub async fn edit(
    client: &Client,
    path: &str,
    grants: &Grants,
    address: &Address,
    change: impl Fn(&mut Override),
) -> std::result::Result<(), Refusal> {
    for _ in 0..ROUNDS {
        let (text, version) = match client.get_data(path).await {
            Ok((text, stat)) => (text, Some(stat.version)),
            Err(ZkError::NoNode) => (Vec::new(), None),
            Err(error) => return Err(error.into()),
        };
        let edited = Overrides::edit(&text, address, &change).map_err(Refusal::Text)?;
        let outcome = match version {
            None if edited.is_empty() => Ok(()),
            None => make(client, path, grants, &edited).await,
            Some(version) if edited.is_empty() => client.delete(path, Some(version)).await,
            Some(version) => client.set_data(path, &edited, Some(version)).await.map(drop),
        };
        match outcome {
            Ok(()) => return Ok(()),
            Err(ZkError::BadVersion | ZkError::NoNode | ZkError::NodeExists) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ZkError::BadVersion.into())
}

async fn make(client: &Client, path: &str, grants: &Grants, text: &[u8]) -> ZkResult<()> {
    let kept = grants.kept();
    match client.create(path, text, &kept).await {
        Err(ZkError::NoNode) => {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            client.mkdir(folder, &kept).await?;
            client.create(path, text, &kept).await.map(drop)
        }
        outcome => outcome.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_ended_does_not_hide_what_the_others_say_last() {
        let (mut senders, mut known): (Vec<_>, Vec<_>) = (0..3).map(watch::channel).unzip();
        drop(senders.remove(0));
        senders[1].send_replace(7);
        drop(senders);
        assert!(any(&mut known).await.is_ok());
        assert_eq!(*known[2].borrow_and_update(), 7);
        assert!(any(&mut known).await.is_err());
    }
}
