//! A request as foreign programs hold it.

use crate::event::Event;
use crate::owned::Owned;
use crate::park;
use crate::queue::{Queue, Ready};
use libfast_model::{ErrorKind, RemoteError, Result};
use libfast_rpc::Request;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

/// One request to be answered, from any thread, at any time. Dropping it without an end answers `HandlerDropped`.
pub struct ServerRequest {
    id: u64,
    tag: u64,
    queue: Weak<Queue>,
    request: Owned<Request>,
    /// Puts the `Writable` event into the queue; one, so that it is registered once however often it is.
    writable: OnceLock<Waker>,
}

impl ServerRequest {
    pub(crate) fn new(request: Request, queue: Weak<Queue>, tag: u64) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { id, tag, queue, request: Owned::new(request), writable: OnceLock::new() }
    }

    /// A number that no other request of this process has, as in `Cancelled` and `Writable` events.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The name of the method.
    pub fn method(&self) -> &str {
        self.request.get().map_or("", Request::method)
    }

    /// The arguments as the JSON text of an array.
    pub fn args(&self) -> &[u8] {
        self.request.get().map_or(b"[]", |request| request.args_text())
    }

    /// The caller's address.
    pub fn peer(&self) -> &str {
        self.request.get().map_or("", Request::peer)
    }

    /// How long the caller goes on waiting, if it says so; zero once it has stopped.
    pub fn remaining(&self) -> Option<Duration> {
        self.request.get().ok()?.remaining()
    }

    /// Answers it if its caller has stopped waiting. True: the program need not see it.
    pub(crate) fn end_if_expired(&self) -> bool {
        self.request.get().is_ok_and(Request::end_if_expired)
    }

    /// True once nobody waits for the answer any more.
    pub fn is_cancelled(&self) -> bool {
        self.request.get().map_or(true, Request::is_cancelled)
    }

    /// True once the caller has ended its side of the connection: it may be gone, or read on and wait.
    pub fn is_half_closed(&self) -> bool {
        self.request.get().map_or(true, Request::is_half_closed)
    }

    /// Sends one value. `false`: it is queued, but the caller is slow; a `Writable` event tells when to go on. `Overload`:
    /// it is not queued, because too much waits for the caller already; a `Writable` event tells when to try again.
    pub fn send(&self, value: &[u8]) -> Result<bool> {
        let request = self.request.get()?;
        if self.tell_if_refused(request, request.try_send_text(value))? {
            return Ok(true);
        }
        Ok(request.poll_writable(&Context::from_waker(self.writable())).is_ready())
    }

    /// Waits until more values can be sent or the caller is gone, at most `timeout`. True: go on.
    pub fn wait_writable(&self, timeout: Duration) -> Result<bool> {
        let request = self.request.get()?;
        let deadline = Instant::now().checked_add(timeout);
        Ok(park::wait(deadline, |cx| request.poll_writable(cx)).is_some())
    }

    /// Ends the answer, with a last value if there is one. `Overload`: too much waits for the caller already, nothing has
    /// changed; a `Writable` event tells when to try again.
    pub fn end(&self, value: Option<&[u8]>) -> Result<()> {
        let request = self.request.get()?;
        match value {
            Some(value) => self.tell_if_refused(request, request.end_text(value)),
            None => request.end(),
        }
    }

    /// Ends the answer with an error.
    pub fn fail(&self, error: &RemoteError) -> Result<()> {
        self.request.get()?.fail(error)
    }

    /// Sees to it that a `Writable` event comes after `Overload`.
    fn tell_if_refused<T>(&self, request: &Request, sent: Result<T>) -> Result<T> {
        if sent.as_ref().is_err_and(|error| error.kind() == ErrorKind::Overload)
            && request.poll_writable(&Context::from_waker(self.writable())).is_ready()
        {
            // The caller has caught up meanwhile.
            self.writable().wake_by_ref();
        }
        sent
    }

    fn writable(&self) -> &Waker {
        let (tag, id) = (self.tag, self.id);
        let tell = || Tell { queue: self.queue.clone(), event: move || Some(Event::Writable { tag, id }) };
        self.writable.get_or_init(|| Waker::from(Arc::new(tell())))
    }
}

impl std::fmt::Debug for ServerRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerRequest({}, {:?})", self.id, self.method())
    }
}

/// Puts a `Cancelled` event into `queue` when nobody waits for the answer of `request` any more.
pub(crate) fn tell_when_cancelled(request: &Request, queue: Weak<Queue>, tag: u64, id: u64) {
    // Cancelled in the middle of this, it may be woken from both sides.
    let told = AtomicBool::new(false);
    let event = move || (!told.swap(true, Ordering::AcqRel)).then_some(Event::Cancelled { tag, id });
    let waker = Waker::from(Arc::new(Tell { queue, event }));
    if request.poll_cancelled(&Context::from_waker(&waker)).is_ready() {
        waker.wake();
    }
}

/// Puts an event into the queue when woken.
struct Tell<F> {
    queue: Weak<Queue>,
    event: F,
}

impl<F: Fn() -> Option<Event> + Send + Sync + 'static> Wake for Tell<F> {
    fn wake(self: Arc<Self>) {
        if let (Some(queue), Some(event)) = (self.queue.upgrade(), (self.event)()) {
            queue.push(Ready::Event(event));
        }
    }
}
