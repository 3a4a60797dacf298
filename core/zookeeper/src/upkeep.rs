//! The task that keeps an entry listed, whatever its layout.

use crate::backoff::about;
use crate::duty::{Duty, Setback, Trouble, attend, news};
use crate::failure::{ZkResult, is_lost};
use crate::keeping::Wanted;
use crate::session::{Link, Session};
use libfast_registry::AnnouncementState;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};
use zookeeper_client::{Client, Error as ZkError, OneshotWatcher, SessionId};

/// How often the own node is looked at although no watch fired.
const AUDIT: Duration = Duration::from_secs(60);
/// The wait before a node that was taken away is put back, so that two who fight over it do not load the server.
const PUT_BACK: Duration = Duration::from_millis(20);
/// Time for each of those who come back at the same moment, as after an outage that no session survived, and for all.
const TURN: Duration = Duration::from_millis(2);
const ALL_TURNS: Duration = Duration::from_secs(10);
/// Longest wait for the acknowledgement of a withdrawal, by how the session is.
const ACK_CONNECTED: Duration = Duration::from_secs(5);
const ACK_SUSPENDED: Duration = Duration::from_secs(1);

/// How the nodes of one entry are made.
pub trait Listing: Send + Sync + 'static {
    /// What the entry says, checked.
    type Data: Clone + Send + Sync + 'static;

    /// What is made, for messages.
    fn name(&self) -> String;

    /// Makes sure that `data`, the record of that number, is listed by the session of `client` and nothing else of this
    /// entry, and watches it. Dropped at any of its awaits, it still knows what it may have made.
    fn own(
        &mut self,
        client: &Client,
        number: u64,
        data: &Self::Data,
    ) -> impl Future<Output = ZkResult<Owned>> + Send;

    /// Deletes all that it made or may have made.
    fn remove(&mut self, client: &Client) -> impl Future<Output = ZkResult<()>> + Send;
}

/// An entry that is listed as it should be.
pub struct Owned {
    /// Tells when something happens to it; none if it is not to be listed at present.
    pub watcher: Option<OneshotWatcher>,
    /// How many entries the list has.
    pub others: u32,
}

/// Keeps what is wanted listed.
pub struct Upkeep<L: Listing> {
    listing: L,
    wanted: watch::Receiver<Wanted<L::Data>>,
    /// The number of the record that is listed.
    listed: watch::Sender<u64>,
    state: watch::Sender<AnnouncementState>,
    /// In which it was listed last.
    session: Option<SessionId>,
    /// How many entries the list had then.
    others: u32,
}

impl<L: Listing> Upkeep<L> {
    /// Tells `listed` the number of what it has listed, and `state` how far it is.
    pub fn new(
        listing: L,
        wanted: watch::Receiver<Wanted<L::Data>>,
        listed: watch::Sender<u64>,
        state: watch::Sender<AnnouncementState>,
    ) -> Self {
        Self { listing, wanted, listed, state, session: None, others: 0 }
    }

    /// Goes on until `stopped` resolves or the session is closed, then takes the entry off; `done` says that it was.
    pub async fn run(
        mut self,
        session: Arc<Session>,
        stopped: oneshot::Receiver<()>,
        done: oneshot::Sender<()>,
    ) {
        tokio::select! {
            () = attend(session.links(), &mut self) => {}
            _ = stopped => {}
        }
        self.withdraw(session, done).await;
    }

    /// Deletes the nodes and reports to `done`: after the acknowledgement, or when the servers cannot be reached. In the
    /// latter case it goes on trying for as long as somebody else keeps the session, and the nodes, alive.
    async fn withdraw(self, session: Arc<Session>, done: oneshot::Sender<()>) {
        let Self { mut listing, listed, state, .. } = self;
        // Who waits for a change need not wait for this.
        drop(listed);
        let mut links = session.links();
        let patience = match &*links.borrow() {
            Link::Connected(_) => ACK_CONNECTED,
            Link::Suspended => ACK_SUSPENDED,
            Link::Connecting | Link::Unreachable(_) | Link::Refused(_) | Link::Closed => Duration::ZERO,
        };
        let name = listing.name();
        let mut removal = std::pin::pin!(remove(&mut links, &mut listing));
        let removed = timeout(patience, &mut removal).await.is_ok();
        state.send_replace(AnnouncementState::Closed);
        let _ = done.send(());
        drop(session);
        if !removed {
            tracing::warn!(name, "withdrawn while ZooKeeper does not answer");
            removal.await;
        }
    }
}

