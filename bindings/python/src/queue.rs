//! The queue that an event loop watches.

use crate::error::{OrRaise, instance};
use crate::server::Request;
use libfast_embed::Event;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::Arc;
use std::time::Duration;

#[pyclass(frozen)]
pub(crate) struct Queue(Arc<libfast_embed::Queue>);

impl Queue {
    pub fn shared(&self) -> Arc<libfast_embed::Queue> {
        self.0.clone()
    }
}

/// An event: what it is, its tag, what it carries (for `DONE` the values and their count), and an error.
type Entry = (u8, u64, Py<PyAny>, Py<PyAny>);

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
    const WAKE: u8 = 5;

    #[new]
    fn new() -> Self {
        Self(libfast_embed::Queue::new())
    }

    /// Readable while events wait; watch it, do not read it.
    #[getter]
    fn fd(&self, py: Python<'_>) -> PyResult<i32> {
        self.0.fd().or_raise(py)
    }

    /// Takes at most `max` events that are there, without waiting.
    fn poll(&self, py: Python<'_>, max: usize) -> PyResult<Vec<Entry>> {
        let events = self.0.poll(max, Some(Duration::ZERO)).or_raise(py)?;
        events.into_iter().map(|event| entry(py, event)).collect()
    }

    /// Puts a wake event into it.
    fn wake(&self) {
        self.0.wake();
    }

    /// Drops what waits; requests are answered as dropped.
    fn close(&self) {
        self.0.close();
    }
}

fn entry(py: Python<'_>, event: Event) -> PyResult<Entry> {
    Ok(match event {
        Event::Data { tag, value } => {
            (Queue::DATA, tag, PyBytes::new(py, &value).into_py_any(py)?, py.None())
        }
        Event::Done { tag, values, count, error } => {
            let values = values.map(|values| PyBytes::new(py, &values));
            let values = (values, count).into_py_any(py)?;
            let error = match error {
                Some(error) => instance(py, &error)?.unbind(),
                None => py.None(),
            };
            (Queue::DONE, tag, values, error)
        }
        Event::Request { tag, request } => {
            (Queue::REQUEST, tag, Request(request).into_py_any(py)?, py.None())
        }
        Event::Cancelled { tag, id } => (Queue::CANCELLED, tag, id.into_py_any(py)?, py.None()),
        Event::Writable { tag, id } => (Queue::WRITABLE, tag, id.into_py_any(py)?, py.None()),
        Event::Wake => (Queue::WAKE, 0, py.None(), py.None()),
    })
}
