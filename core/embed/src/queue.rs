//! The completion queue.

use crate::call::{QueuedCall, Taken};
use crate::event::Event;
use crate::event_loop::EventLoop;
use crate::feeders::Feeders;
use crate::owned::Owned;
use crate::per_process::PerProcess;
use libfast_model::{Error, ErrorKind, Result};
use rustix::event::{EventfdFlags, eventfd};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Called when events begin to wait; from any thread, so it may only pass the wake on.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// Where completions and requests wait until the program takes them. One per event loop or polling thread.
///
/// Either poll it with a timeout, or watch [`fd`](Self::fd) and poll without one when it is readable.
pub struct Queue(Owned<Inner>);

/// The queues of the process, for its shutdown.
static LIVE: PerProcess<Vec<Weak<Queue>>> = PerProcess::new();

pub(crate) struct Inner {
    /// Never that of another queue.
    id: u64,
    state: Mutex<State>,
    arrived: Condvar,
    wake: Option<Wake>,
    fd: OnceLock<OwnedFd>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Ready>,
    /// The outside has been told that something waits, and polls until nothing does.
    told: bool,
    /// Threads that wait in a poll. Telling nobody would cost a system call.
    polling: usize,
    /// Threads that wait in a poll and drive an event loop meanwhile.
    driving: Vec<Waker>,
    /// Where the calls are made that complete here.
    feeders: Feeders,
    /// Calls that have ended and that nobody holds, to become others.
    spent: Vec<Arc<QueuedCall>>,
    closed: bool,
}

/// Calls kept to become others: with as many under way as one poll of most programs takes, none is allocated.
const MOST_SPENT: usize = 256;

/// Something that may yield events.
pub(crate) enum Ready {
    Event(Event),
    Call(Arc<QueuedCall>),
}

impl Ready {
    /// Lets go of it because nobody will poll for it.
    pub fn refuse(self) {
        match self {
            Self::Event(event) => drop(event),
            Self::Call(call) => call.let_go(),
        }
    }
}

impl Queue {
    /// A queue that is polled or watched by its descriptor.
    pub fn new() -> Arc<Self> {
        Self::make(None)
    }

    /// A queue that calls `wake` when events begin to wait. The program then polls until it gets none.
    pub fn with_wake(wake: Wake) -> Arc<Self> {
        Self::make(Some(wake))
    }

    fn make(wake: Option<Wake>) -> Arc<Self> {
        // The descriptor and the locks of a parent are of no use in a forked child.
        crate::fork::watch_forks();
        static IDS: AtomicU64 = AtomicU64::new(1);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let state = State { feeders: Feeders::new(wake.is_some()), ..State::default() };
        let (state, arrived, fd) = (Mutex::new(state), Condvar::new(), OnceLock::new());
        let queue = Arc::new(Self(Owned::new(Inner { id, state, arrived, wake, fd })));
        let mut live = LIVE.lock();
        live.retain(|queue| queue.strong_count() > 0);
        live.push(Arc::downgrade(&queue));
        queue
    }

    /// A descriptor that is readable while events wait. Watch it, do not read it; it lives as long as the queue.
    pub fn fd(&self) -> Result<RawFd> {
        let inner = self.0.get()?;
        if let Some(fd) = inner.fd.get() {
            return Ok(fd.as_raw_fd());
        }
        let new = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(|error| {
            Error::new(ErrorKind::NoMemory, format!("no descriptor for a queue: {error}"))
        })?;
        // Under the lock, so that no event can come between making the descriptor and signalling it.
        let mut state = inner.lock();
        let fd = inner.fd.get_or_init(|| new);
        state.feeders.watch();
        // Also if nothing waits any more but no poll has found that out: the next push would not signal it.
        if state.told {
            let _ = rustix::io::write(fd, &1u64.to_ne_bytes());
        }
        Ok(fd.as_raw_fd())
    }

    /// Notes that calls of clients in that event loop complete here.
    pub(crate) fn fed_by(&self, event_loop: &Arc<EventLoop>) {
        if let Ok(inner) = self.0.get() {
            inner.lock().feeders.add(event_loop);
        }
    }

    /// A number that no other queue of the process has or had.
    pub(crate) fn id(&self) -> u64 {
        self.0.get_in_any_life().map_or(0, |inner| inner.id)
    }

    /// Takes at most `max` events, waiting at most `timeout` for the first (`None`: for ever). A thread that waits drives
    /// the event loop of the calls meanwhile, unless there are several or the queue is watched.
    pub fn poll(&self, max: usize, timeout: Option<Duration>) -> Result<Vec<Event>> {
        let inner = self.0.get()?;
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut events = Vec::new();
        let mut has_looked = false;
        loop {
            self.0.get()?;
            inner.take_ready(max, &mut events);
            if !events.is_empty() || max == 0 {
                return Ok(events);
            }
            let state = inner.lock();
            if state.closed {
                return Err(Error::new(ErrorKind::Closed, "the queue was closed"));
            }
            if !state.ready.is_empty() {
                continue;
            }
            let left = match (timeout, deadline) {
                (None, _) => None,
                // A timeout beyond what the clock can hold.
                (Some(timeout), None) => Some(timeout),
                (_, Some(deadline)) => Some(deadline.saturating_duration_since(Instant::now())),
            };
            let is_over = left.is_some_and(|left| left.is_zero());
            match state.feeders.only() {
                // Once when the time is over, too: a program that never waits gets on all the same.
                Some(event_loop) if !is_over || !has_looked => {
                    drop(state);
                    has_looked = true;
                    event_loop.wait(deadline, |cx| inner.poll_arrival(cx));
                }
                _ if is_over => return Ok(events),
                _ => inner.wait(state, left),
            }
        }
    }

