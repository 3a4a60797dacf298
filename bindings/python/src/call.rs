//! Calls: pulled by a thread, or completed through a queue.

use crate::SLICE;
use crate::error::{OrRaise, instance};
use crate::json;
use bytes::BytesMut;
use libfast_embed::{Gathered, Next, Way};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::Arc;
use std::time::Duration;

/// The list of the values, a count, and an exception or `None`.
pub(crate) type Buffered = (Py<PyAny>, u64, Py<PyAny>);

/// A call whose values are pulled. Dropping it abandons the call.
#[pyclass(frozen)]
pub(crate) struct PullCall(pub libfast_embed::PullCall);

impl PullCall {
    /// The list of the first `most` values, the count of all, and the error if there was one.
    pub fn buffer(&self, py: Python<'_>, most: u64) -> PyResult<Buffered> {
        let mut gathered = Gathered::new(most);
        let error = loop {
            match py.detach(|| self.0.buffer(&mut gathered, Some(SLICE))) {
                Ok(true) => break py.None(),
                Ok(false) => py.check_signals()?,
                Err(error) => break instance(py, &error)?.unbind(),
            }
        };
        let values = json::value(py, &gathered.take_array())?.unbind();
        Ok((values, gathered.count(), error))
    }

    /// The list of all values.
    pub fn collect<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let mut array = BytesMut::new();
        loop {
            match py.detach(|| self.0.collect(&mut array, Some(SLICE))).or_raise(py)? {
                Some(array) => return json::value(py, &array),
                None => py.check_signals()?,
            }
        }
    }
}

#[pymethods]
impl PullCall {
    /// The JSON text of the next value, or `None` at the end.
    fn next<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        loop {
            match py.detach(|| self.0.next(Some(SLICE))).or_raise(py)? {
                Next::Value(value) => return Ok(Some(PyBytes::new(py, &value))),
                Next::End => return Ok(None),
                Next::Again => py.check_signals()?,
            }
        }
    }

    /// Where the last attempt went, and how many there were.
    fn way(&self, py: Python<'_>) -> (String, u32) {
        py.detach(|| told(self.0.way()))
    }

    /// Stops waiting. Waits for a `next` of another thread, which is a slice at most.
    fn abandon(&self, py: Python<'_>) {
        py.detach(|| self.0.abandon());
    }
}

/// A call that completes through a queue. Dropping it abandons the call.
#[pyclass(frozen)]
pub(crate) struct QueuedCall(pub Arc<libfast_embed::QueuedCall>);

#[pymethods]
impl QueuedCall {
    /// Where the last attempt went, and how many there were.
    fn way(&self) -> (String, u32) {
        told(self.0.way())
    }

    fn grant(&self, credits: u64) {
        self.0.grant(credits);
    }

    fn abandon(&self) {
        self.0.abandon();
    }
}

impl Drop for QueuedCall {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// The way of a call; nothing of one that is of another process, which went nowhere in this one.
pub(crate) fn told(way: libfast_model::Result<Way>) -> (String, u32) {
    way.map_or_else(|_| (String::new(), 0), |way| (way.endpoint(), way.attempts()))
}

/// Milliseconds of a Python caller.
pub(crate) fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
