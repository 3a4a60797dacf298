//! The `dir:` registry: a folder of this machine where providers and consumers list themselves, with no server.
//!
//! ```text
//! <folder>/<service>/providers/<uuid>.json    one file per entry, locked while its process lives;
//! <folder>/<service>/consumers/<uuid>.json    the text is a Record
//! <folder>/<service>/providers/overrides.json what an operator decided about them
//! ```
//!
//! The kernel is the failure detector: when a process dies, however it dies, its files are closed and their locks go.
//! Whoever reads the list next sees an entry without a lock and removes it. [`entry`] makes the files, [`listing`]
//! reads and cleans, [`watcher`] knows when to read again, [`folder`] decides where all this is.

mod decisions;
mod descriptor;
mod entry;
mod folder;
mod inotify;
mod listing;
mod watcher;

use crate::{
    Announcement, AnnouncementState, Announcer, Change, Override, Overrides, Record, Resolution, Resolver,
    Role, Watch,
};
pub(crate) use descriptor::Descriptor;
use entry::Entry;
use folder::{Folder, failure};
use libfast_model::{Address, Result, ServiceName};
use listing::Listing;
use std::future::ready;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// A registry that is a folder of this machine. Cheap to clone.
///
/// A process that dies is gone from the lists of all watchers within milliseconds. Folders must be on a file system
/// with file locks; all local ones have them. Everybody who can write to the folder is trusted.
#[derive(Debug, Clone)]
pub struct DirRegistry {
    folder: Folder,
    /// False to poll instead of using inotify.
    notified: bool,
}

/// How many live entries a service has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedService {
    /// Its name.
    pub service: ServiceName,
    /// Number of live providers.
    pub providers: usize,
    /// Number of live consumers.
    pub consumers: usize,
}

impl DirRegistry {
    /// The registry in `folder`; `None` is the user's own default folder, `/tmp/libfast-<uid>`.
    ///
    /// The folder is made when something is first announced, with mode 0700. A folder that is given explicitly keeps
    /// the permissions it has. Fails if the default folder belongs to somebody else, or others can write to it.
    pub fn open(folder: Option<PathBuf>) -> Result<Self> {
        Ok(Self { folder: Folder::open(folder)?, notified: true })
    }

    /// The folder, which need not exist yet.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All services that were ever announced here, ordered by name, with the numbers of their live entries. Reads
    /// files; takes microseconds for each entry.
    pub fn services(&self) -> Result<Vec<ListedService>> {
        self.folder.check()?;
        let found = match std::fs::read_dir(self.folder()) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failure("read", self.folder(), &error)),
        };
        let mut services = Vec::new();
        for file in found {
            let file = file.map_err(|error| failure("read", self.folder(), &error))?;
            let Some(service) = file.file_name().to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            // An explicit folder may hold other things, too.
            if self.knows(&service) {
                let providers = self.listing(&service, Role::Provider).records()?.len();
                let consumers = self.listing(&service, Role::Consumer).records()?.len();
                services.push(ListedService { service, providers, consumers });
            }
        }
        services.sort_by(|a, b| a.service.as_str().cmp(b.service.as_str()));
        Ok(services)
    }

    /// Whether the service was ever announced here, or called by somebody who is listed as its consumer.
    pub fn knows(&self, service: &ServiceName) -> bool {
        let exists = |role| self.folder.list(service, role).is_dir();
        exists(Role::Provider) || exists(Role::Consumer)
    }

    /// What the live entries of one list say, ordered by key, for operators. A provider's address may be one that
    /// cannot be called.
    pub fn records(&self, service: &ServiceName, role: Role) -> Result<Vec<Record>> {
        Ok(self.listing(service, role).records()?.into_values().collect())
    }

    /// What an operator decided about the providers of a service.
    pub fn overrides(&self, service: &ServiceName) -> Result<Overrides> {
        self.folder.check()?;
        decisions::read(&self.folder.list(service, Role::Provider))
    }

    /// Changes what is decided about one address of a service, whether or not it is listed. Clients follow within
    /// milliseconds.
    pub fn decide(
        &self,
        service: &ServiceName,
        address: &Address,
        change: impl FnOnce(&mut Override),
    ) -> Result<()> {
        let list = self.folder.list(service, Role::Provider);
        decisions::edit(&self.folder, &list, address, change)
    }

    fn listing(&self, service: &ServiceName, role: Role) -> Listing {
        Listing::new(self.folder.clone(), self.folder.list(service, role))
    }
}

impl Announcer for DirRegistry {
    /// Listed on return, unless the state says why not. What fails is tried again twice a second, and an entry that
    /// somebody removed is made again as soon.
    fn announce(&self, service: &ServiceName, role: Role, record: Record) -> Announcement {
        // Making the file is a few system calls, so it is done here and not on a blocking thread.
        let mut entry = Entry::new(self.folder.clone(), self.folder.list(service, role), &record);
        let (sender, receiver) = watch::channel(AnnouncementState::Connecting);
        entry.update(&sender);
        let kept = Arc::new(Mutex::new(Some(entry)));
        let audit = tokio::spawn(audit(Arc::downgrade(&kept), sender.clone())).abort_handle();
        let (entry, state) = (kept.clone(), sender.clone());
        let change = move |record: Record| -> Result<Change> {
            let text = record.to_stored()?;
            let mut entry = entry.lock().unwrap_or_else(PoisonError::into_inner);
            let changed = entry.as_mut().map_or(Ok(()), |entry| entry.change(text));
            if entry.is_some() {
                tell(&state, changed.clone());
            }
            Ok(Box::pin(ready(changed)))
        };
        Announcement::new(receiver, record, change, move || {
            audit.abort();
            // Dropping the entry removes its file, here and now.
            drop(kept.lock().unwrap_or_else(PoisonError::into_inner).take());
            sender.send_replace(AnnouncementState::Closed);
            Box::pin(ready(()))
        })
    }
}

impl Resolver for DirRegistry {
    fn watch(&self, service: &ServiceName) -> Watch {
        let (sender, receiver) = watch::channel(Resolution::Pending);
        let listing = self.listing(service, Role::Provider);
        let (decisions, overrides) = watch::channel(Overrides::default());
        let task = tokio::spawn(watcher::follow(listing, self.notified, sender, decisions));
        Watch::new(receiver, AbortOnDrop(task.abort_handle())).with_overrides(overrides)
    }

    fn consumers(
        &self,
        service: &ServiceName,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Record>>> + Send + '_>> {
        Box::pin(ready(self.records(service, Role::Consumer)))
    }
}

impl Entry {
    /// Makes the file unless it is there, and tells `state` how that went.
    fn update(&mut self, state: &watch::Sender<AnnouncementState>) {
        tell(state, self.ensure());
    }
}

/// Tells `state` how the last try went, if that is news.
fn tell(state: &watch::Sender<AnnouncementState>, outcome: Result<()>) {
    let now = match outcome {
        Ok(()) => AnnouncementState::Registered,
        Err(error) => AnnouncementState::Failed(error),
    };
    state.send_if_modified(|last| {
        let news = !last.says_the_same(&now);
        if news {
            *last = now;
        }
        news
    });
}

/// Looks after an entry until it is withdrawn.
async fn audit(kept: Weak<Mutex<Option<Entry>>>, state: watch::Sender<AnnouncementState>) {
    loop {
        tokio::time::sleep(AUDIT).await;
        let Some(kept) = kept.upgrade() else { return };
        // Under the lock until the state is told, so that nothing is told after a withdrawal.
        match &mut *kept.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(entry) => entry.update(&state),
            None => return,
        }
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

const AUDIT: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
