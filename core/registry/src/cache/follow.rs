//! Following a registry, and the file while the registry does not answer or another process asks it.

use super::file::{CacheFile, Version};
use super::keeper::Keeper;
use super::leader::Lead;
use crate::{CacheSettings, Condition, Overrides, Resolution, Watch, changed, tell_news};
use libfast_model::{Error, ErrorKind};
use std::time::{Duration, Instant};
use tokio::sync::watch::Sender;
use tokio::task::AbortHandle;
use tokio::time::{interval, sleep, timeout};

/// How long the registry may take before what is in the file counts.
const GRACE: Duration = Duration::from_millis(200);
/// How often it is looked whether another process wrote the file, and whether it still leads.
const LOOK: Duration = Duration::from_millis(100);
/// How long who cannot ask waits for a file, before it says so: others may be about to write the first one.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a file is written, and how long it counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Between two lists that differ.
    pub pause: Duration,
    /// Between two that do not, so that the age of the file tells for how long nobody has confirmed it.
    pub refresh: Duration,
    /// A follower's list that is older was left by its leader, or by what its leader asks.
    pub left: Duration,
    /// How long a follower without a list waits for one before it says so.
    pub silence: Duration,
}

impl Times {
    /// Of a file that is read at the next start, or with `lead` by others all the time.
    pub fn new(lead: bool) -> Self {
        let (pause, refresh) = match lead {
            false => (Duration::from_secs(1), Duration::from_secs(600)),
            true => (LOOK, Duration::from_secs(20)),
        };
        Self { pause, refresh, left: Duration::from_secs(60), silence: Duration::from_secs(5) }
    }
}

/// Tells `sender` what is known.
pub(super) struct Follower {
    file: CacheFile,
    lead: bool,
    can_ask: bool,
    times: Times,
    sender: Sender<Resolution>,
    conditions: Sender<Condition>,
    overrides: Sender<Overrides>,
    read: Option<Version>,
    /// When what was read was known to be right.
    confirmed: Option<Instant>,
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
        settings: &CacheSettings,
        times: Times,
        sender: Sender<Resolution>,
        conditions: Sender<Condition>,
        overrides: Sender<Overrides>,
    ) -> Self {
        let (read, confirmed, told) = (None, None, String::new());
        let &CacheSettings { lead, can_ask, .. } = settings;
        Self { file, lead, can_ask, times, sender, conditions, overrides, read, confirmed, told }
    }

    /// Starts in the present runtime; `ask` watches the registry.
    pub fn start(mut self, ask: impl Fn() -> Watch + Send + 'static) -> Task {
        let task = tokio::spawn(async move {
            if !self.can_ask {
                return self.read_on(ask().current()).await;
            }
            loop {
                let lead = if self.lead { Some(self.wait_for_lead().await) } else { None };
                let live = ask();
                self.pass_on(live, lead).await;
            }
        });
        Task(task.abort_handle())
    }

    /// Reads the file for ever, because the registry gives this process no other answer than this.
    async fn read_on(&mut self, answer: Resolution) {
        let begun = Instant::now();
        let limit = if self.lead { self.times.left } else { Duration::ZERO };
        loop {
            self.look(limit);
            if let Resolution::Failed(error) = &answer
                && begun.elapsed() >= PATIENCE
            {
                self.fail(error.clone());
            }
            sleep(LOOK).await;
        }
    }

    /// Reads the file until this process is the one to ask the registry.
    async fn wait_for_lead(&mut self) -> Lead {
        let begun = Instant::now();
        loop {
            match Lead::take(self.file.path()) {
                Ok(Some(lead)) => return lead,
                Ok(None) => {
                    self.told.clear();
                    if begun.elapsed() >= self.times.silence {
                        self.fail(self.unheard());
                    }
                }
                Err(error) => {
                    self.complain(&error);
                    self.fail(error);
                }
            }
            self.look(self.times.left);
            sleep(LOOK).await;
        }
    }

    /// Passes on what the registry says once it answers, and what the file says until then. Ends when the `lead` is lost.
    async fn pass_on(&mut self, mut live: Watch, lead: Option<Lead>) {
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
            self.look(Duration::ZERO);
            if let Resolution::Failed(error) = live.current() {
                self.fail(error);
            }
            let _ = timeout(LOOK, live.changed()).await;
        }
        let mut overrides = live.overrides();
        let mut keeper = Keeper::new(self.file.clone(), self.lead, self.times);
        keeper.note(&live.current());
        let mut checks = interval(self.times.refresh);
        loop {
            let now = *condition.borrow_and_update();
            tell_news(&now, &self.conditions);
            {
                let decided = overrides.borrow_and_update();
                tell_news(&*decided, &self.overrides);
                keeper.decide(&decided);
            }
            tokio::select! {
                resolution = live.changed() => {
                    keeper.note(&resolution);
                    self.take_over(resolution);
                }
                () = changed(&mut condition) => {}
                () = changed(&mut overrides) => {}
                error = keeper.keep(now.stale_since.is_none()) => self.complain(&error),
                _ = checks.tick(), if lead.is_some() => if lead.as_ref().is_some_and(|lead| !lead.is_seen()) {
                    return;
                },
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

    /// Tells what the file says, if it is another one than before, and how old that is if nobody has confirmed it for as long
    /// as `limit`.
    fn look(&mut self, limit: Duration) {
        let version = self.file.version();
        let mut list = None;
        if version != self.read {
            self.read = version;
            match self.file.load() {
                Ok(Some(cached)) if self.lead || !cached.providers.is_empty() => {
                    let now = Instant::now();
                    self.confirmed = Some(now.checked_sub(cached.age).unwrap_or(now));
                    // Before the list: it is never older than what it is about.
                    tell_news(&cached.overrides, &self.overrides);
                    list = Some(cached.providers);
                }
                Ok(_) => {}
                Err(error) => self.complain(&error),
            }
        }
        let stale_since = self.confirmed.filter(|at| at.elapsed() >= limit);
        tell_news(&Condition { stale_since, ..Condition::default() }, &self.conditions);
        if let Some(list) = list {
            self.sender.send_if_modified(|known| {
                let is_news = match known {
                    // That nobody is there is told to those who know nothing.
                    Resolution::Bound(known) => *known != list && !list.is_empty(),
                    Resolution::Absent => !list.is_empty(),
                    Resolution::Pending | Resolution::Failed(_) => true,
                };
                if is_news {
                    *known = if list.is_empty() { Resolution::Absent } else { Resolution::Bound(list) };
                }
                is_news
            });
        }
    }

    /// What is wrong when there is no list, and another process is the one to write it.
    fn unheard(&self) -> Error {
        let leader = match Lead::holder(self.file.path()) {
            Some(id) => format!("process {id}"),
            None => "another process".into(),
        };
        let message = format!(
            "there is no list of {}: {leader} asks the registry for all that use {}, and has written none; it hangs, or its \
             registry does not answer, which its log tells. When it ends, another one asks",
            self.file.target(),
            self.file.path().display()
        );
        Error::new(ErrorKind::Registry, message)
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
