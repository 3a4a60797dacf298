//! Requests that one thread makes in a row, and that leave together.

use crate::connection;
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    /// The connections that the burst of this thread has to write, if there is one.
    static BURST: RefCell<Option<Vec<Arc<connection::Shared>>>> = const { RefCell::new(None) };
}

/// Runs `work`. The requests of the calls that it makes are written when it returns, by this thread and in one go for each
/// connection, or before if they are many. For programs that know that several calls come at once: otherwise the first
/// leaves alone, and the others wait for the task that drives the connection. Within another burst it is part of that one.
pub fn burst<T>(work: impl FnOnce() -> T) -> T {
    let is_outermost = BURST.with_borrow_mut(|burst| match burst {
        Some(_) => false,
        None => burst.replace(Vec::new()).is_none(),
    });
    let _end = is_outermost.then_some(End);
    work()
}

/// Whether this thread makes a burst.
pub(crate) fn is_on() -> bool {
    BURST.with_borrow(Option::is_some)
}

/// Notes that a request waits on a connection. False: no burst is going on, nobody will write it.
pub(crate) fn add(connection: &Arc<connection::Shared>) -> bool {
    BURST.with_borrow_mut(|burst| burst.as_mut().map(|burst| burst.push(connection.clone())).is_some())
}

/// Writes what waits, also if the work panicked.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        let connections = BURST.take();
        for connection in connections.into_iter().flatten() {
            // If it has failed, its calls know.
            let _ = connection.write_gathered();
        }
    }
}
