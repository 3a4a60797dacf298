//! What one thread sends in a row, and what leaves together.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

/// Bytes of requests or of last answers that are written although more are coming: the other side can begin with these
/// meanwhile.
pub(crate) const ENOUGH: usize = 8 * 1024;

/// A connection that may have something to write.
pub(crate) trait Gathering {
    /// Writes what has gathered.
    fn write_gathered(&self);
}

thread_local! {
    /// The connections that the burst of this thread has to write, if there is one.
    static BURST: RefCell<Option<Vec<Arc<dyn Gathering>>>> = const { RefCell::new(None) };
}

/// Runs `work`. The requests of calls that it makes, and the answers that it completes, are written when it returns, by this
/// thread and in one go for each connection, or before if they are many. For programs that know that several come at once:
/// otherwise they wait for the task that drives the connection. Within another burst it is part of that one. Before `work`
/// waits for anything that may depend on what it has sent, it must call [`write_burst`].
pub fn burst<T>(work: impl FnOnce() -> T) -> T {
    let is_outermost = BURST.with_borrow_mut(|burst| match burst {
        Some(_) => false,
        None => burst.replace(Vec::new()).is_none(),
    });
    // Made only there, as one that is dropped ends the burst.
    let _end = is_outermost.then(|| End);
    work()
}

/// Writes what the burst of this thread, if it makes one, holds back so far.
pub fn write_burst() {
    let connections = BURST.with_borrow_mut(|burst| burst.as_mut().map(std::mem::take));
    connections.into_iter().flatten().for_each(|connection| connection.write_gathered());
}

/// Lets every task of the runtime that is ready now have its turn first. A task that wakes itself goes to the end of the
/// queue; tokio's `yield_now` comes back after the next look at the sockets, which can be long before that.
pub(crate) async fn after_all_ready() {
    let mut is_behind = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut is_behind, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Whether this thread makes a burst.
pub(crate) fn is_on() -> bool {
    // Gone on a thread that ends.
    BURST.try_with(|burst| burst.borrow().is_some()).unwrap_or(false)
}

/// Notes that something gathers on a connection. False: no burst is going on, nobody will write it.
pub(crate) fn add(connection: &Arc<impl Gathering + 'static>) -> bool {
    let add = |burst: &RefCell<Option<Vec<Arc<dyn Gathering>>>>| {
        let mut burst = burst.borrow_mut();
        let Some(burst) = burst.as_mut() else { return false };
        if !burst.iter().any(|known| std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(connection))) {
            burst.push(connection.clone());
        }
        true
    };
    BURST.try_with(add).unwrap_or(false)
}

/// Writes what has gathered, also if the work panicked.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        let connections = BURST.take();
        connections.into_iter().flatten().for_each(|connection| connection.write_gathered());
    }
}