impl<L: Listing> Duty for Upkeep<L> {
    async fn perform(&mut self, client: &Client) -> Setback {
        if self.session.is_some_and(|session| session != client.session_id()) {
            sleep(turn(self.others)).await;
        }
        loop {
            let (number, data) = {
                let wanted = self.wanted.borrow_and_update();
                (wanted.number, wanted.data.clone())
            };
            let watcher = match self.listing.own(client, number, &data).await {
                Ok(Owned { watcher, others }) => {
                    self.others = others;
                    watcher
                }
                Err(error) => return Setback { doing: format!("creating {}", self.listing.name()), error },
            };
            self.session = Some(client.session_id());
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
                    sleep(about(PUT_BACK) + turn(self.others)).await;
                },
                // Without a sender the entry is about to be withdrawn, which ends this.
                wanted = self.wanted.changed() => if wanted.is_err() {
                    std::future::pending::<()>().await;
                },
            }
        }
    }

    fn trouble(&mut self, trouble: Trouble) {
        self.state.send_if_modified(|state| {
            let was_listed = matches!(state, AnnouncementState::Registered | AnnouncementState::Suspended);
            let now = match (trouble, &*state) {
                // The node may well be there still; only a server can tell.
                (Trouble::Suspended, AnnouncementState::Registered) => AnnouncementState::Suspended,
                (Trouble::Refused(error), _) => AnnouncementState::Failed(error),
                (
                    Trouble::Unreachable(error),
                    AnnouncementState::Connecting | AnnouncementState::Unreachable(_),
                ) => AnnouncementState::Unreachable(error),
                (Trouble::Closed(error), _) if !was_listed => AnnouncementState::Failed(error),
                (Trouble::Unreachable(_) | Trouble::Closed(_), AnnouncementState::Registered) => {
                    AnnouncementState::Suspended
                }
                // A refusal stands, as somebody has to put it right.
                _ => return false,
            };
            // It is tried for hours.
            let is_news = !state.says_the_same(&now);
            if is_news {
                *state = now;
            }
            is_news
        });
    }
}

/// When it is this one's turn, if all entries of a list that long come back at once: two milliseconds for each, at most ten
/// seconds for all.
fn turn(others: u32) -> Duration {
    (TURN * others).min(ALL_TURNS).mul_f64(fastrand::f64())
}

/// Takes the entry off; returns when that is certain or the session is closed, which deletes it as well.
async fn remove(links: &mut watch::Receiver<Link>, listing: &mut impl Listing) {
    loop {
        let link = links.borrow_and_update().clone();
        match link {
            Link::Closed => return,
            Link::Connected(client) => match listing.remove(&client).await {
                Err(error) if is_lost(&error) => {}
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(name = listing.name(), %error, "the entry stays until the session ends");
                    return;
                }
            },
            _ => {}
        }
        if links.changed().await.is_err() {
            return;
        }
    }
}

/// Deletes the nodes that are there.
pub async fn delete(client: &Client, paths: &[String]) -> ZkResult<()> {
    for path in paths {
        match client.delete(path, None).await {
            Ok(()) | Err(ZkError::NoNode) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use libfast_model::{Error, ErrorKind};

    struct Nothing;

    impl Listing for Nothing {
        type Data = ();

        fn name(&self) -> String {
            String::new()
        }

        async fn own(&mut self, _: &Client, _: u64, _: &()) -> ZkResult<Owned> {
            Ok(Owned { watcher: None, others: 0 })
        }

        async fn remove(&mut self, _: &Client) -> ZkResult<()> {
            Ok(())
        }
    }

    #[test]
    fn the_same_trouble_is_told_once() {
        let (state, mut states) = watch::channel(AnnouncementState::Connecting);
        let wanted = watch::channel(Wanted { number: 1, data: () }).1;
        let mut upkeep = Upkeep::new(Nothing, wanted, watch::channel(0).0, state);
        let mut told = |trouble: Trouble| {
            upkeep.trouble(trouble);
            let told = states.has_changed().unwrap();
            let state = states.borrow_and_update();
            (told, state.error().map(|error| error.message().to_owned()).unwrap_or_default())
        };
        let error = |why: &str| Error::new(ErrorKind::Registry, why);
        assert_eq!(told(Trouble::Unreachable(error("away"))), (true, "away".into()));
        assert_eq!(told(Trouble::Unreachable(error("away"))), (false, "away".into()));
        assert_eq!(told(Trouble::Unreachable(error("silent"))), (true, "silent".into()));
        assert_eq!(told(Trouble::Refused(error("forbidden"))), (true, "forbidden".into()));
        assert_eq!(told(Trouble::Refused(error("forbidden"))), (false, "forbidden".into()));
        // That is what somebody has to put right.
        assert_eq!(told(Trouble::Unreachable(error("away"))), (false, "forbidden".into()));
    }

    #[test]
    fn the_more_come_back_at_once_the_longer_each_may_wait() {
        let longest = |others| std::iter::repeat_with(|| turn(others)).take(1000).max().unwrap();
        assert!(longest(1) <= TURN);
        assert!((TURN * 90..=TURN * 100).contains(&longest(100)));
        assert!(longest(u32::MAX) <= ALL_TURNS && longest(1_000_000) > ALL_TURNS / 2);
    }
}
