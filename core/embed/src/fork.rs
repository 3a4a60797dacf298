//! Noticing a fork.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

static GENERATION: AtomicU64 = AtomicU64::new(1);

/// A number that differs between a process and its forked children. Costs one load.
pub fn fork_generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// Installs the hook, once per process. Nothing needs it before there are threads and sockets.
pub(crate) fn watch_forks() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // SAFETY: `in_child` is async-signal-safe, as the child of a threaded process demands: it touches atomics and
        // calls close(2). It stays valid: the library is never unloaded (linked with -z nodelete).
        let failed = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        // Only for want of memory, and then fork detection is the least concern.
        debug_assert_eq!(failed, 0);
    });
}

/// Runs in the child of every fork, before fork returns there.
extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
    for fd in libfast_model::take_inherited_fds() {
        // SAFETY: the descriptor is the child's copy of one that belongs to an object of the parent. In the child such
        // objects are leaked, never dropped (see `Owned`), so nobody closes it a second time.
        unsafe { libc::close(fd) };
    }
}
