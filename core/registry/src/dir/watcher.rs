//! Following a list: when to read it again.
//!
//! The kernel closes the files of a process that dies, and inotify reports it at once. Where inotify is at its limits,
//! the list is read ten times a second instead.

use super::decisions::DECISIONS;
use super::inotify::{Event, Inotify};
use super::listing::{Listing, entry_key};
use crate::{Overrides, Provider, Resolution, tell_news};
use libfast_model::Result;
use rustix::fs::inotify::{ReadFlags, WatchFlags};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Tells `sender` who is on the list, for ever, and `decisions` what was decided. `notified` is false to do without inotify.
pub(super) async fn follow(
    mut listing: Listing,
    notified: bool,
    sender: watch::Sender<Resolution>,
    decisions: watch::Sender<Overrides>,
) {
    let mut watcher = None;
    let mut warned = false;
    let mut unreadable = false;
    let mut delay = AUDIT;
    loop {
        // Watched before it is read: a change after the reading is always reported.
        if notified && let Err(error) = arm(&mut watcher, listing.path()) {
            watcher = None;
            if !warned {
                warned = true;
                tracing::warn!(
                    list = %listing.path().display(), %error,
                    "inotify is not available, so the registry is polled; raise fs.inotify.max_user_instances or \
                     fs.inotify.max_user_watches"
                );
            }
        }
        // Reading is done here and not on a blocking thread: it is a few system calls on files in memory.
        let providers = listing.providers();
        tell_news(listing.decided(), &decisions);
        if let Err(error) = &providers
            && !unreadable
        {
            tracing::warn!(%error, "a list of the registry cannot be read; what was known of it stands");
        }
        unreadable = providers.is_err();
        let Some(watcher) = &mut watcher else {
            publish(&sender, providers);
            sleep(POLL).await;
            continue;
        };
        // The kernel reports a close an instant before it drops the lock. A file that was closed and still is locked
        // is looked at again at growing distances, until the pace is that of the audit.
        let closed = std::mem::take(&mut watcher.closed);
        let still_listed = |key: &String| {
            providers.as_ref().is_ok_and(|list| list.iter().any(|provider| provider.key == *key))
        };
        delay = if closed.iter().any(still_listed) { FIRST_LOOK } else { (delay * 2).min(AUDIT) };
        publish(&sender, providers);
        // An audit by the way, for what inotify does not report: a parent folder that was moved, another machine.
        let _ = timeout(delay, watcher.changed()).await;
    }
}

/// Passes on what was read if it is news. After an error the last list stands.
fn publish(sender: &watch::Sender<Resolution>, providers: Result<Vec<Provider>>) {
    let news = match providers {
        Ok(providers) if providers.is_empty() => Resolution::Absent,
        Ok(providers) => Resolution::Bound(providers),
        Err(error) => Resolution::Failed(error),
    };
    sender.send_if_modified(|last| {
        let keep = match (&*last, &news) {
            (Resolution::Bound(last), Resolution::Bound(news)) => last == news,
            (Resolution::Absent, Resolution::Absent) => true,
            (Resolution::Bound(_), Resolution::Failed(_)) => true,
            (Resolution::Failed(last), Resolution::Failed(news)) => last.message() == news.message(),
            _ => false,
        };
        if !keep {
            *last = news;
        }
        !keep
    });
}

/// Watches the list with inotify, or what is nearest above it while it does not exist. One inotify instance each: it
/// ends with its task, and so works with any number of runtimes, one after the other.
struct Watcher {
    inotify: Inotify,
    /// The watch on the folder that is watched.
    folder: i32,
    /// The name to wait for in that folder; `None` if it is the list itself.
    missing: Option<OsString>,
    /// Keys of entries whose files were closed since this was last taken.
    closed: Vec<String>,
}

/// Makes `watcher` watch what is at `list` by now.
fn arm(watcher: &mut Option<Watcher>, list: &Path) -> std::io::Result<()> {
    let watcher = match watcher {
        Some(watcher) => watcher,
        None => {
            let inotify = Inotify::open()?;
            watcher.insert(Watcher { inotify, folder: -1, missing: None, closed: Vec::new() })
        }
    };
    // A folder can appear below the one that was just found to be the nearest; look again until nothing is nearer.
    let mut last = None;
    for _ in 0..MAX_LOOKS {
        let depth = watcher.arm_nearest(list)?;
        if depth == 0 || last == Some(depth) {
            break;
        }
        last = Some(depth);
    }
    Ok(())
}

