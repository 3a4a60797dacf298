//! What all clients and servers of a process have in common: one thread for ZooKeeper, and one session per ensemble.
//!
//! The thread is apart from their runtimes, which may end before those of others that use the same session. It ends with
//! the last session.

use crate::layouts::Layouts;
use crate::registry::Shared;
use crate::session::{Ensemble, Session};
use libfast_model::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::{Builder, EnterGuard, Handle};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// The state of one process. A child of a fork has a copy of its parent's, whose lock may be held for ever by a thread that the
/// child does not have. So it makes another, behind it.
#[derive(Default)]
pub struct Process {
    id: u32,
    open: Mutex<Open>,
    child: OnceLock<Box<Process>>,
    /// Set when anything of ZooKeeper is used for the first time.
    used: OnceLock<()>,
}

/// What is in use at present.
#[derive(Default)]
pub struct Open {
    home: Weak<Home>,
    pub sessions: HashMap<Ensemble, Weak<Session>>,
    pub registries: HashMap<(Ensemble, String, Layouts), Weak<Shared>>,
}

/// The thread, for as long as somebody holds this.
pub struct Home {
    handle: Handle,
    /// How many sessions are kept up there, or being ended.
    sessions: watch::Sender<usize>,
    _stop: oneshot::Sender<()>,
}

/// What a session that is kept up there holds until it has ended.
pub struct Lodging(Arc<Home>);

static FIRST: OnceLock<Process> = OnceLock::new();
static ON_THREAD_START: OnceLock<fn()> = OnceLock::new();

/// Sets what the thread does before anything else, such as blocking signals. To be called before ZooKeeper is first used.
pub fn on_thread_start(hook: fn()) {
    let _ = ON_THREAD_START.set(hook);
}

/// To be called at the beginning of each thread.
pub fn begin_thread() {
    if let Some(hook) = ON_THREAD_START.get() {
        hook();
    }
}

/// Ends the sessions that all of this process share, all at once, and waits for the acknowledgements of the servers, at most
/// `timeout` and 2 s for each: what is announced leaves the lists, and what is watched stays as it is, both for good. Sessions
/// that nobody uses any more and that are about to end are waited for as well. What is made later has sessions of its own. Must
/// not be called within a runtime.
pub fn close_shared(timeout: Duration) {
    let Ok(process) = Process::current() else { return };
    let (sessions, home) = {
        let open = process.open();
        (open.sessions.values().filter_map(Weak::upgrade).collect::<Vec<_>>(), open.home.upgrade())
    };
    let Some(home) = home else { return };
    let (done, closed) = std::sync::mpsc::channel();
    let handle = home.handle.clone();
    handle.spawn(async move {
        let mut closing = JoinSet::new();
        for session in sessions {
            closing.spawn(async move { session.close().await });
        }
        while closing.join_next().await.is_some() {}
        let _ = home.sessions.subscribe().wait_for(|sessions| *sessions == 0).await;
        let _ = done.send(());
    });
    // Too late or not at all: the servers end them when they hear nothing more.
    let _ = closed.recv_timeout(timeout);
}

impl Process {
    /// The one of the present process. Fails in a child of a process that used ZooKeeper before it forked.
    pub fn current() -> Result<&'static Self> {
        let id = std::process::id();
        let new = || Self { id, ..Self::default() };
        let mut process = FIRST.get_or_init(new);
        while process.id != id {
            if process.used.get().is_some() {
                return Err(forked());
            }
            process = process.child.get_or_init(|| Box::new(new()));
        }
        Ok(process)
    }

    /// What is in use, without what no longer is.
    pub fn open(&self) -> MutexGuard<'_, Open> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.sessions.retain(|_, session| session.strong_count() > 0);
        open.registries.retain(|_, registry| registry.strong_count() > 0);
        open
    }

    /// The thread, started if need be.
    pub fn home(&self) -> Result<Arc<Home>> {
        let mut open = self.open();
        if let Some(home) = open.home.upgrade() {
            return Ok(home);
        }
        // From here on a fork would leave the child with half of a ZooKeeper client.
        let _ = self.used.set(());
        let home = Arc::new(Home::start().map_err(|error| {
            Error::new(ErrorKind::NoMemory, format!("the thread for ZooKeeper cannot be started: {error}"))
        })?);
        open.home = Arc::downgrade(&home);
        Ok(home)
    }
}

impl Home {
    fn start() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new().name("fast-zookeeper".into()).spawn(move || {
            begin_thread();
            // It ends when the sender is dropped.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Self { handle, sessions: watch::channel(0).0, _stop: stop })
    }

    /// Notes a session that is kept up there, until the returned value is dropped.
    pub fn lodge(self: Arc<Self>) -> Lodging {
        self.sessions.send_modify(|sessions| *sessions += 1);
        Lodging(self)
    }

    /// Makes it the runtime of what is spawned while the guard lives.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }
}

impl Drop for Lodging {
    fn drop(&mut self) {
        self.0.sessions.send_modify(|sessions| *sessions -= 1);
    }
}

fn forked() -> Error {
    let message = "this process was forked from one that used ZooKeeper, whose connections do not survive that; use ZooKeeper \
                   in the children only, or have them read the list that another process keeps (registry_cache=leader)";
    Error::new(ErrorKind::Forked, message)
}
