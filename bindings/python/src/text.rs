//! JSON text as Python gives it: `str` from `json`, `bytes` from `orjson`.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// The bytes of a `str` or `bytes`, not copied.
pub(crate) fn bytes<'a>(text: &'a Bound<'_, PyAny>) -> PyResult<&'a [u8]> {
    if let Ok(text) = text.cast::<PyString>() {
        Ok(text.to_str()?.as_bytes())
    } else if let Ok(text) = text.cast::<PyBytes>() {
        Ok(text.as_bytes())
    } else {
        Err(PyTypeError::new_err("JSON text must be str or bytes"))
    }
}
