//! Reading a list: who is on it, who of them is alive, and cleaning up after the dead.

use super::decisions::{self, DECISIONS};
use super::entry::{Identity, identity_at};
use super::folder::{Folder, failure};
use crate::record::MAX_RECORD_BYTES;
use crate::{Overrides, Provider, Record};
use libfast_model::Result;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::collections::{BTreeMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use uuid::Uuid;

/// One list of one service, read as often as wanted.
#[derive(Debug)]
pub(super) struct Listing {
    folder: Folder,
    list: PathBuf,
    /// Files that were complained about, so that each is complained about once.
    warned: HashSet<String>,
    /// What was decided about the providers, when it could be read last.
    decided: Overrides,
}

impl Listing {
    /// The list `list`, which is in `folder` and need not exist.
    pub(super) fn new(folder: Folder, list: PathBuf) -> Self {
        Self { folder, list, warned: HashSet::new(), decided: Overrides::default() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.list
    }

    /// What was decided about the providers when they were last read.
    pub(super) fn decided(&self) -> &Overrides {
        &self.decided
    }

    /// The live providers, ordered by key.
    pub(super) fn providers(&mut self) -> Result<Vec<Provider>> {
        let records = self.records()?;
        match decisions::read(&self.list) {
            Ok(decided) => self.decided = decided,
            Err(error) => self.warn(DECISIONS, &error),
        }
        let mut providers = Vec::with_capacity(records.len());
        for (key, record) in records {
            match record.endpoint() {
                Ok(mut endpoint) => {
                    self.decided.of(&record.address).apply(&mut endpoint);
                    providers.push(Provider { key, endpoint });
                }
                Err(error) => self.warn(&format!("{key}.json"), &error),
            }
        }
        Ok(providers)
    }

    /// The live entries by key. A list that does not exist is empty. What cannot be read is passed over with a warning;
    /// an error means that nothing can be said about the list.
    pub(super) fn records(&mut self) -> Result<BTreeMap<String, Record>> {
        self.folder.check()?;
        let names = self.names()?;
        self.warned.retain(|name| names.contains(name) || name == DECISIONS);
        let mut records = BTreeMap::new();
        for name in &names {
            let path = self.list.join(name);
            let Some(key) = entry_key(name) else {
                if is_orphan(name, &path) {
                    // Best effort: the next reader tries again.
                    let _ = probe(&path);
                }
                continue;
            };
            match probe(&path).and_then(|live| live.map(read).transpose()) {
                Ok(None) => {}
                Ok(Some(text)) => match Record::from_json(&text) {
                    Ok(record) => drop(records.insert(key.to_owned(), record)),
                    Err(error) => self.warn(name, &error),
                },
                // Without descriptors or memory, everybody would look dead.
                Err(error) if is_shortage(&error) => return Err(failure("read", &path, &error)),
                Err(error) => self.warn(name, &error),
            }
        }
        Ok(records)
    }

    fn names(&mut self) -> Result<HashSet<String>> {
        let mut names = HashSet::new();
        let found = match std::fs::read_dir(&self.list) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
            Err(error) => return Err(failure("read", &self.list, &error)),
        };
        for file in found {
            let file = file.map_err(|error| failure("read", &self.list, &error))?;
            let Some(name) = file.file_name().to_str().map(str::to_owned) else { continue };
            if entry_key(&name).is_none() && temporary_key(&name).is_none() {
                continue;
            }
            if names.len() == MAX_ENTRIES {
                tracing::warn!(list = %self.list.display(), "only {MAX_ENTRIES} entries of a list are read");
                break;
            }
            names.insert(name);
        }
        Ok(names)
    }

    fn warn(&mut self, name: &str, why: &dyn std::fmt::Display) {
        if self.warned.insert(name.to_owned()) {
            tracing::warn!(path = %self.list.join(name).display(), %why, "an entry of the registry is passed over");
        }
    }
}

/// The key of the entry whose file has this name.
pub(super) fn entry_key(name: &str) -> Option<&str> {
    name.strip_suffix(".json").filter(|key| is_key(key))
}

fn temporary_key(name: &str) -> Option<&str> {
    name.strip_prefix('.')?.strip_suffix(".tmp").filter(|key| is_key(key))
}

/// Only the one way of writing a UUID in which entries are named: no other file is ever touched.
fn is_key(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|id| id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text)
}

