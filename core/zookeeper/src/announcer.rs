//! Keeps one entry listed.

use crate::backoff::about;
use crate::duty::{Duty, Setback, Trouble, attend, news};
use crate::failure::is_lost;
use crate::node;
use crate::session::{Link, Session};
use libfast_model::{ErrorKind, Result};
use libfast_registry::{Announcement, AnnouncementState, Record, Role};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};
use zookeeper_client::{Client, Error as ZkError};

/// How often the own node is looked at although no watch fired.
const AUDIT: Duration = Duration::from_secs(60);
/// The wait before a node that was taken away is put back, so that two who fight over it do not load the server.
const PUT_BACK: Duration = Duration::from_millis(20);
/// Longest wait for the acknowledgement of a withdrawal, by how the session is.
const ACK_CONNECTED: Duration = Duration::from_secs(5);
const ACK_SUSPENDED: Duration = Duration::from_secs(1);

/// Lists `record` as the node `path` until the returned value is withdrawn or dropped.
pub fn announce(session: Arc<Session>, path: String, role: Role, record: &Record) -> Announcement {
    let (state, states) = watch::channel(AnnouncementState::Connecting);
    let (stop, stopped) = oneshot::channel::<()>();
    let (done, finished) = oneshot::channel::<()>();
    let data = record.to_json().into_bytes();
    if let Err(error) = check(role, record, &data) {
        state.send_replace(AnnouncementState::Failed(error));
        return Announcement::new(states, move || {
            state.send_replace(AnnouncementState::Closed);
            Box::pin(std::future::ready(()))
        });
    }
    tokio::spawn(async move {
        let mut entry = Entry { path, data, state };
        tokio::select! {
            () = attend(session.links(), &mut entry) => {}
            _ = stopped => {}
        }
        entry.withdraw(session, done).await;
    });
    Announcement::new(states, move || {
        drop(stop);
        Box::pin(async move { drop(finished.await) })
    })
}

/// Refuses what every reader would pass over.
fn check(role: Role, record: &Record, data: &[u8]) -> Result<()> {
    let refusal = match role {
        Role::Provider => record.endpoint().err(),
        Role::Consumer => None,
    };
    match refusal.or_else(|| Record::from_json(data).err()) {
        Some(error) => Err(libfast_model::Error::new(ErrorKind::Invalid, error.message())),
        None => Ok(()),
    }
}

struct Entry {
    path: String,
    data: Vec<u8>,
    state: watch::Sender<AnnouncementState>,
}

impl Duty for Entry {
    async fn perform(&mut self, client: &Client) -> Setback {
        loop {
            let watcher = match node::own(client, &self.path, &self.data).await {
                Ok(watcher) => watcher,
                Err(error) => return Setback { doing: format!("creating {}", self.path), error },
            };
            self.state.send_if_modified(|state| {
                let changed = !matches!(state, AnnouncementState::Registered);
                *state = AnnouncementState::Registered;
                changed
            });
            let fired = timeout(about(AUDIT), news(watcher).join_next()).await.is_ok();
            if fired {
                sleep(about(PUT_BACK)).await;
            }
        }
    }

    fn trouble(&mut self, trouble: Trouble) {
        self.state.send_if_modified(|state| {
            let was_listed = matches!(state, AnnouncementState::Registered | AnnouncementState::Suspended);
            *state = match (trouble, &state) {
                // The node may well be there still; only a server can tell.
                (Trouble::Suspended, AnnouncementState::Registered) => AnnouncementState::Suspended,
                (Trouble::Refused(error), _) => AnnouncementState::Failed(error),
                (Trouble::Failed(error), _) if !was_listed => AnnouncementState::Failed(error),
                (Trouble::Failed(_), AnnouncementState::Registered) => AnnouncementState::Suspended,
                _ => return false,
            };
            true
        });
    }
}

impl Entry {
    /// Deletes the node and reports to `done`: after the acknowledgement, or when the servers cannot be reached. In
    /// the latter case it goes on trying for as long as somebody else keeps the session, and the node, alive.
    async fn withdraw(self, session: Arc<Session>, done: oneshot::Sender<()>) {
        let mut links = session.links();
        let patience = match &*links.borrow() {
            Link::Connected(_) => ACK_CONNECTED,
            Link::Suspended => ACK_SUSPENDED,
            Link::Connecting | Link::Failed(_) | Link::Closed => Duration::ZERO,
        };
        let mut removal = std::pin::pin!(remove(&mut links, &self.path));
        let removed = timeout(patience, &mut removal).await.is_ok();
        self.state.send_replace(AnnouncementState::Closed);
        let _ = done.send(());
        drop(session);
        if !removed {
            tracing::warn!(path = self.path, "withdrawn while ZooKeeper does not answer");
            removal.await;
        }
    }
}

/// Deletes the node; returns when that is certain or the session is closed, which deletes it as well.
async fn remove(links: &mut watch::Receiver<Link>, path: &str) {
    loop {
        let link = links.borrow_and_update().clone();
        match link {
            Link::Closed => return,
            Link::Connected(client) => match client.delete(path, None).await {
                Err(error) if is_lost(&error) => {}
                Ok(()) | Err(ZkError::NoNode) => return,
                Err(error) => {
                    tracing::warn!(path, %error, "the entry stays until the session ends");
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
