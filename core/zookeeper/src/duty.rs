//! Work that is done again from the start whenever the connection changes.

use crate::backoff::Backoff;
use crate::failure::{is_lost, refused};
use crate::session::{Link, closed};
use libfast_model::Error;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use zookeeper_client::{Client, Error as ZkError, OneshotWatcher};

const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Something to be done over and over while there is a connection.
pub trait Duty {
    /// Does it until ZooKeeper fails, and says what that was an answer to. It is dropped at any of its awaits, and
    /// called again, when the connection changes.
    fn perform(&mut self, client: &Client) -> impl Future<Output = Setback> + Send;

    /// Hears why it is not being done.
    fn trouble(&mut self, trouble: Trouble);
}

/// What ZooKeeper answered to doing what.
pub struct Setback {
    pub doing: String,
    pub error: ZkError,
}

/// Why a [`Duty`] cannot be done at present.
pub enum Trouble {
    /// The connection is lost; what was so may still be so.
    Suspended,
    /// No server can be reached; what was so may still be so.
    Unreachable(Error),
    /// A server refused it, or whom it comes from.
    Refused(Error),
    /// The session was closed; it is not being done any more.
    Closed(Error),
}

/// Does `duty` whenever there is a connection, until the session is closed.
pub async fn attend(mut links: watch::Receiver<Link>, duty: &mut impl Duty) {
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    let mut told = String::new();
    loop {
        let link = links.borrow_and_update().clone();
        let retry = match link {
            Link::Closed => break,
            Link::Connecting => None,
            Link::Suspended => {
                duty.trouble(Trouble::Suspended);
                None
            }
            Link::Unreachable(error) => {
                duty.trouble(Trouble::Unreachable(error));
                None
            }
            Link::Refused(error) => {
                duty.trouble(Trouble::Refused(error));
                None
            }
            Link::Connected(client) => {
                let Setback { doing, error } = tokio::select! {
                    setback = duty.perform(&client) => setback,
                    change = links.changed() => match change {
                        Ok(()) => continue,
                        Err(_) => break,
                    },
                };
                // With a lost connection the link changes in a moment; waiting covers what the crate does not report.
                duty.trouble(if is_lost(&error) {
                    Trouble::Suspended
                } else {
                    let error = refused(&doing, &error);
                    // Said once; the next tries say the same, for as long as nobody puts it right.
                    if told != error.message() {
                        tracing::warn!(%error, "trying again");
                        error.message().clone_into(&mut told);
                    }
                    Trouble::Refused(error)
                });
                Some(backoff.step())
            }
        };
        let wait = async {
            match retry {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wait => {}
            change = links.changed() => match change {
                Ok(()) => backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT),
                Err(_) => break,
            },
        }
    }
    duty.trouble(Trouble::Closed(closed()));
}

/// What a one-shot watch tells: `join_next` returns when there is news. In a task of its own, because the crate
/// panics in the waiter if its session ends without a word, as when the runtime shuts down.
pub fn news(watcher: OneshotWatcher) -> JoinSet<()> {
    let mut news = JoinSet::new();
    news.spawn(async move { drop(watcher.changed().await) });
    news
}
