//! Following a registry, and the file while the registry does not answer or another process asks it.

use super::file::{CacheFile, Version};
use super::leader::Lead;
use crate::{Condition, Provider, Resolution, Watch};
use libfast_model::Error;
use std::time::{Duration, Instant};
use tokio::sync::watch::{Receiver, Sender};
use tokio::task::{AbortHandle, JoinHandle, spawn_blocking};
use tokio::time::{sleep, timeout};

/// How long the registry may take before what is in the file counts.
const GRACE: Duration = Duration::from_millis(200);
/// How often it is looked whether another process wrote the file, and whether it still leads.
const LOOK: Duration = Duration::from_millis(100);
/// A list is written so often at most.
const PAUSE: Duration = Duration::from_secs(1);
/// A list that does not change is written so often, so that its age tells how long nobody has confirmed it.
const REFRESH: Duration = Duration::from_secs(600);
/// A follower's list that is older was left by its leader.
const LEFT: Duration = Duration::from_secs(1500);

/// Tells `sender` what is known.
pub(super) struct Follower {
    file: CacheFile,
    lead: bool,
    sender: Sender<Resolution>,
    conditions: Sender<Condition>,
    read: Option<Version>,
    /// What was complained about last.
    told: String,
}

/// Ends the work when dropped.
pub(super) struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Follower {
    pub fn new(
        file: CacheFile,
        lead: bool,
        sender: Sender<Resolution>,
        conditions: Sender<Condition>,
    ) -> Self {
        Self { file, lead, sender, conditions, read: None, told: String::new() }
    }

    /// Starts in the present runtime; `ask` watches the registry.
    pub fn start(mut self, ask: impl FnOnce() -> Watch + Send + 'static) -> Task {
        let task = tokio::spawn(async move {
            let _lead = if self.lead { Some(self.wait_for_lead().await) } else { None };
            let live = ask();
            self.pass_on(live).await;
        });
        Task(task.abort_handle())
    }

    /// Reads the file until this process is the one to ask the registry.
    async fn wait_for_lead(&mut self) -> Lead {
        loop {
            match Lead::take(self.file.path()) {
                Ok(Some(lead)) => return lead,
                Ok(None) => self.told.clear(),
                Err(error) => {
                    self.complain(&error);
                    self.fail(error);
                }
            }
            self.look(|age| age > LEFT);
            sleep(LOOK).await;
        }
    }

    /// Passes on what the registry says once it answers, and what the file says until then.
    async fn pass_on(mut self, mut live: Watch) {
        let mut condition = live.condition();
        let _ = timeout(GRACE, async {
            while matches!(live.current(), Resolution::Pending) {
                live.changed().await;
            }
        })
        .await;
        // Before it: a change that comes meanwhile is not lost.
        condition.mark_unchanged();
        while !self.take_over(live.current()) {
            self.look(|_| true);
            if let Resolution::Failed(error) = live.current() {
                self.fail(error);
            }
            let _ = timeout(LOOK, live.changed()).await;
        }
        let mut keeper = Keeper::new(self.file.clone());
        loop {
            let now = *condition.borrow_and_update();
            self.conditions.send_if_modified(|known| std::mem::replace(known, now) != now);
            keeper.note(&live.current());
            tokio::select! {
                resolution = live.changed() => {
                    self.take_over(resolution);
                }
                () = changed(&mut condition) => {}
                error = keeper.keep(now.stale_since.is_none()) => self.complain(&error),
            }
        }
    }

    /// Tells what the registry says; false if it says nothing.
    fn take_over(&self, resolution: Resolution) -> bool {
        let is_answer = matches!(resolution, Resolution::Bound(_) | Resolution::Absent);
        if is_answer {
            self.sender.send_replace(resolution);
        }
        is_answer
    }

    /// Tells what the file says, if it is another one than before. `is_stale` judges its age.
    fn look(&mut self, is_stale: impl Fn(Duration) -> bool) {
        let version = self.file.version();
        if version == self.read {
            return;
        }
        self.read = version;
        match self.file.load() {
            Ok(None) => {}
            Ok(Some(cached)) if cached.providers.is_empty() => {}
            Ok(Some(cached)) => {
                let since = Instant::now().checked_sub(cached.age).unwrap_or_else(Instant::now);
                let stale_since = is_stale(cached.age).then_some(since);
                self.conditions.send_replace(Condition { stale_since, ..Condition::default() });
                self.sender.send_replace(Resolution::Bound(cached.providers));
            }
            Err(error) => self.complain(&error),
        }
    }

    /// Tells why nothing is known, if nothing is.
    fn fail(&self, error: Error) {
        self.sender.send_if_modified(|resolution| {
            let is_news = match resolution {
                Resolution::Pending => true,
                Resolution::Failed(known) => known.message() != error.message(),
                _ => false,
            };
            if is_news {
                *resolution = Resolution::Failed(error);
            }
            is_news
        });
    }

    fn complain(&mut self, error: &Error) {
        if self.told != error.message() {
            tracing::warn!(%error, "a list that is kept in a file");
            error.message().clone_into(&mut self.told);
        }
    }
}

/// Waits for another condition; for ever if there can be none.
async fn changed(condition: &mut Receiver<Condition>) {
    if condition.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Writes lists down, not too often.
struct Keeper {
    file: CacheFile,
    list: Vec<Provider>,
    /// When it is to be written, if it is known.
    due: Option<Instant>,
    written: Option<Instant>,
    writing: Option<JoinHandle<libfast_model::Result<()>>>,
}

impl Keeper {
    fn new(file: CacheFile) -> Self {
        Self { file, list: Vec::new(), due: None, written: None, writing: None }
    }

    /// Remembers a list. That nobody is there is not written: it would help nobody.
    fn note(&mut self, resolution: &Resolution) {
        if let Resolution::Bound(providers) = resolution
            && (self.due.is_none() || self.list != *providers)
        {
            self.list.clone_from(providers);
            let now = Instant::now();
            self.due = Some(self.written.map_or(now, |at| now.max(at + PAUSE)));
        }
    }

    /// Writes it when it is time, if the list `is_fresh`; ends only with a failure. Cancel safe.
    async fn keep(&mut self, is_fresh: bool) -> Error {
        loop {
            if self.writing.is_none() {
                match self.due.filter(|_| is_fresh) {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
                let (file, list) = (self.file.clone(), self.list.clone());
                let now = Instant::now();
                (self.written, self.due) = (Some(now), Some(now + REFRESH));
                self.writing = Some(spawn_blocking(move || file.save(&list)));
            }
            if let Some(writing) = &mut self.writing {
                let outcome = writing.await;
                self.writing = None;
                if let Ok(Err(error)) = outcome {
                    return error;
                }
            }
        }
    }
}
