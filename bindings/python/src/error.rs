//! From an error of the library to an exception of Python.

use libfast_model::{Cause, Error};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// The exception, made by `libfast._errors`, where the classes are.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    match instance(py, error) {
        Ok(instance) => PyErr::from_value(instance),
        Err(failed) => failed,
    }
}

/// As [`exception`], not raised but as a value.
pub(crate) fn instance<'py>(py: Python<'py>, error: &Error) -> PyResult<Bound<'py, PyAny>> {
    static MAKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make = MAKE.get_or_try_init(py, || {
        PyResult::Ok(py.import("libfast._errors")?.getattr("from_native")?.unbind())
    })?;
    let remote = error
        .remote()
        .map(|remote| (&remote.name, &remote.message, &remote.info, &remote.context, &remote.ase_errors));
    let cause = error.cause().map_or("", Cause::name);
    let (kind, retriable) = (error.kind().name(), error.is_retriable());
    make.bind(py).call1((
        kind,
        error.message(),
        error.endpoint(),
        retriable,
        cause,
        error.merged_info(),
        remote,
    ))
}

/// Results of the library as results of Python.
pub(crate) trait OrRaise<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for libfast_model::Result<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, &error))
    }
}
