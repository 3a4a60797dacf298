//! The client.

use crate::call::{Buffered, PullCall, QueuedCall, millis};
use crate::error::OrRaise;
use crate::job::{Answer, Job};
use crate::queue::Queue;
use crate::settings::{CallSettings, Config};
use crate::text;
use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::Arc;

#[pyclass(frozen)]
pub(crate) struct Client(Arc<libfast_embed::Client>);

#[pymethods]
impl Client {
    #[new]
    fn new(py: Python<'_>, target: &str, config: &Config) -> PyResult<Self> {
        let client = py.detach(|| libfast_embed::Client::new(target, &config.0)).or_raise(py)?;
        Ok(Self(Arc::new(client)))
    }

    /// Calls and waits for all values, as the JSON text of an array.
    fn call<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        args: &Bound<'py, PyAny>,
        settings: &CallSettings,
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.stream(py, method, args, settings)?.collect(py)
    }

    /// Calls, keeps the first `most` values and counts all.
    fn call_buffered(
        &self,
        py: Python<'_>,
        method: &str,
        args: &Bound<'_, PyAny>,
        settings: &CallSettings,
        most: u64,
    ) -> PyResult<Buffered> {
        self.stream(py, method, args, settings)?.buffer(py, most)
    }

    /// Starts a call whose values are pulled.
    fn stream(
        &self,
        py: Python<'_>,
        method: &str,
        args: &Bound<'_, PyAny>,
        settings: &CallSettings,
    ) -> PyResult<PullCall> {
        let args = Bytes::copy_from_slice(text::bytes(args)?);
        Ok(PullCall(self.0.call(method, args, &settings.0).or_raise(py)?))
    }

    /// Starts a call that completes through `queue`.
    #[allow(clippy::too_many_arguments)]
    fn start(
        &self,
        py: Python<'_>,
        queue: &Queue,
        tag: u64,
        method: &str,
        args: &Bound<'_, PyAny>,
        settings: &CallSettings,
        collect: bool,
    ) -> PyResult<QueuedCall> {
        let args = Bytes::copy_from_slice(text::bytes(args)?);
        let started = self.0.start(&queue.shared(), tag, method, args, &settings.0, collect);
        Ok(QueuedCall(started.or_raise(py)?))
    }

    /// As `start`, for a call whose first `most` values come with its end.
    #[allow(clippy::too_many_arguments)]
    fn start_buffered(
        &self,
        py: Python<'_>,
        queue: &Queue,
        tag: u64,
        method: &str,
        args: &Bound<'_, PyAny>,
        settings: &CallSettings,
        most: u64,
    ) -> PyResult<QueuedCall> {
        let args = Bytes::copy_from_slice(text::bytes(args)?);
        let started = self.0.start_buffered(&queue.shared(), tag, method, args, &settings.0, most);
        Ok(QueuedCall(started.or_raise(py)?))
    }

    /// Waits until a provider is connected.
    #[pyo3(signature = (timeout_ms, queue=None))]
    fn ready(&self, py: Python<'_>, timeout_ms: u64, queue: Option<&Queue>) -> PyResult<Job> {
        let client = self.0.clone();
        let work = move || client.ready(millis(timeout_ms)).map(|()| Answer::Nothing);
        Job::start(queue.map(Queue::shared), work).or_raise(py)
    }

    /// Chooses an endpoint; the job yields a `Picked`.
    #[pyo3(signature = (queue=None))]
    fn pick(&self, py: Python<'_>, queue: Option<&Queue>) -> PyResult<Job> {
        let client = self.0.clone();
        Job::start(queue.map(Queue::shared), move || client.pick().map(Answer::Picked)).or_raise(py)
    }

    /// Counters and endpoints as JSON text.
    fn stats(&self, py: Python<'_>) -> PyResult<String> {
        self.0.stats().or_raise(py)
    }

    /// Connections and requests as JSON text, in the words of kang.
    fn kang(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.0.kang()).or_raise(py)
    }

    /// Refuses new calls and waits for those under way.
    #[pyo3(signature = (drain_ms, queue=None))]
    fn close(&self, py: Python<'_>, drain_ms: u64, queue: Option<&Queue>) -> PyResult<Job> {
        let client = self.0.clone();
        let work = move || client.close(millis(drain_ms)).map(|()| Answer::Nothing);
        Job::start(queue.map(Queue::shared), work).or_raise(py)
    }
}
