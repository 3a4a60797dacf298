//! Who drives an event loop: the library's thread, or a caller that waits for its answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Counts what goes on in one event loop, and from that, whether the library's thread is better away.
///
/// The thread stays away only while one thread at a time waits, for a call of its own or for a queue. All fields are read
/// and written in one order (SeqCst): whoever needs the thread first says why, then looks whether it is there; the thread
/// first says that it goes, then looks whether somebody needs it.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Blocking calls under way.
    calls: AtomicUsize,
    /// Calls, and waits for a queue, in a row that were alone.
    alone: AtomicUsize,
    /// Threads that wait at this moment, each ready to drive.
    waiting: AtomicUsize,
    /// Waits ever, to see whether there were any.
    waits: AtomicUsize,
    /// Users whose work goes on while none of their threads waits.
    residents: AtomicUsize,
    /// The library's thread drives, or will as soon as the caller that does is done.
    present: AtomicBool,
    leave: Notify,
    rest: Mutex<Rest>,
    summoned: Condvar,
}

#[derive(Debug, Default)]
struct Rest {
    summoned: bool,
    closed: bool,
}

/// Calls in a row after which the next is expected to be alone, too. Changing over costs two wakes of a thread.
const ALONE: usize = 8;
/// The library's thread comes back when nobody waited for this long: a connection that nobody reads is to be noticed when it
/// breaks, and what arrives late is to be thrown away.
const IDLE: Duration = Duration::from_millis(5);

impl Turns {
    /// Notes a blocking call until the guard is dropped.
    pub fn call(self: &Arc<Self>) -> Noted {
        match self.calls.fetch_add(1, SeqCst) {
            0 => {
                self.alone.fetch_add(1, SeqCst);
            }
            _ => {
                self.alone.store(0, SeqCst);
                self.summon();
            }
        }
        Noted { turns: self.clone(), count: |turns| &turns.calls }
    }

    /// Notes work that goes on by itself, until the guard is dropped.
    pub fn resident(self: &Arc<Self>) -> Noted {
        self.residents.fetch_add(1, SeqCst);
        self.summon();
        Noted { turns: self.clone(), count: |turns| &turns.residents }
    }

    /// Notes a thread that is about to wait, and drives if nobody else does, until the guard is dropped.
    pub fn wait(self: &Arc<Self>) -> Noted {
        self.waits.fetch_add(1, SeqCst);
        match self.waiting.fetch_add(1, SeqCst) {
            // Not for a call, but for all that completes in a queue.
            0 if self.calls.load(SeqCst) == 0 => {
                self.alone.fetch_add(1, SeqCst);
            }
            0 => {}
            _ => {
                self.alone.store(0, SeqCst);
                self.summon();
            }
        }
        if self.present.load(SeqCst) && self.is_dispensable() {
            self.leave.notify_one();
        }
        Noted { turns: self.clone(), count: |turns| &turns.waiting }
    }

    /// For the library's thread, driving: ends when it had better leave.
    pub async fn until_dispensable(&self) {
        loop {
            self.leave.notified().await;
            if self.is_dispensable() || self.is_closed() {
                return;
            }
        }
    }

    /// For the library's thread: stays away while callers drive. False: the loop was closed.
    pub fn rest(&self) -> bool {
        self.present.store(false, SeqCst);
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waits = self.waits.load(SeqCst);
        while self.is_dispensable() && !rest.summoned && !rest.closed {
            let (locked, waited) =
                self.summoned.wait_timeout(rest, IDLE).unwrap_or_else(PoisonError::into_inner);
            rest = locked;
            let before = std::mem::replace(&mut waits, self.waits.load(SeqCst));
            if waited.timed_out() && before == waits && self.waiting.load(SeqCst) == 0 {
                break;
            }
        }
        rest.summoned = false;
        self.present.store(true, SeqCst);
        !rest.closed
    }

    /// Makes the library's thread end.
    pub fn close(&self) {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.summoned.notify_one();
        self.leave.notify_one();
    }

    fn summon(&self) {
        if !self.present.load(SeqCst) {
            self.rest.lock().unwrap_or_else(PoisonError::into_inner).summoned = true;
            self.summoned.notify_one();
        }
    }

    fn is_dispensable(&self) -> bool {
        self.residents.load(SeqCst) == 0 && self.calls.load(SeqCst) <= 1 && self.alone.load(SeqCst) >= ALONE
    }

    fn is_closed(&self) -> bool {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).closed
    }
}

/// Takes back what was noted when it is dropped.
#[derive(Debug)]
pub(crate) struct Noted {
    turns: Arc<Turns>,
    count: fn(&Turns) -> &AtomicUsize,
}

impl Drop for Noted {
    fn drop(&mut self) {
        (self.count)(&self.turns).fetch_sub(1, SeqCst);
    }
}