impl Watcher {
    /// Watches the nearest folder that exists and returns how far above the list it is. Adding the watch that there is
    /// already changes nothing, and a folder that replaced another has another watch.
    fn arm_nearest(&mut self, list: &Path) -> rustix::io::Result<usize> {
        let mut missing = None;
        for (depth, folder) in list.ancestors().enumerate() {
            let events = if depth == 0 { ENTRY_EVENTS } else { WatchFlags::CREATE | WatchFlags::MOVED_TO };
            let flags = events | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
            match self.inotify.add(folder, flags) {
                Ok(watch) => {
                    if watch != self.folder {
                        // Fails if the folder is gone, and its watch with it.
                        let _ = self.inotify.remove(self.folder);
                        self.folder = watch;
                    }
                    self.missing = missing;
                    return Ok(depth);
                }
                Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => {
                    missing = folder.file_name().map(ToOwned::to_owned);
                }
                Err(error) => return Err(error),
            }
        }
        Err(Errno::NOENT)
    }

    /// Waits until the list may have changed. Cancel safe.
    async fn changed(&mut self) {
        // It cannot fail while its runtime lives, and with that this task ends.
        while self.inotify.readable().await.is_ok() {
            if self.drain() {
                return;
            }
        }
    }

    /// Takes all waiting reports and tells whether one of them matters.
    fn drain(&mut self) -> bool {
        let mut matters = false;
        let mut buffer = [0; 4096];
        for _ in 0..MAX_READS {
            let events = match self.inotify.read(&mut buffer) {
                Ok(events) => events,
                Err(error) => return matters || error.kind() != std::io::ErrorKind::WouldBlock,
            };
            for event in events {
                matters |= note(&event, self.folder, self.missing.as_deref(), &mut self.closed);
            }
        }
        true
    }
}

/// Tells whether the list may have changed, and adds the key of an entry that was closed to `closed`.
fn note(event: &Event, folder: i32, missing: Option<&OsStr>, closed: &mut Vec<String>) -> bool {
    if event.flags.contains(ReadFlags::QUEUE_OVERFLOW) {
        return true;
    }
    // A folder that is watched no more.
    if event.watch != folder {
        return false;
    }
    // The folder itself was moved or removed.
    if event.name.is_empty() {
        return true;
    }
    if let Some(missing) = missing {
        return event.name == missing.as_encoded_bytes();
    }
    if event.name == DECISIONS.as_bytes() {
        return true;
    }
    let Some(key) = std::str::from_utf8(event.name).ok().and_then(entry_key) else { return false };
    if event.flags.contains(ReadFlags::CLOSE_WRITE) {
        closed.push(key.to_owned());
    }
    true
}

const ENTRY_EVENTS: WatchFlags = WatchFlags::MOVED_TO
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::CLOSE_WRITE);
const FIRST_LOOK: Duration = Duration::from_millis(1);
const AUDIT: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(100);
const MAX_LOOKS: usize = 8;
/// Bounds the time in one wait when reports come faster than they are read. What is left is read in the next one.
const MAX_READS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use libfast_model::{Endpoint, Error, ErrorKind};

    #[test]
    fn only_news_is_told_and_an_error_leaves_the_last_list() {
        let (sender, mut receiver) = watch::channel(Resolution::Pending);
        let mut told = |providers: Result<Vec<Provider>>| {
            publish(&sender, providers);
            let told = receiver.has_changed().unwrap();
            receiver.mark_unchanged();
            told
        };
        let provider =
            |key: &str| Provider { key: key.into(), endpoint: Endpoint::new("h:1".parse().unwrap()) };
        let fail = |why: &str| Err(Error::new(ErrorKind::Registry, why));
        assert!(told(fail("a")) && !told(fail("a")) && told(fail("b")));
        assert!(told(Ok(vec![])) && !told(Ok(vec![])));
        assert!(told(Ok(vec![provider("1")])) && !told(Ok(vec![provider("1")])));
        assert!(!told(fail("c")));
        assert!(told(Ok(vec![provider("1"), provider("2")])) && told(Ok(vec![])));
    }
}
