//! What a provider or consumer tells a registry about itself.

use crate::{Record, Role};
use libfast_model::{Endpoint, Error, ErrorKind, Result, ServiceName, parse_metadata};
use std::future::ready;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Lists providers and consumers.
pub trait Announcer: Send + Sync {
    /// Lists `record` under `service` until the returned value is withdrawn or dropped, or the process dies. Returns
    /// at once and goes on by itself; must be called within a tokio runtime. Fails, as the state tells, if the record is
    /// one that readers would pass over.
    fn announce(&self, service: &ServiceName, role: Role, record: Record) -> Announcement;
}

/// How far an announcement is.
#[derive(Debug, Clone)]
pub enum AnnouncementState {
    /// Not listed yet, or no more; being tried.
    Connecting,
    /// The same, and why it takes so long: the registry cannot be reached at present.
    Unreachable(Error),
    /// Listed.
    Registered,
    /// Listed when last heard of, but the registry cannot be reached at present.
    Suspended,
    /// Not listed, because of this error. Registries that can recover go on trying.
    Failed(Error),
    /// Withdrawn.
    Closed,
}

impl AnnouncementState {
    /// The word for it in all languages: `connecting`, `registered`, `suspended`, `lost` or `closed`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting | Self::Unreachable(_) => "connecting",
            Self::Registered => "registered",
            Self::Suspended => "suspended",
            Self::Failed(_) => "lost",
            Self::Closed => "closed",
        }
    }

    /// Why it is not listed, if it is [`Failed`](Self::Failed) or [`Unreachable`](Self::Unreachable).
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::Failed(error) | Self::Unreachable(error) => Some(error),
            _ => None,
        }
    }

    /// Whether `other` tells nobody anything else: it has the same [name](Self::name), for the same reason.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let reasons = [self, other].map(|state| state.error().map(Error::message));
        self.name() == other.name() && reasons[0] == reasons[1]
    }
}

/// The work of changing an entry; resolves when the registry acknowledged it or refused it.
pub type Change = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// The work of taking an entry off a registry; resolves when the registry acknowledged it or cannot be reached.
pub type Withdraw = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One entry of a registry that is being kept up. Dropping it takes the entry off in the background.
pub struct Announcement {
    state: watch::Receiver<AnnouncementState>,
    /// What it says, or is about to say.
    record: Mutex<Record>,
    change: Box<dyn Fn(Record) -> Result<Change> + Send + Sync>,
    withdraw: Option<Box<dyn FnOnce() -> Withdraw + Send + Sync>>,
}

impl Announcement {
    /// An entry that says `record` and whose `state` changes as told; `change` gives it another record or refuses that
    /// at once, `withdraw` takes it off. Both do so also if the future they return is dropped: it only waits. If the
    /// entry is dropped without being withdrawn, `withdraw` is called.
    pub fn new(
        state: watch::Receiver<AnnouncementState>,
        record: Record,
        change: impl Fn(Record) -> Result<Change> + Send + Sync + 'static,
        withdraw: impl FnOnce() -> Withdraw + Send + Sync + 'static,
    ) -> Self {
        let (change, withdraw) = (Box::new(change), Box::new(withdraw));
        Self { state, record: Mutex::new(record), change, withdraw: Some(withdraw) }
    }

    /// How far it is.
    pub fn state(&self) -> AnnouncementState {
        self.state.borrow().clone()
    }

    /// Follows the state.
    pub fn watch_state(&self) -> watch::Receiver<AnnouncementState> {
        self.state.clone()
    }

