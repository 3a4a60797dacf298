//! Descriptors that a forked child must not keep.
//!
//! A child that inherits a listening socket keeps a dead parent's port; one that inherits a lock file
//! keeps a dead parent registered. Every descriptor with such an effect is noted here while it is open, and
//! the hook that runs in the child of a fork (`core/embed`) closes the noted ones. The table is a fixed array of
//! atomics because that hook may neither lock nor allocate.

use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering};

const FREE: RawFd = -1;
const SLOTS: usize = 16_384;
static TABLE: [AtomicI32; SLOTS] = [const { AtomicI32::new(FREE) }; SLOTS];

/// Notes one open descriptor for as long as this value lives. Drop it before the descriptor is closed.
///
/// Beyond 16,384 noted descriptors the next ones are not noted: a child of a fork then keeps those open.
#[derive(Debug)]
pub struct InheritedFd(Option<usize>);

impl InheritedFd {
    /// Notes `fd`.
    pub fn note(fd: &impl AsRawFd) -> Self {
        let fd = fd.as_raw_fd();
        // Starting at the number itself makes the search one step long in practice: numbers are small and unique.
        let start = fd.unsigned_abs() as usize % SLOTS;
        let slot = (start..SLOTS).chain(0..start).find(|&slot| {
            TABLE[slot].compare_exchange(FREE, fd, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        });
        Self(slot)
    }
}

impl Drop for InheritedFd {
    fn drop(&mut self) {
        if let Some(slot) = self.0 {
            TABLE[slot].store(FREE, Ordering::Release);
        }
    }
}

/// Takes the noted descriptors out of the table, for the child of a fork to close. Neither locks nor allocates.
pub fn take_inherited_fds() -> impl Iterator<Item = RawFd> {
    TABLE.iter().map(|slot| slot.swap(FREE, Ordering::AcqRel)).filter(|&fd| fd != FREE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_listed_while_noted() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let noted = InheritedFd::note(&file);
        assert!(take_inherited_fds().any(|fd| fd == file.as_raw_fd()));
        drop(noted);
        drop(InheritedFd::note(&file));
        assert!(take_inherited_fds().all(|fd| fd != file.as_raw_fd()));
    }
}
