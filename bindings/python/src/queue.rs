//! The queue that an event loop watches.

use crate::error::{OrRaise, instance};
use crate::reply::{Done, Reply};
use crate::server::Request;
use libfast_embed::{Event, burst};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3::{IntoPyObjectExt, PyTraverseError};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Completions on their way to one loop, and who waits for them.
#[pyclass(frozen, weakref)]
pub(crate) struct Queue {
    queue: Arc<libfast_embed::Queue>,
    waiting: Mutex<HashMap<u64, Waiting>>,
    next_tag: AtomicU64,
    /// What was taken out of the queue when the program stopped the loop.
    backlog: Mutex<VecDeque<Event>>,
}

/// Who is told of the events of a call.
pub(crate) enum Waiting {
    Reply(Py<Reply>),
    /// A function of what it is, the text of a value and an error.
    Sink(Py<PyAny>),
}

/// An event: what it is, its tag, and what it carries.
type Entry = (u8, u64, Py<PyAny>);

impl Queue {
    pub fn shared(&self) -> &Arc<libfast_embed::Queue> {
        &self.queue
    }

    pub fn share(&self) -> Arc<libfast_embed::Queue> {
        self.queue.clone()
    }

    /// A tag that no other call of this queue has or had.
    pub fn next_tag(&self) -> u64 {
        self.next_tag.fetch_add(1, Ordering::Relaxed)
    }

    /// Who waits for the events of a call; known before the queue is next drained.
    pub fn wait(&self, tag: u64, waiting: Waiting) {
        lock(&self.waiting).insert(tag, waiting);
    }

    fn hand_out_all(&self, py: Python<'_>, mut events: VecDeque<Event>) -> PyResult<bool> {
        let mut woken = false;
        while let Some(event) = events.pop_front() {
            if let Err(stop) = self.hand_out(py, event, &mut woken) {
                // Tasks raise only what ends the loop. It may be run again, and find what is left.
                events.extend(woken.then_some(Event::Wake));
                lock(&self.backlog).extend(events);
                self.queue.wake();
                return Err(stop);
            }
        }
        Ok(woken)
    }

    fn hand_out(&self, py: Python<'_>, event: Event, woken: &mut bool) -> PyResult<()> {
        match event {
            Event::Data { tag, value } => {
                let sink = match lock(&self.waiting).get(&tag) {
                    Some(Waiting::Sink(sink)) => sink.clone_ref(py),
                    _ => return Ok(()),
                };
                sink.bind(py).call1((Self::DATA, PyBytes::new(py, &value), py.None()))?;
            }
            Event::Done { tag, values, error } => {
                let waiting = lock(&self.waiting).remove(&tag);
                match waiting {
                    Some(Waiting::Reply(reply)) => {
                        Reply::finish(reply.bind(py), Done { values, error })?;
                    }
                    Some(Waiting::Sink(sink)) => {
                        let error = error.map(|error| instance(py, &error)).transpose()?;
                        sink.bind(py).call1((Self::DONE, py.None(), error))?;
                    }
                    None => {}
                }
            }
            Event::Wake => *woken = true,
            Event::Request { .. }
            | Event::Cancelled { .. }
            | Event::Writable { .. }
            | Event::Announcement { .. } => {}
        }
        Ok(())
    }
}

#[pymethods]
impl Queue {
    #[classattr]
    const DATA: u8 = 0;
    #[classattr]
    const DONE: u8 = 1;
    #[classattr]
    const REQUEST: u8 = 2;
    #[classattr]
    const CANCELLED: u8 = 3;
    #[classattr]
    const WRITABLE: u8 = 4;
    #[classattr]
    const ANNOUNCEMENT: u8 = 5;

    #[new]
    fn new() -> Self {
        Self {
            queue: libfast_embed::Queue::new(),
            waiting: Mutex::default(),
            next_tag: AtomicU64::new(1),
            backlog: Mutex::default(),
        }
    }

    /// Readable while events wait; watch it, do not read it.
    #[getter]
    fn fd(&self, py: Python<'_>) -> PyResult<i32> {
        self.queue.fd().or_raise(py)
    }

    /// Hands at most `max` events of calls that are there to who waits for them, without waiting. True: jobs may be done.
    fn drain(&self, py: Python<'_>, max: usize) -> PyResult<bool> {
        let mut events = std::mem::take(&mut *lock(&self.backlog));
        events.extend(self.queue.poll(max, Some(Duration::ZERO)).or_raise(py)?);
        // Tasks that get an answer often make the next call.
        burst(|| self.hand_out_all(py, events))
    }

    /// Takes at most `max` events of servers that are there, without waiting.
    fn poll(&self, py: Python<'_>, max: usize) -> PyResult<Vec<Entry>> {
        let events = self.queue.poll(max, Some(Duration::ZERO)).or_raise(py)?;
        events.into_iter().filter_map(|event| entry(py, event).transpose()).collect()
    }

    /// Drops what waits; requests are answered as dropped.
    fn close(&self) {
        self.queue.close();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Locked only by a thread that is using it, and then it is no garbage.
        let Ok(waiting) = self.waiting.try_lock() else { return Ok(()) };
        waiting.values().try_for_each(|waiting| match waiting {
            Waiting::Reply(reply) => visit.call(reply),
            Waiting::Sink(sink) => visit.call(sink),
        })
    }

    fn __clear__(&self) {
        let dropped = std::mem::take(&mut *lock(&self.waiting));
        drop(dropped);
    }
}

fn entry(py: Python<'_>, event: Event) -> PyResult<Option<Entry>> {
    Ok(Some(match event {
        Event::Request { tag, request } => (Queue::REQUEST, tag, Request(request).into_py_any(py)?),
        Event::Cancelled { tag, id } => (Queue::CANCELLED, tag, id.into_py_any(py)?),
        Event::Writable { tag, id } => (Queue::WRITABLE, tag, id.into_py_any(py)?),
        Event::Announcement { tag, state, error } => {
            let error = error.map(|error| instance(py, &error)).transpose()?;
            (Queue::ANNOUNCEMENT, tag, (state, error).into_py_any(py)?)
        }
        Event::Data { .. } | Event::Done { .. } | Event::Wake => return Ok(None),
    }))
}

// Nothing of Python is called or dropped while something is locked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
