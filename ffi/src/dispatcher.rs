//! Threads that hand a queue's events to a callback.

use crate::event::{fast_event, fast_events_release};
use libfast_embed::{Event, Queue};
use libfast_model::{Error, ErrorKind, Result};
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
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
}

// SAFETY: the caller of fast_queue_dispatch() promised that both may be used from any thread.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}

impl UserData {
    pub fn new(pointer: *mut c_void, free: fast_free_fn) -> Self {
        Self { pointer, free }
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: promised by the caller of fast_queue_dispatch(); dropped once, after the last callback.
            unsafe { free(self.pointer) };
        }
    }
}

/// The threads of one queue.
pub(crate) struct Dispatcher {
    threads: Vec<JoinHandle<()>>,
    ids: Vec<ThreadId>,
}

/// Events that wait for one thread; beyond that the queue keeps them.
const BACKLOG: usize = 64;
/// Most threads of one queue.
pub(crate) const MOST_THREADS: u32 = 1024;

impl Dispatcher {
    /// `threads` is 1 to [`MOST_THREADS`].
    pub fn start(queue: Arc<Queue>, threads: u32, callback: Callback, user_data: UserData) -> Result<Self> {
        let user_data = Arc::new(user_data);
        let mut started = Self { threads: Vec::new(), ids: Vec::new() };
        let mut lanes = Vec::new();
        for _ in 0..threads {
            let (lane, events) = sync_channel(BACKLOG);
            let user_data = user_data.clone();
            lanes.push(lane);
            started.spawn(move || run(&events, callback, &user_data))?;
        }
        started.spawn(move || distribute(&queue, &lanes))?;
        Ok(started)
    }

    fn spawn(&mut self, body: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = std::thread::Builder::new().name("fast-dispatch".into()).spawn(body);
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

    /// Waits for the threads, which end when their queue is closed.
    pub fn join(self) {
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

/// Gives each event to the lane of its call or request, which keeps these in order.
fn distribute(queue: &Queue, lanes: &[SyncSender<Event>]) {
    while let Ok(events) = queue.poll(BACKLOG, None) {
        for event in events {
            let number = match &event {
                Event::Request { request, .. } => request.id(),
                Event::Cancelled { id, .. } | Event::Writable { id, .. } => *id,
                Event::Data { tag, .. } | Event::Done { tag, .. } => *tag,
                Event::Wake => 0,
            };
            // A lane ends only after this loop.
            let _ = lanes[(number % lanes.len() as u64) as usize].send(event);
        }
    }
}

fn run(events: &Receiver<Event>, callback: Callback, user_data: &UserData) {
    while let Ok(event) = events.recv() {
        let mut event = fast_event::new(event);
        // SAFETY: promised by the caller of fast_queue_dispatch(); the event is live and released after the callback.
        unsafe {
            callback(user_data.pointer, &mut event);
            fast_events_release(&mut event, 1);
        }
    }
}
