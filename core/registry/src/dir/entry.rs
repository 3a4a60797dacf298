//! One entry of a list: a file that is locked for as long as its process lives.
//!
//! The file gets its name only after it was locked and written, so whoever finds an unlocked entry knows that its owner
//! is dead. [`super::listing`] relies on that.

use super::descriptor::Descriptor;
use super::folder::{Folder, failure};
use crate::Record;
use crate::record::check_length;
use libfast_model::{Error, ErrorKind, Result};
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// An entry of this process. Dropping it takes the file away, except in a child of a fork, whose entry it is not.
#[derive(Debug)]
pub(super) struct Entry {
    folder: Folder,
    list: PathBuf,
    id: Uuid,
    text: String,
    listed: Option<Listed>,
    /// What is listed is not `text`.
    listing_is_old: bool,
}

#[derive(Debug)]
struct Listed {
    identity: Identity,
    file: Descriptor<File>,
}

impl Entry {
    /// An entry of `list`, which is in `folder`. Makes no file yet.
    pub(super) fn new(folder: Folder, list: PathBuf, record: &Record) -> Self {
        Self { folder, list, id: Uuid::new_v4(), text: record.to_json(), listed: None, listing_is_old: false }
    }

    /// Puts another text in the place of the present one. The file of the same name is another one then: who reads finds
    /// either text whole.
    pub(super) fn change(&mut self, text: String) -> Result<()> {
        self.text = text;
        self.listing_is_old = true;
        self.ensure()
    }

    /// Makes the file unless it is there. The key stays the same when a file that was removed is made again.
    pub(super) fn ensure(&mut self) -> Result<()> {
        if let Some(listed) = &self.listed {
            if !listed.file.is_of_this_process() {
                return Err(Error::new(
                    ErrorKind::Forked,
                    "an entry of the registry was announced before fork(); announce again in the child",
                ));
            }
            if !self.listing_is_old && identity_at(&self.path()) == Some(listed.identity) {
                return Ok(());
            }
        }
        check_length(&self.text)?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.create()? {
                // The file from before, if there was one, is closed only now: its key was never unlocked.
                Attempt::Listed(listed) => {
                    self.listed = Some(listed);
                    self.listing_is_old = false;
                    return Ok(());
                }
                Attempt::Disturbed(why) if tries == TRIES => {
                    return Err(failure("keep an entry in", &self.list, &why));
                }
                Attempt::Disturbed(_) => {}
            }
        }
    }

    fn create(&self) -> Result<Attempt> {
        self.folder.create(&self.list)?;
        let temporary = self.list.join(format!(".{}.tmp", self.id));
        let file = match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => Descriptor::new(file),
            // The folder was removed since it was made.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Attempt::Disturbed(error)),
            // Left by a try of this same entry that could not clean up.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                remove(&temporary);
                return Ok(Attempt::Disturbed(error));
            }
            Err(error) => return Err(failure("write", &temporary, &error)),
        };
        match self.fill(&file, &temporary) {
            Ok(Attempt::Listed(identity)) => Ok(Attempt::Listed(Listed { identity, file })),
            Ok(Attempt::Disturbed(why)) => {
                remove(&temporary);
                Ok(Attempt::Disturbed(why))
            }
            Err(error) => {
                remove(&temporary);
                Err(failure("write", &temporary, &error))
            }
        }
    }

    /// Locks, writes and names the file, in this order.
    fn fill(&self, file: &Descriptor<File>, temporary: &Path) -> io::Result<Attempt<Identity>> {
        match file.get().try_lock() {
            Ok(()) => {}
            // A cleaner takes a file that stays unlocked for long for an orphan and locks it for a moment. That can
            // happen only if this process stood still since the line before; a new file is too young for it.
            Err(TryLockError::WouldBlock) => return Ok(Attempt::Disturbed(io::ErrorKind::WouldBlock.into())),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.get().write_all(self.text.as_bytes())?;
        let identity = Identity::of(&file.get().metadata()?);
        match std::fs::rename(temporary, self.path()) {
            Ok(()) => Ok(Attempt::Listed(identity)),
            // The same cleaner, or somebody who removed the folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Attempt::Disturbed(error)),
            Err(error) => Err(error),
        }
    }

    fn path(&self) -> PathBuf {
        self.list.join(format!("{}.json", self.id))
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // Removed before it is closed, so that nobody finds it unlocked.
        if self.listed.as_ref().is_some_and(|listed| listed.file.is_of_this_process()) {
            remove(&self.path());
        }
    }
}

/// How one try to make the file ended, if nothing refused it.
enum Attempt<T = Listed> {
    Listed(T),
    /// Somebody removed what it was working on; the next try can succeed.
    Disturbed(io::Error),
}

/// What stays the same when a file is renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    pub(super) fn of(found: &Metadata) -> Self {
        Self(found.dev(), found.ino())
    }
}

/// Which file has this name now.
pub(super) fn identity_at(path: &Path) -> Option<Identity> {
    std::fs::symlink_metadata(path).ok().map(|found| Identity::of(&found))
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "a file of the registry cannot be removed");
        }
        _ => {}
    }
}

/// How often a disturbed entry is tried at once, before it waits for the next audit.
const TRIES: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn entry(folder: &Path) -> Entry {
        let folder = Folder::open(Some(folder.to_owned())).unwrap();
        let list = folder.list(&"echo".parse().unwrap(), Role::Provider);
        Entry::new(folder, list, &Record { address: "h:1".into(), ..Record::of_this_process("test") })
    }

    #[test]
    fn an_entry_is_locked_while_it_lives_and_then_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut entry = entry(folder.path());
        entry.ensure().unwrap();
        let path = entry.path();
        let file = File::open(&path).unwrap();
        assert!(matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)));
        assert_eq!(Record::from_json(&std::fs::read(&path).unwrap()).unwrap().address, "h:1");
        assert_eq!(std::fs::read_dir(&entry.list).unwrap().count(), 1, "no temporary file stays");
        drop(entry);
        assert!(!path.exists());
    }

    /// A try that died half-way, or a cleaner that holds the temporary file, must not stop the next try.
    #[test]
    fn a_temporary_file_in_the_way_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let mut entry = entry(folder.path());
        entry.folder.create(&entry.list).unwrap();
        let temporary = entry.list.join(format!(".{}.tmp", entry.id));
        let held = File::create(&temporary).unwrap();
        held.lock_shared().unwrap();
        entry.ensure().unwrap();
        assert!(entry.path().exists() && !temporary.exists());
    }

    #[test]
    fn a_record_that_nobody_would_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut entry = entry(folder.path());
        entry.text = " ".repeat(crate::MAX_RECORD_BYTES + 1);
        assert_eq!(entry.ensure().unwrap_err().kind(), ErrorKind::Invalid);
    }
}
