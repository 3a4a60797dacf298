//! Which of several processes asks the registry: the one that holds the lock of a file.

use crate::dir::Descriptor;
use libfast_model::{Error, ErrorKind, Result};
use rustix::fs::OFlags;
use rustix::process::geteuid;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The lock. The kernel lets it go when the process dies, however it dies.
#[derive(Debug)]
pub(super) struct Lead {
    file: Descriptor<File>,
    lock: PathBuf,
}

impl Lead {
    /// Takes the lead of the list that is kept in `path`, unless another process or client has it.
    pub fn take(path: &Path) -> Result<Option<Self>> {
        let lock = lock_path(path);
        let failed = |error: std::io::Error| {
            let message = format!(
                "{} cannot be locked: {error}; make its folder writable for this user, or choose another with registry_cache_dir",
                lock.display()
            );
            Error::new(ErrorKind::Registry, message)
        };
        let folder = path.parent().unwrap_or(Path::new("/"));
        DirBuilder::new().mode(0o700).recursive(true).create(folder).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600).custom_flags(FLAGS);
        let file = options.open(&lock);
        // Noted for the hook of forks: a child must not keep the lead of a parent that died.
        let file = Descriptor::new(file.map_err(failed)?);
        match file.get().try_lock() {
            Ok(()) => {
                // For those who wait for it in vain; the lock counts without.
                let _ = sign(file.get());
                Ok(Some(Self { file, lock }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Whether others see the lock. Somebody may have removed it, and then another one has the lead, or will.
    pub fn is_seen(&self) -> bool {
        let own = self.file.get().metadata();
        let seen = std::fs::symlink_metadata(&self.lock);
        matches!((own, seen), (Ok(own), Ok(seen)) if (own.dev(), own.ino()) == (seen.dev(), seen.ino()))
    }

    /// The process that has the lead, as it said itself.
    pub fn holder(path: &Path) -> Option<u32> {
        let mut text = String::new();
        let file = OpenOptions::new().read(true).custom_flags(FLAGS).open(lock_path(path)).ok()?;
        file.take(16).read_to_string(&mut text).ok()?;
        text.parse().ok()
    }
}

/// Neither follows a link nor waits for the reader of a pipe: others may be able to write to the folder.
const FLAGS: i32 = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).bits() as i32;

/// Writes who has the lead, into a file that is nothing else.
fn sign(mut file: &File) -> std::io::Result<()> {
    let found = file.metadata()?;
    if !found.is_file() || found.nlink() != 1 || found.uid() != geteuid().as_raw() {
        return Ok(());
    }
    file.set_len(0)?;
    write!(file, "{}", std::process::id())
}

fn lock_path(path: &Path) -> PathBuf {
    path.with_extension("lock")
}
