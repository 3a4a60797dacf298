//! Keeps one entry listed.

use crate::backoff::about;
use crate::duty::{Duty, Setback, Trouble, attend, news};
use crate::failure::is_lost;
use crate::keeping::{self, Keeping, Wanted};
use crate::node;
use crate::place::Place;
use crate::security::Grants;
use crate::session::{Link, Session};
use libfast_model::{Error, ErrorKind, Result, ZooKeeperAccess};
use libfast_registry::{Announcement, AnnouncementState, Record, Role};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};
use zookeeper_client::{Client, Error as ZkError, SessionId};

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

/// Lists `record` at `place` until the returned value is withdrawn or dropped.
pub fn announce(
    session: Arc<Session>,
    access: &ZooKeeperAccess,
    place: Place,
    role: Role,
    record: Record,
) -> Announcement {
    let encode = move |record: &Record| text(role, record);
    keeping::announcement(access, record, encode, |keeping| {
        let Keeping { grants, wanted, listed, state, stopped, done } = keeping;
        let mut entry = Entry { place, grants, wanted, placed: 1, listed, state, session: None, others: 0 };
        tokio::spawn(async move {
            tokio::select! {
                () = attend(session.links(), &mut entry) => {}
                _ = stopped => {}
            }
            entry.withdraw(session, done).await;
        });
    })
}

/// What is stored; an error if every reader would pass it over.
fn text(role: Role, record: &Record) -> Result<Vec<u8>> {
    let data = record.to_json().into_bytes();
    let refusal = match role {
        Role::Provider => record.endpoint().err(),
        Role::Consumer => None,
    };
    match refusal.or_else(|| Record::from_json(&data).err()) {
        Some(error) => Err(Error::new(ErrorKind::Invalid, error.message())),
        None => Ok(data),
    }
}

struct Entry {
    place: Place,
    grants: Grants,
    wanted: watch::Receiver<Wanted<Vec<u8>>>,
    /// The number of the record that `place` is for.
    placed: u64,
    /// The number of the record that is listed.
    listed: watch::Sender<u64>,
    state: watch::Sender<AnnouncementState>,
    /// In which it was listed last.
    session: Option<SessionId>,
    /// How many entries the list had then.
    others: u32,
}

impl Duty for Entry {
    async fn perform(&mut self, client: &Client) -> Setback {
        if self.session.is_some_and(|session| session != client.session_id()) {
            sleep(turn(self.others)).await;
        }
        loop {
            let (number, data) = {
                let wanted = self.wanted.borrow_and_update();
                (wanted.number, wanted.data.clone())
            };
            if number != self.placed {
                self.place.advance();
                self.placed = number;
            }
            let watcher = match node::own(client, &mut self.place, &data, &self.grants).await {
                Ok((watcher, others)) => {
                    self.others = others;
                    watcher
                }
                Err(error) => return Setback { doing: format!("creating {}", self.place.path()), error },
            };
            self.session = Some(client.session_id());
            self.state.send_if_modified(|state| {
                let changed = !matches!(state, AnnouncementState::Registered);
                *state = AnnouncementState::Registered;
                changed
            });
            self.listed.send_replace(number);
            let mut news = news(watcher);
            tokio::select! {
                fired = timeout(about(AUDIT), news.join_next()) => if fired.is_ok() {
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
        tell(&self.state, trouble);
    }
}

/// What trouble means for an entry.
pub fn tell(state: &watch::Sender<AnnouncementState>, trouble: Trouble) {
    state.send_if_modified(|state| {
        let was_listed = matches!(state, AnnouncementState::Registered | AnnouncementState::Suspended);
        *state = match (trouble, &state) {
            // The node may well be there still; only a server can tell.
            (Trouble::Suspended, AnnouncementState::Registered) => AnnouncementState::Suspended,
            (Trouble::Refused(error), _) => AnnouncementState::Failed(error),
            (
                Trouble::Unreachable(error),
                AnnouncementState::Connecting | AnnouncementState::Unreachable(_),
            ) => AnnouncementState::Unreachable(error),
            // It was refused before, which is what somebody has to put right.
            (Trouble::Unreachable(error), AnnouncementState::Failed(_)) => AnnouncementState::Failed(error),
            (Trouble::Closed(error), _) if !was_listed => AnnouncementState::Failed(error),
            (Trouble::Unreachable(_) | Trouble::Closed(_), AnnouncementState::Registered) => {
                AnnouncementState::Suspended
            }
            _ => return false,
        };
        true
    });
}

impl Entry {
    async fn withdraw(self, session: Arc<Session>, done: oneshot::Sender<()>) {
        let mut paths = self.place.former.clone();
        paths.push(self.place.path());
        remove_within(session, paths, self.state, done).await;
    }
}

/// Deletes the nodes of an entry and reports to `done`: after the acknowledgement, or when the servers cannot be reached. In
/// the latter case it goes on trying for as long as somebody else keeps the session, and the nodes, alive.
pub async fn remove_within(
    session: Arc<Session>,
    paths: Vec<String>,
    state: watch::Sender<AnnouncementState>,
    done: oneshot::Sender<()>,
) {
    let mut links = session.links();
    let patience = match &*links.borrow() {
        Link::Connected(_) => ACK_CONNECTED,
        Link::Suspended => ACK_SUSPENDED,
        Link::Connecting | Link::Unreachable(_) | Link::Refused(_) | Link::Closed => Duration::ZERO,
    };
    let mut removal = std::pin::pin!(remove(&mut links, &paths));
    let removed = timeout(patience, &mut removal).await.is_ok();
    state.send_replace(AnnouncementState::Closed);
    let _ = done.send(());
    drop(session);
    if !removed {
        tracing::warn!(path = paths.last(), "withdrawn while ZooKeeper does not answer");
        removal.await;
    }
}

/// When it is this one's turn, if all entries of a list that long come back at once: two milliseconds for each, at most ten
/// seconds for all.
fn turn(others: u32) -> Duration {
    (TURN * others).min(ALL_TURNS).mul_f64(fastrand::f64())
}

/// Deletes the nodes; returns when that is certain or the session is closed, which deletes them as well.
async fn remove(links: &mut watch::Receiver<Link>, paths: &[String]) {
    loop {
        let link = links.borrow_and_update().clone();
        match link {
            Link::Closed => return,
            Link::Connected(client) => match delete(&client, paths).await {
                Err(error) if is_lost(&error) => {}
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(path = paths.last(), %error, "the entry stays until the session ends");
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

async fn delete(client: &Client, paths: &[String]) -> std::result::Result<(), ZkError> {
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

    #[test]
    fn the_more_come_back_at_once_the_longer_each_may_wait() {
        let longest = |others| std::iter::repeat_with(|| turn(others)).take(1000).max().unwrap();
        assert!(longest(1) <= TURN);
        assert!((TURN * 90..=TURN * 100).contains(&longest(100)));
        assert!(longest(u32::MAX) <= ALL_TURNS && longest(1_000_000) > ALL_TURNS / 2);
    }
}
