//! JSON in and out: Python objects from text, and text from Python objects, without a text in Python between.
//!
//! What programs usually send and get goes this way. Everything else goes through `libfast._codec`, which is Python's own
//! `json`, so that there is one truth about what is accepted and refused, and about subclasses and odd keys.

mod read;
mod write;

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString};
use std::cell::Cell;

/// The JSON text of `value`; bytes are JSON text already. `what` names it in an error.
pub(crate) fn text(value: &Bound<'_, PyAny>, what: impl FnOnce() -> String) -> PyResult<Bytes> {
    with_text(value, what, Bytes::copy_from_slice)
}

/// Hands the JSON text of `value` to `to`.
pub(crate) fn with_text<T>(
    value: &Bound<'_, PyAny>,
    what: impl FnOnce() -> String,
    to: impl FnOnce(&[u8]) -> T,
) -> PyResult<T> {
    if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        return Ok(to(bytes.as_bytes()));
    }
    let mut text = SCRATCH.take();
    text.clear();
    if write::append(value, &mut text).is_some() {
        let done = to(&text);
        if text.capacity() <= MOST_KEPT {
            SCRATCH.set(text);
        }
        return Ok(done);
    }
    let slow = codec(value.py(), &DUMPS, "dumps")?.call1((value, what()))?;
    match slow.cast::<PyString>() {
        Ok(text) => Ok(to(text.to_str()?.as_bytes())),
        Err(_) => Ok(to(slow.cast::<PyBytes>()?.as_bytes())),
    }
}

/// The object of some JSON text, which the library has checked.
pub(crate) fn value<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    match read::object(py, text) {
        Some(object) => Ok(object),
        None => codec(py, &LOADS, "loads")?.call1((PyBytes::new(py, text),)),
    }
}

thread_local! {
    /// Where the next text is written.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The largest buffer that is kept for the next text.
const MOST_KEPT: usize = 64 * 1024;

/// Deeper values are left to Python, which knows how deep it can follow.
const MOST_DEPTH: u32 = 128;

static DUMPS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static LOADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// A function of `libfast._codec`.
fn codec<'py>(
    py: Python<'py>,
    cell: &'static PyOnceLock<Py<PyAny>>,
    name: &str,
) -> PyResult<Bound<'py, PyAny>> {
    let function =
        cell.get_or_try_init(py, || PyResult::Ok(py.import("libfast._codec")?.getattr(name)?.unbind()))?;
    Ok(function.bind(py).clone())
}