    /// Waits until the entry is listed, or the first failure, be it that the registry cannot be reached. Cancel safe.
    pub async fn registered(&self) -> Result<()> {
        match self.settled().await? {
            AnnouncementState::Failed(error) | AnnouncementState::Unreachable(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// As [`registered`](Self::registered), but a registry that cannot be reached is no failure: the entry is listed when it
    /// answers. So this fails only with what somebody has to put right. Waits for 5 s at most. Cancel safe.
    pub async fn begun(&self) -> Result<()> {
        match tokio::time::timeout(BEGIN_LIMIT, self.settled()).await {
            Ok(settled) => match settled? {
                AnnouncementState::Failed(error) => Err(error),
                _ => Ok(()),
            },
            Err(_) => Ok(()),
        }
    }

    /// The first state but `Connecting`. Fails if there is nothing to wait for.
    async fn settled(&self) -> Result<AnnouncementState> {
        let mut state = self.state.clone();
        loop {
            match &*state.borrow_and_update() {
                AnnouncementState::Connecting => {}
                AnnouncementState::Closed => return Err(withdrawn()),
                settled => return Ok(settled.clone()),
            }
            state.changed().await.map_err(|_| withdrawn())?;
        }
    }

    /// What it says, or is about to say.
    pub fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes what it says: readers see the one or the other all the time, never both and never none.
    ///
    /// The change is under way when this returns, and is made after an outage, too; the future waits until the registry
    /// acknowledged it, and fails if the registry refuses it, cannot be reached before the entry was ever listed, or the entry
    /// is withdrawn. A later change replaces one that is still under way.
    pub fn change(&self, edit: impl FnOnce(&mut Record)) -> Change {
        waited(self.try_change(edit))
    }

    /// As [`change`](Self::change), but what no reader would take, such as a record that is too long, is refused here and now,
    /// and changes nothing.
    pub fn try_change(&self, edit: impl FnOnce(&mut Record)) -> Result<Change> {
        // Locked until the registry has it, so that changes reach it in their order.
        let mut present = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let mut record = present.clone();
        edit(&mut record);
        let change = (self.change)(record.clone())?;
        *present = record;
        Ok(change)
    }

    /// Gives it another share of calls, relative to other providers, from 0 (no new calls) to 1,000,000. As
    /// [`change`](Self::change), but the future waits 5 s at most. It fails with an error of the kind `Registry` then,
    /// or if the registry cannot be reached, and the change is made when it answers.
    pub fn set_weight(&self, weight: u64) -> Change {
        let checked = Endpoint::check_weight(weight);
        in_time(waited(checked.and_then(|weight| self.try_change(|record| record.weight = weight))))
    }

    /// Says something else of the provider, in place of all that was said: text as of the option `metadata`, empty for nothing.
    /// Waits as [`set_weight`](Self::set_weight) does.
    pub fn set_metadata(&self, metadata: &str) -> Change {
        let parsed = parse_metadata(metadata);
        in_time(waited(parsed.and_then(|metadata| self.try_change(|record| record.metadata = metadata))))
    }

    /// As [`withdraw`](Self::withdraw), for a server that clients only know from the registry: first it says that it
    /// drains and gives clients time to hear that, 250 ms. From an entry that vanishes without a word they conclude
    /// that the registry may be wrong, and use the server on for a while. Serve meanwhile.
    pub async fn leave(self) {
        let listed = matches!(self.state(), AnnouncementState::Registered);
        if listed && !self.record().draining {
            let change = self.change(|record| record.draining = true);
            if let Ok(Ok(())) = tokio::time::timeout(LEAVE_LIMIT, change).await {
                tokio::time::sleep(HEARD).await;
            }
        }
        self.withdraw().await;
    }

    /// Takes the entry off and waits until the registry acknowledged it.
    pub async fn withdraw(mut self) {
        if let Some(withdraw) = self.withdraw.take() {
            withdraw().await;
        }
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        if let Some(withdraw) = self.withdraw.take() {
            drop(withdraw());
        }
    }
}

/// Longest wait for a registry to answer before an announcement goes on by itself.
const BEGIN_LIMIT: Duration = Duration::from_secs(5);
/// Longest wait for a registry to acknowledge that a server drains.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);
/// Clients read a change at most 150 ms after it was made.
const HEARD: Duration = Duration::from_millis(250);
/// Longest wait for a registry to acknowledge what else is said.
const CHANGE_LIMIT: Duration = Duration::from_secs(5);

/// A change that was refused at once as one that fails when it is waited for.
fn waited(change: Result<Change>) -> Change {
    change.unwrap_or_else(|error| Box::pin(ready(Err(error))))
}

/// Waits 5 s at most for a change, which goes on in any case: then fails with an error of the kind `Registry`.
pub fn in_time(change: Change) -> Change {
    Box::pin(async move {
        tokio::time::timeout(CHANGE_LIMIT, change).await.unwrap_or_else(|_| {
            let message = format!(
                "the registry did not acknowledge the change within {} s; it is made when the registry answers again",
                CHANGE_LIMIT.as_secs()
            );
            Err(Error::new(ErrorKind::Registry, message))
        })
    })
}

/// What those hear who wait for an entry that was withdrawn.
pub fn withdrawn() -> Error {
    Error::new(ErrorKind::Closed, "the announcement was withdrawn")
}
