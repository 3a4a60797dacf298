//! Options by name, for clients, servers and single calls.

use crate::error::OrRaise;
use pyo3::prelude::*;

/// Checked options of a client, a server or an announcement.
#[pyclass(frozen)]
pub(crate) struct Config(pub libfast_embed::Config);

#[pymethods]
impl Config {
    #[new]
    fn new(py: Python<'_>, pairs: Vec<(String, String)>) -> PyResult<Self> {
        let mut config = libfast_embed::Config::default();
        for (name, value) in &pairs {
            config.set(name, value).or_raise(py)?;
        }
        Ok(Self(config))
    }
}

/// Checked options of calls; those of one kind of call are made once and kept.
#[pyclass(frozen)]
pub(crate) struct CallSettings(pub libfast_embed::CallSettings);

#[pymethods]
impl CallSettings {
    #[new]
    fn new(py: Python<'_>, pairs: Vec<(String, String)>) -> PyResult<Self> {
        let mut settings = libfast_embed::CallSettings::default();
        for (name, value) in &pairs {
            settings.set(name, value).or_raise(py)?;
        }
        Ok(Self(settings))
    }

    /// Values handed to a queue before more are granted, if it was set.
    #[getter]
    fn window(&self) -> Option<u64> {
        self.0.window
    }
}
