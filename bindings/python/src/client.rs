//! The client.

use crate::call::{Buffered, PullCall, QueuedCall, millis};
use crate::error::OrRaise;
use crate::job::{Answer, Job};
use crate::json;
use crate::queue::Queue;
use crate::queue::Waiting;
use crate::reply::Reply;
use crate::running::running;
use crate::settings::{CallSettings, Config};
use pyo3::prelude::*;
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

    /// Calls and waits for the list of all values.
    fn call<'py>(
        &self,
        py: Python<'py>,
        method: &str,
        args: &Bound<'py, PyAny>,
        settings: &CallSettings,
    ) -> PyResult<Bound<'py, PyAny>> {
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
        let args = json::text(args, || "the arguments".to_owned())?;
        Ok(PullCall(self.0.call(method, args, &settings.0).or_raise(py)?))
    }

    /// Starts a call that a task of the running loop awaits: for all values, or as `call_buffered` for the first `most`.
    #[pyo3(signature = (method, args, settings, most=None))]
    fn ask(
        &self,
        py: Python<'_>,
        method: &str,
        args: &Bound<'_, PyAny>,
        settings: &CallSettings,
        most: Option<u64>,
    ) -> PyResult<Py<Reply>> {
        let args = json::text(args, || "the arguments".to_owned())?;
        let (event_loop, queue) = running(py)?;
        let queue = queue.get();
        let (shared, tag, settings) = (queue.shared(), queue.next_tag(), &settings.0);
        let started = match most {
            None => self.0.start(shared, tag, method, args, settings, true),
            Some(most) => self.0.start_buffered(shared, tag, method, args, settings, most),
        };
        let reply = Py::new(py, Reply::new(started.or_raise(py)?, most.is_some(), event_loop))?;
        queue.wait(tag, Waiting::Reply(reply.clone_ref(py)));
        Ok(reply)
    }

    /// Starts a call of the running loop whose events `sink` is told: what it is, the text of a value, and an error.
    fn start(
        &self,
        py: Python<'_>,
        method: &str,
        args: &Bound<'_, PyAny>,
        settings: &CallSettings,
        sink: Py<PyAny>,
    ) -> PyResult<QueuedCall> {
        let args = json::text(args, || "the arguments".to_owned())?;
        let (_, queue) = running(py)?;
        let queue = queue.get();
        let tag = queue.next_tag();
        let started = self.0.start(queue.shared(), tag, method, args, &settings.0, false).or_raise(py)?;
        queue.wait(tag, Waiting::Sink(sink));
        Ok(QueuedCall(started))
    }

    /// Waits until a provider is connected.
    #[pyo3(signature = (timeout_ms, queue=None))]
    fn ready(&self, py: Python<'_>, timeout_ms: u64, queue: Option<&Queue>) -> PyResult<Job> {
        let client = self.0.clone();
        let work = move || client.ready(millis(timeout_ms)).map(|()| Answer::Nothing);
        Job::start(queue.map(Queue::share), work).or_raise(py)
    }

    /// Chooses an endpoint; the job yields a `Picked`.
    #[pyo3(signature = (queue=None))]
    fn pick(&self, py: Python<'_>, queue: Option<&Queue>) -> PyResult<Job> {
        let client = self.0.clone();
        Job::start(queue.map(Queue::share), move || client.pick().map(Answer::Picked)).or_raise(py)
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
        Job::start(queue.map(Queue::share), work).or_raise(py)
    }
}
