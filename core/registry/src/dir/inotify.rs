//! The kernel's reports of changed folders, on tokio.

use super::descriptor::Descriptor;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use std::io;
use std::path::Path;
use tokio::net::unix::pipe::Receiver;

/// One inotify instance. Must be made and used within one tokio runtime.
///
/// To tokio it is the reading end of a pipe, which it resembles in all that is used here; `AsyncFd`, the more obvious
/// choice, can be made only in unsafe code.
#[derive(Debug)]
pub(super) struct Inotify(Descriptor<Receiver>);

/// One report.
#[derive(Debug, PartialEq)]
pub(super) struct Event<'a> {
    /// What [`Inotify::add`] returned for the folder that changed.
    pub(super) watch: i32,
    pub(super) flags: ReadFlags,
    /// The name of the file in that folder; empty if it is about the folder itself.
    pub(super) name: &'a [u8],
}

impl Inotify {
    pub(super) fn open() -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self(Descriptor::new(Receiver::from_owned_fd_unchecked(inotify)?)))
    }

    /// Watches a folder. Watching the same one again returns the same number, and replaces what is asked of it.
    pub(super) fn add(&self, folder: &Path, flags: WatchFlags) -> rustix::io::Result<i32> {
        inotify::add_watch(&self.0, folder, flags)
    }

    pub(super) fn remove(&self, watch: i32) -> rustix::io::Result<()> {
        inotify::remove_watch(&self.0, watch)
    }

    /// Waits for reports. May return without any. Cancel safe.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.0.get().readable().await
    }

    /// Takes as many waiting reports as fit into `buffer`, which must have room for one with the longest file name.
    /// Fails with `WouldBlock` if none wait.
    pub(super) fn read<'b>(&self, buffer: &'b mut [u8]) -> io::Result<impl Iterator<Item = Event<'b>>> {
        let length = self.0.get().try_read(buffer)?;
        Ok(events(&buffer[..length]))
    }
}

/// Splits what was read: four numbers of four bytes (watch, flags, cookie, length of the name), then the name, which
/// is padded with NUL bytes. Ends early at anything else.
fn events(mut bytes: &[u8]) -> impl Iterator<Item = Event<'_>> {
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_first_chunk::<16>()?;
        let (numbers, _) = head.as_chunks::<4>();
        let (name, rest) = rest.split_at_checked(u32::from_ne_bytes(numbers[3]) as usize)?;
        bytes = rest;
        Some(Event {
            watch: i32::from_ne_bytes(numbers[0]),
            flags: ReadFlags::from_bits_retain(u32::from_ne_bytes(numbers[1])),
            name: name.split(|&byte| byte == 0).next().unwrap_or_default(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(watch: i32, flags: ReadFlags, name: &[u8]) -> Vec<u8> {
        let head = [watch as u32, flags.bits(), 7, name.len() as u32];
        [head.map(u32::to_ne_bytes).as_flattened(), name].concat()
    }

    #[test]
    fn reports_are_split_and_torn_ones_dropped() {
        let bytes =
            [raw(3, ReadFlags::DELETE, b"a.json\0\0"), raw(-1, ReadFlags::QUEUE_OVERFLOW, b"")].concat();
        let first = Event { watch: 3, flags: ReadFlags::DELETE, name: b"a.json" };
        let second = Event { watch: -1, flags: ReadFlags::QUEUE_OVERFLOW, name: b"" };
        assert_eq!(events(&bytes).collect::<Vec<_>>(), [first, second]);
        for length in 0..bytes.len() {
            assert_eq!(events(&bytes[..length]).count(), usize::from(length >= 24), "{length}");
        }
    }
}
