//! The one tokio runtime of the process.

use crate::fork::watch_forks;
use crate::per_process::PerProcess;
use libfast_model::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};

struct Slot {
    runtime: Runtime,
    /// Catches a child made by clone(2) itself, which runs no fork hooks.
    pid: u32,
}

static SLOT: PerProcess<Option<Slot>> = PerProcess::new();
/// Counts shutdowns: objects of an earlier life cannot be used any more.
static LIFE: AtomicU64 = AtomicU64::new(1);
const MOST_THREADS: usize = 4;

pub(crate) fn life() -> u64 {
    LIFE.load(Ordering::Acquire)
}

/// What objects of an earlier life answer.
pub(crate) fn was_shut_down() -> Error {
    Error::new(ErrorKind::Closed, "libfast was shut down after this object was made")
}

/// The runtime, made now if there is none in this process.
pub(crate) fn handle() -> Result<Handle> {
    watch_forks();
    let mut slot = SLOT.lock();
    if let Some(slot) = slot.as_ref().filter(|slot| slot.pid == std::process::id()) {
        return Ok(slot.runtime.handle().clone());
    }
    // A parent's runtime has no threads here; dropping it would wait for them for ever.
    std::mem::forget(slot.take());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = Builder::new_multi_thread()
        .worker_threads(cores.min(MOST_THREADS))
        .thread_name("fast-io")
        .on_thread_start(block_all_signals)
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| {
            Error::new(ErrorKind::NoMemory, format!("the I/O threads cannot be started: {error}"))
        })?;
    let handle = runtime.handle().clone();
    *slot = Some(Slot { runtime, pid: std::process::id() });
    Ok(handle)
}

/// Ends all work and joins the library's threads, waiting at most `timeout` for them; for leak checkers and orderly
/// exits. Objects made before answer [`ErrorKind::Closed`] afterwards; new ones start a new runtime.
pub fn shutdown(timeout: Duration) -> Result<()> {
    if Handle::try_current().is_ok() {
        return Err(Error::new(ErrorKind::Deadlock, "shutdown was called on a thread of libfast"));
    }
    crate::named::forget_all();
    crate::queue::close_all();
    let taken = SLOT.lock().take();
    LIFE.fetch_add(1, Ordering::AcqRel);
    match taken {
        Some(slot) if slot.pid == std::process::id() => slot.runtime.shutdown_timeout(timeout),
        other => std::mem::forget(other),
    }
    Ok(())
}

/// For the threads of the library: the host's signal handlers must not run on threads it does not know, and SIGPIPE must not
/// kill it.
pub fn block_all_signals() {
    // SAFETY: `set` is initialised by sigfillset before it is read; the call changes this thread's mask only.
    unsafe {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigfillset(set.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}