/// Opens the file if its owner lives, and removes it if not.
fn probe(path: &Path) -> io::Result<Option<File>> {
    // Neither follows a link nor waits for the writer of a pipe that has the name of an entry.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    match file.try_lock_shared() {
        Ok(()) => {}
        // Who cannot be shown to be dead is taken for alive.
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return Ok(Some(file)),
    }
    // Its name may belong to a newer file by now. The lock is held until the end of this function; owners never wait
    // for it, because they lock a file that has no name of an entry yet.
    if identity_at(path) == Some(Identity::of(&found)) {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(None)
}

fn read(file: File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    // One byte more than allowed, so that a text that is too long is seen to be.
    file.take(MAX_RECORD_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// True for a temporary file that is older than any announcer takes to name it.
fn is_orphan(name: &str, path: &Path) -> bool {
    temporary_key(name).is_some()
        && std::fs::symlink_metadata(path)
            .and_then(|found| found.modified())
            .is_ok_and(|time| time.elapsed().is_ok_and(|age| age > ORPHAN_AGE))
}

fn is_shortage(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
}

/// Most entries of one list that are read, so that a runaway announcer harms only its own service.
const MAX_ENTRIES: usize = 10_000;
const ORPHAN_AGE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    const ID: &str = "0b1f1f1e-8a52-4b7c-9d5e-3f1a2b3c4d5e";

    fn listing(folder: &Path) -> Listing {
        Listing::new(Folder::open(Some(folder.to_owned())).unwrap(), folder.to_owned())
    }

    #[test]
    fn only_names_that_are_made_here_are_entries() {
        assert_eq!(entry_key(&format!("{ID}.json")), Some(ID));
        assert_eq!(temporary_key(&format!(".{ID}.tmp")), Some(ID));
        for other in
            ["notes.txt", "notes.json", ".json", ".tmp", "", &ID.to_uppercase(), &ID.replace('-', "")]
        {
            assert!(entry_key(other).is_none() && entry_key(&format!("{other}.json")).is_none(), "{other}");
        }
    }

    #[test]
    fn the_dead_are_cleaned_and_other_files_left() {
        let folder = tempfile::tempdir().unwrap();
        let stale = folder.path().join(format!("{ID}.json"));
        let notes = folder.path().join("notes.txt");
        std::fs::write(&stale, r#"{"address":"h:1"}"#).unwrap();
        std::fs::write(&notes, "").unwrap();
        assert!(listing(folder.path()).records().unwrap().is_empty());
        assert!(!stale.exists() && notes.exists());
    }

    /// A young temporary file is one that an announcer is about to lock; only an old one is an orphan.
    #[test]
    fn only_old_unlocked_temporary_files_are_cleaned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!(".{ID}.tmp"));
        let file = File::create(&path).unwrap();
        listing(folder.path()).records().unwrap();
        assert!(path.exists(), "young");
        file.set_modified(SystemTime::now() - 2 * ORPHAN_AGE).unwrap();
        file.lock().unwrap();
        listing(folder.path()).records().unwrap();
        assert!(path.exists(), "locked");
        file.unlock().unwrap();
        listing(folder.path()).records().unwrap();
        assert!(!path.exists(), "old and unlocked");
    }

    #[test]
    fn what_cannot_be_read_is_passed_over_once() {
        let folder = tempfile::tempdir().unwrap();
        let texts = [r#"{"address":"h:1"}"#, "not json", r#"{"address":"h"}"#, &" ".repeat(9_000)];
        let files: Vec<File> = texts
            .iter()
            .map(|text| {
                let path = folder.path().join(format!("{}.json", Uuid::new_v4()));
                std::fs::write(&path, text).unwrap();
                let file = File::open(path).unwrap();
                file.lock().unwrap();
                file
            })
            .collect();
        let link = folder.path().join(format!("{ID}.json"));
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        let mut listing = listing(folder.path());
        for _ in 0..2 {
            assert_eq!(listing.providers().unwrap().len(), 1);
            assert_eq!(listing.warned.len(), 4, "{:?}", listing.warned);
        }
        assert!(link.symlink_metadata().is_ok(), "not ours to remove");
        drop(files);
        assert!(listing.providers().unwrap().is_empty());
    }
}
