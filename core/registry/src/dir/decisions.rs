//! The file of what an operator decided about the providers of a service. It lies in the list, so that whoever watches
//! the list hears of it.

use super::folder::{Folder, failure};
use crate::{MAX_OVERRIDES_BYTES, Override, Overrides};
use libfast_model::{Address, Result};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The name of the file; no entry has it.
pub(super) const DECISIONS: &str = "overrides.json";

/// What is decided about the providers of the list.
pub(super) fn read(list: &Path) -> Result<Overrides> {
    Overrides::from_json(&text(&list.join(DECISIONS))?)
}

/// Changes what is decided about one address. Those who do so at once wait for each other.
pub(super) fn edit(
    folder: &Folder,
    list: &Path,
    address: &Address,
    change: impl FnOnce(&mut Override),
) -> Result<()> {
    folder.create(list)?;
    let path = list.join(DECISIONS);
    let fail = |error: io::Error| failure("write", &path, &error);
    let lock = File::create(list.join(".overrides.lock")).map_err(fail)?;
    lock.lock().map_err(fail)?;
    let edited = Overrides::edit(&text(&path)?, address, change)?;
    if edited.is_empty() {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(fail(error)),
            _ => Ok(()),
        };
    }
    // Named only when it is whole: nobody reads half of it.
    let temporary = list.join(".overrides.tmp");
    std::fs::write(&temporary, edited).and_then(|()| std::fs::rename(&temporary, &path)).map_err(fail)
}

/// Empty if there is no such file.
fn text(path: &Path) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    // One byte more than allowed, so that a text that is too long is seen to be.
    let read =
        File::open(path).and_then(|file| file.take(MAX_OVERRIDES_BYTES as u64 + 1).read_to_end(&mut text));
    match read {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failure("read", path, &error)),
        _ => Ok(text),
    }
}