    /// Makes a waiting or the next poll return [`Event::Wake`].
    pub fn wake(&self) {
        self.push(Ready::Event(Event::Wake));
    }

    /// Makes waiting and later polls fail with `Closed`. What waits is dropped: requests are answered as dropped.
    pub fn close(&self) {
        // Also after a shutdown: a thread may be waiting in a poll since before.
        let Ok(inner) = self.0.get_in_any_life() else { return };
        let mut state = inner.lock();
        state.closed = true;
        let refused = std::mem::take(&mut state.ready);
        let driving = std::mem::take(&mut state.driving);
        let spent = std::mem::take(&mut state.spent);
        drop((state, spent));
        inner.arrived.notify_all();
        driving.into_iter().for_each(Waker::wake);
        refused.into_iter().for_each(Ready::refuse);
    }

    /// A call that nobody else has any more, if there is one, and whether the queue is closed.
    pub(crate) fn spent_call(&self) -> (Option<Arc<QueuedCall>>, bool) {
        let Ok(inner) = self.0.get_in_any_life() else { return (None, false) };
        let mut state = inner.lock();
        (state.spent.pop(), state.closed)
    }

    pub(crate) fn push(&self, ready: Ready) {
        if let Ok(inner) = self.0.get_in_any_life() {
            inner.push(ready);
        }
    }
}

/// Closes all queues: who waits in one is told.
pub(crate) fn close_all() {
    // Closed outside the lock: what waits in a queue is dropped there, which may reach anything.
    let queues = std::mem::take(&mut *LIVE.lock());
    queues.iter().filter_map(Weak::upgrade).for_each(|queue| queue.close());
}

impl Inner {
    fn push(&self, ready: Ready) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            ready.refuse();
            return;
        }
        state.ready.push_back(ready);
        let tell = !std::mem::replace(&mut state.told, true);
        if let (true, Some(fd)) = (tell, self.fd.get()) {
            // The counter cannot overflow: it is 0 whenever nobody has been told.
            let _ = rustix::io::write(fd, &1u64.to_ne_bytes());
        }
        let polled = state.polling > 0;
        let driving = std::mem::take(&mut state.driving);
        drop(state);
        if polled {
            self.arrived.notify_one();
        }
        driving.into_iter().for_each(Waker::wake);
        if let (true, Some(wake)) = (tell, &self.wake) {
            wake();
        }
    }

    /// Ready when a poll has something to look at.
    fn poll_arrival(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.closed || !state.ready.is_empty() {
            return Poll::Ready(());
        }
        if !state.driving.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.driving.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Waits until something arrives, at most `left` (`None`: for ever), or for no reason.
    fn wait(&self, mut state: MutexGuard<'_, State>, left: Option<Duration>) {
        state.polling += 1;
        let mut state = match left {
            None => self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(left) => self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
        };
        state.polling -= 1;
    }

    fn take_ready(&self, max: usize, events: &mut Vec<Event>) {
        let (mut taken, mut spent) = (VecDeque::new(), Vec::new());
        while events.len() < max {
            let mut state = self.lock();
            state.keep(&mut spent, &mut taken);
            if state.ready.is_empty() {
                // Level semantics: the descriptor stops being readable when, under the lock, nothing waits.
                let told = std::mem::take(&mut state.told);
                if let (true, Some(fd)) = (told, self.fd.get()) {
                    let _ = rustix::io::read(fd, &mut [0u8; 8]);
                }
                return;
            }
            // Many at once: the threads of the library want the lock, too.
            let room = max - events.len();
            match state.ready.len() <= room {
                true => std::mem::swap(&mut state.ready, &mut taken),
                false => taken.extend(state.ready.drain(..room)),
            }
            drop(state);
            events.reserve(taken.len());
            self.take_events(&mut taken, max, events, &mut spent);
        }
        self.lock().keep(&mut spent, &mut taken);
    }

    /// Moves events of `taken` into `events`, up to `max`, and puts back what has to wait.
    fn take_events(
        &self,
        taken: &mut VecDeque<Ready>,
        max: usize,
        events: &mut Vec<Event>,
        spent: &mut Vec<Arc<QueuedCall>>,
    ) {
        while events.len() < max {
            match taken.pop_front() {
                None => return,
                // Only now: it may have waited long for the program.
                Some(Ready::Event(Event::Request { request, .. })) if request.end_if_expired() => {}
                Some(Ready::Event(event)) => events.push(event),
                // Without the queue's lock: taking values takes the connection's.
                Some(Ready::Call(call)) => match call.take(max - events.len(), events) {
                    Taken::Some => self.push(Ready::Call(call)),
                    Taken::End if call.is_alone() => spent.push(call),
                    Taken::All | Taken::End => {}
                },
            }
        }
        if !taken.is_empty() {
            self.put_back(taken);
        }
    }

    fn put_back(&self, rest: &mut VecDeque<Ready>) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            rest.drain(..).for_each(Ready::refuse);
        } else {
            rest.drain(..).rev().for_each(|ready| state.ready.push_front(ready));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Keeps what a poll leaves, so that the next need not allocate it.
    fn keep(&mut self, spent: &mut Vec<Arc<QueuedCall>>, emptied: &mut VecDeque<Ready>) {
        if self.ready.is_empty() && self.ready.capacity() < emptied.capacity() {
            std::mem::swap(&mut self.ready, emptied);
        }
        let room = if self.closed { 0 } else { MOST_SPENT.saturating_sub(self.spent.len()) };
        self.spent.extend(spent.drain(..).take(room));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.ready).into_iter().for_each(Ready::refuse);
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue")
    }
}
