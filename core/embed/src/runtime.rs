//! What runs the I/O of the process: event loops for clients, and a runtime of several threads for servers.

use crate::event_loop::{Ending, EventLoop};
use crate::fork::watch_forks;
use crate::per_process::PerProcess;
use libfast_model::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle, Runtime};

#[derive(Default)]
struct Running {
    /// Catches a child made by clone(2) itself, which runs no fork hooks.
    pid: u32,
    servers: Option<Runtime>,
    /// One per core at most, each made by the client that finds the others taken.
    loops: Vec<(Arc<EventLoop>, Ending)>,
    /// Clients ever.
    clients: usize,
}

static RUNNING: PerProcess<Running> = PerProcess::new();
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

/// The runtime of servers and of what is not a client's, made now if there is none in this process.
pub(crate) fn handle() -> Result<Handle> {
    running(|running| {
        if let Some(runtime) = &running.servers {
            return Ok(runtime.handle().clone());
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(most_threads())
            .thread_name("fast-io")
            .on_thread_start(block_all_signals)
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::NoMemory, format!("the I/O threads cannot be started: {error}"))
            })?;
        Ok(running.servers.insert(runtime).handle().clone())
    })
}

/// The event loop of a new client. Clients share the loops in turn.
pub(crate) fn event_loop() -> Result<Arc<EventLoop>> {
    running(|running| {
        let index = running.clients % most_threads();
        if index == running.loops.len() {
            running.loops.push(EventLoop::start()?);
        }
        running.clients += 1;
        Ok(running.loops[index].0.clone())
    })
}

fn running<T>(use_it: impl FnOnce(&mut Running) -> T) -> T {
    watch_forks();
    libfast_rpc::on_registry_thread_start(block_all_signals);
    let mut running = RUNNING.lock();
    if running.pid != std::process::id() {
        // What a parent runs has no threads here; dropping it would wait for them for ever.
        std::mem::forget(std::mem::take(&mut *running));
        running.pid = std::process::id();
    }
    use_it(&mut running)
}

fn most_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS)
}

/// Ends all work and joins the library's threads, waiting at most `timeout` for them; for leak checkers and orderly
/// exits. Objects made before answer [`ErrorKind::Closed`] afterwards; new ones start anew.
pub fn shutdown(timeout: Duration) -> Result<()> {
    if Handle::try_current().is_ok() {
        return Err(Error::new(ErrorKind::Deadlock, "shutdown was called on a thread of libfast"));
    }
    let started = Instant::now();
    crate::named::forget_all();
    crate::queue::close_all();
    let ended = running(std::mem::take);
    LIFE.fetch_add(1, Ordering::AcqRel);
    let left = || timeout.saturating_sub(started.elapsed());
    libfast_rpc::close_registries(left());
    for (event_loop, ending) in ended.loops {
        ending.end(event_loop, left());
    }
    if let Some(servers) = ended.servers {
        servers.shutdown_timeout(left());
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
