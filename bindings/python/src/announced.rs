//! Announcing and picking, for servers of other protocols.

use crate::error::OrRaise;
use crate::job::{Answer, Job};
use crate::queue::Queue;
use crate::settings::Config;
use pyo3::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// An entry in a registry.
#[pyclass(frozen)]
pub(crate) struct Announced(Arc<libfast_embed::Announced>);

impl Announced {
    pub fn new(announced: libfast_embed::Announced) -> Self {
        Self(Arc::new(announced))
    }
}

/// Announces an address; the job yields an `Announced`.
#[pyfunction]
#[pyo3(signature = (config, queue=None))]
pub(crate) fn announce(py: Python<'_>, config: &Config, queue: Option<&Queue>) -> PyResult<Job> {
    let config = config.0.clone();
    let work = move || libfast_embed::Announced::new(&config).map(Answer::Announced);
    Job::start(queue.map(Queue::share), work).or_raise(py)
}

#[pymethods]
impl Announced {
    #[getter]
    fn state(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.0.state().or_raise(py)
    }

    /// `queue` gets an event with `tag` for each change of that.
    fn watch(&self, py: Python<'_>, queue: &Queue, tag: u64) -> PyResult<()> {
        self.0.watch(queue.shared(), tag).or_raise(py)
    }

    /// Gives the entry another share of calls.
    #[pyo3(signature = (weight, queue=None))]
    fn set_weight(&self, py: Python<'_>, weight: u64, queue: Option<&Queue>) -> PyResult<Job> {
        let announced = self.0.clone();
        let work = move || announced.set_weight(weight).map(|()| Answer::Nothing);
        Job::start(queue.map(Queue::share), work).or_raise(py)
    }

    /// Says something else of it.
    #[pyo3(signature = (metadata, queue=None))]
    fn set_metadata(&self, py: Python<'_>, metadata: String, queue: Option<&Queue>) -> PyResult<Job> {
        let announced = self.0.clone();
        let work = move || announced.set_metadata(&metadata).map(|()| Answer::Nothing);
        Job::start(queue.map(Queue::share), work).or_raise(py)
    }

    /// Takes the entry off.
    #[pyo3(signature = (queue=None))]
    fn withdraw(&self, py: Python<'_>, queue: Option<&Queue>) -> PyResult<Job> {
        let announced = self.0.clone();
        let work = move || announced.withdraw().map(|()| Answer::Nothing);
        Job::start(queue.map(Queue::share), work).or_raise(py)
    }
}

/// A chosen endpoint.
#[pyclass(frozen)]
pub(crate) struct Picked(pub libfast_embed::Picked);

#[pymethods]
impl Picked {
    #[getter]
    fn endpoint(&self) -> &str {
        self.0.endpoint()
    }

    fn report(&self, py: Python<'_>, latency_us: u64, ok: bool) -> PyResult<()> {
        self.0.report(Duration::from_micros(latency_us), ok).or_raise(py)
    }
}
