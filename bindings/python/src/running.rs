//! The queue of the running loop.

use crate::queue::Queue;
use libfast_embed::fork_generation;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};
use std::cell::RefCell;

/// The running loop of asyncio and its queue. Loops keep their queues, by the reader that is registered for them.
pub(crate) fn running(py: Python<'_>) -> PyResult<(Bound<'_, PyAny>, Bound<'_, Queue>)> {
    static GET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let event_loop = function(py, &GET, "asyncio", "get_running_loop")?.call0()?;
    let known = LAST.with_borrow(|last| last.as_ref().and_then(|last| last.queue_of(&event_loop)));
    let queue = match known {
        Some(queue) => queue,
        None => look_up(&event_loop)?,
    };
    Ok((event_loop, queue))
}

fn look_up<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Queue>> {
    static QUEUE_OF: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = event_loop.py();
    let queue = function(py, &QUEUE_OF, "libfast._loop", "native_queue")?.call1((event_loop,))?;
    let last = Last {
        event_loop: PyWeakrefReference::new(event_loop)?.unbind(),
        queue: PyWeakrefReference::new(&queue)?.unbind(),
        generation: fork_generation(),
    };
    let before = LAST.replace(Some(last));
    drop(before);
    Ok(queue.cast_into::<Queue>()?)
}

/// The loop that ran last on this thread. It keeps neither the loop nor the queue.
struct Last {
    event_loop: Py<PyWeakrefReference>,
    queue: Py<PyWeakrefReference>,
    generation: u64,
}

impl Last {
    fn queue_of<'py>(&self, event_loop: &Bound<'py, PyAny>) -> Option<Bound<'py, Queue>> {
        let py = event_loop.py();
        if self.generation != fork_generation() || !self.event_loop.bind(py).upgrade()?.is(event_loop) {
            return None;
        }
        self.queue.bind(py).upgrade()?.cast_into::<Queue>().ok()
    }
}

thread_local! {
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

fn function<'py>(
    py: Python<'py>,
    cell: &'static PyOnceLock<Py<PyAny>>,
    module: &str,
    name: &str,
) -> PyResult<&'py Bound<'py, PyAny>> {
    Ok(cell.get_or_try_init(py, || PyResult::Ok(py.import(module)?.getattr(name)?.unbind()))?.bind(py))
}
