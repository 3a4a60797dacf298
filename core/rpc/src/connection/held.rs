//! Requests that one thread makes in a burst, held back so that they leave together.

use super::Shared;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

thread_local! {
    /// The connections that this thread has to flush, while it is in [`write_together`].
    static HELD: RefCell<Option<Vec<Arc<Shared>>>> = const { RefCell::new(None) };
    /// Whether the request that this thread makes now can wait for others.
    static CAN_WAIT: Cell<bool> = const { Cell::new(false) };
}

/// Bytes that are held back at most: beyond, the server may as well begin.
pub(super) const MOST_HELD: usize = 8 * 1024;

/// Runs `work`, such as the handing out of many answers, which begets many calls. Those that it makes on this thread
/// [`for_later`] leave when it is done, or when 8 KiB of them wait, in one write: this thread's, so that no other
/// need be woken.
pub fn write_together<T>(work: impl FnOnce() -> T) -> T {
    let is_outermost = HELD.with_borrow_mut(|held| match held {
        Some(_) => false,
        None => {
            *held = Some(Vec::new());
            true
        }
    });
    let _flush = is_outermost.then(|| Flush);
    work()
}

/// Runs `start`, which makes a call whose answer this thread does not wait for before it is out of [`write_together`].
pub fn for_later<T>(start: impl FnOnce() -> T) -> T {
    CAN_WAIT.set(true);
    let _end = End;
    start()
}

/// Also when the call panics.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        CAN_WAIT.set(false);
    }
}

/// Whether this thread will flush the connection, so that nobody else has to be told.
pub(super) fn hold(connection: &Arc<Shared>) -> bool {
    if !CAN_WAIT.try_with(Cell::get).unwrap_or(false) {
        return false;
    }
    let hold = |held: &RefCell<Option<Vec<Arc<Shared>>>>| {
        let mut held = held.borrow_mut();
        let Some(held) = held.as_mut() else { return false };
        if !held.iter().any(|known| Arc::ptr_eq(known, connection)) {
            held.push(connection.clone());
        }
        true
    };
    HELD.try_with(hold).unwrap_or(false)
}

impl Shared {
    /// Writes what this thread has held back, unless another one did meanwhile.
    fn flush_held(&self) {
        let mut state = self.lock();
        if !state.write_blocked && state.failure.is_none() && !state.wire.transmit().is_empty() {
            self.flush(&mut state);
        }
        drop(state);
        // Also for what was written when it had become enough.
        self.written.wake_all();
    }
}

/// Also when `work` panics.
struct Flush;

impl Drop for Flush {
    fn drop(&mut self) {
        let held = HELD.take().unwrap_or_default();
        held.iter().for_each(|connection| connection.flush_held());
    }
}
