//! Threads that hand a queue's events to a callback.

use crate::event::{fast_event, fast_events_release};
use libfast_embed::{Event, Queue, block_all_signals, fork_generation};
use libfast_model::{Error, ErrorKind, Result};
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, ThreadId};

/// Called for every event, on a dispatcher thread.
pub type fast_event_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, event: *mut fast_event)>;
/// Called once with the user data, after its last use, from any thread.
pub type fast_free_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

type Callback = unsafe extern "C" fn(*mut c_void, *mut fast_event);

/// What a callback gets, and how it is freed.
pub(crate) struct UserData {
    pointer: *mut c_void,
    free: fast_free_fn,
    /// Set once it is the library's to free.
    taken: AtomicBool,
}

// SAFETY: the caller of fast_queue_dispatch() promised that both may be used from any thread.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    pub fn new(pointer: *mut c_void, free: fast_free_fn) -> Self {
        Self { pointer, free, taken: AtomicBool::new(false) }
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let (true, Some(free)) = (self.taken.load(Ordering::Acquire), self.free) {
            // SAFETY: promised by the caller of fast_queue_dispatch(); dropped once, after the last callback.
            unsafe { free(self.pointer) };
        }
    }
}

/// The threads of one queue.
pub(crate) struct Dispatcher {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    ids: Vec<ThreadId>,
    fork: u64,
}

struct Shared {
    callback: Callback,
    user_data: UserData,
    events: Mutex<Events>,
    /// There is something to run, or nothing ever again.
    work: Condvar,
    /// There is room for more to run.
    room: Condvar,
}

/// Any free thread takes the next event that may run, so one slow callback holds up nothing but the events behind its own.
#[derive(Default)]
struct Events {
    runnable: VecDeque<(Option<Line>, Event)>,
    /// Lines with an event that is runnable or running, and what comes after that. A call's window bounds it.
    behind: HashMap<Line, VecDeque<Event>>,
    closed: bool,
}

/// Events that stay in order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Line {
    /// Those with this tag.
    Call(u64),
    /// Those with this id.
    Request(u64),
}

/// Runnable events that wait for a thread; beyond that the queue keeps them.
const BACKLOG: usize = 64;
/// Most threads of one queue.
pub(crate) const MOST_THREADS: u32 = 1024;

thread_local! {
    static IS_DISPATCHER: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is a dispatcher's thread, of any queue.
pub(crate) fn is_dispatcher() -> bool {
    IS_DISPATCHER.get()
}

impl Dispatcher {
    /// `threads` is 1 to [`MOST_THREADS`].
    pub fn start(queue: Arc<Queue>, threads: u32, callback: Callback, user_data: UserData) -> Result<Self> {
        let (events, work, room) = (Mutex::default(), Condvar::new(), Condvar::new());
        let shared = Arc::new(Shared { callback, user_data, events, work, room });
        let mut started = Self { shared, threads: Vec::new(), ids: Vec::new(), fork: fork_generation() };
        let spawn_all = || {
            for _ in 0..threads {
                started.spawn(Shared::run)?;
            }
            started.spawn(move |shared| shared.distribute(&queue))
        };
        if let Err(error) = spawn_all() {
            started.join();
            return Err(error);
        }
        started.shared.user_data.taken.store(true, Ordering::Release);
        Ok(started)
    }

    fn spawn(&mut self, body: impl FnOnce(&Shared) + Send + 'static) -> Result<()> {
        let shared = self.shared.clone();
        let thread = std::thread::Builder::new().name("fast-dispatch".into()).spawn(move || {
            block_all_signals();
            IS_DISPATCHER.set(true);
            body(&shared);
        });
        let thread =
            thread.map_err(|error| Error::new(ErrorKind::NoMemory, format!("no thread: {error}")))?;
        self.ids.push(thread.thread().id());
        self.threads.push(thread);
        Ok(())
    }

    /// Whether this is one of its threads.
    pub fn is_current(&self) -> bool {
        self.ids.contains(&std::thread::current().id())
    }

    /// Waits for callbacks that run; no other starts. The queue must be closed.
    pub fn join(self) {
        if self.fork != fork_generation() {
            // A forked child has none of these threads, and waiting for them would never end.
            std::mem::forget(self);
            return;
        }
        self.shared.close();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// Moves events from the queue to the threads, until it is closed.
    fn distribute(&self, queue: &Queue) {
        while let Ok(taken) = queue.poll(BACKLOG, None) {
            let mut events = self.lock();
            for event in taken {
                if events.add(event) {
                    self.work.notify_one();
                }
            }
            while events.runnable.len() >= BACKLOG && !events.closed {
                events = self.room.wait(events).unwrap_or_else(PoisonError::into_inner);
            }
        }
        self.close();
    }

    fn run(&self) {
        let mut events = self.lock();
        while !events.closed {
            let Some((line, event)) = events.runnable.pop_front() else {
                events = self.work.wait(events).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            self.room.notify_one();
            drop(events);
            let mut event = fast_event::new(event);
            // SAFETY: promised by the caller of fast_queue_dispatch(); the event is live and released after the callback.
            unsafe {
                (self.callback)(self.user_data.pointer, &mut event);
                fast_events_release(&mut event, 1);
            }
            events = self.lock();
            events.over(line);
        }
    }

    /// Lets no more events run. Requests among them are answered as dropped.
    fn close(&self) {
        let mut events = self.lock();
        let dropped = std::mem::replace(&mut *events, Events { closed: true, ..Events::default() });
        drop(events);
        self.work.notify_all();
        self.room.notify_all();
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events {
    /// True if the event may run now.
    fn add(&mut self, event: Event) -> bool {
        let line = match &event {
            Event::Request { request, .. } => Some(Line::Request(request.id())),
            Event::Cancelled { id, .. } | Event::Writable { id, .. } => Some(Line::Request(*id)),
            Event::Data { tag, .. } | Event::Done { tag, .. } | Event::Announcement { tag, .. } => {
                Some(Line::Call(*tag))
            }
            Event::Wake => None,
        };
        if let Some(line) = line {
            if let Some(behind) = self.behind.get_mut(&line) {
                behind.push_back(event);
                return false;
            }
            self.behind.insert(line, VecDeque::new());
        }
        self.runnable.push_back((line, event));
        true
    }

    /// An event of this line has run: the next one may.
    fn over(&mut self, line: Option<Line>) {
        let Some(line) = line else { return };
        match self.behind.get_mut(&line).and_then(VecDeque::pop_front) {
            Some(next) => self.runnable.push_back((Some(line), next)),
            None => drop(self.behind.remove(&line)),
        }
    }
}
