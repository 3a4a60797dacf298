//! The server and its requests.

use crate::SLICE;
use crate::call::millis;
use crate::error::OrRaise;
use crate::job::{Answer, Job};
use crate::json;
use crate::queue::Queue;
use crate::settings::Config;
use libfast_model::RemoteError;
use pyo3::prelude::*;
use std::sync::Arc;
use std::time::Instant;

#[pyclass(frozen)]
pub(crate) struct Server(Arc<libfast_embed::Server>);

#[pymethods]
impl Server {
    #[new]
    fn new(py: Python<'_>, config: &Config) -> PyResult<Self> {
        Ok(Self(Arc::new(py.detach(|| libfast_embed::Server::new(&config.0)).or_raise(py)?)))
    }

    /// Adds a method whose requests come through `queue`.
    fn handle(&self, py: Python<'_>, method: &str, queue: &Queue, tag: u64) -> PyResult<()> {
        self.0.handle(method, queue.shared(), tag).or_raise(py)
    }

    /// Listens; the job yields the address.
    #[pyo3(signature = (queue=None))]
    fn start(&self, py: Python<'_>, queue: Option<&Queue>) -> PyResult<Job> {
        let server = self.0.clone();
        Job::start(queue.map(Queue::share), move || server.start().map(Answer::Address)).or_raise(py)
    }

    /// Announces a server that was started without it.
    #[pyo3(signature = (queue=None))]
    fn announce(&self, py: Python<'_>, queue: Option<&Queue>) -> PyResult<Job> {
        let server = self.0.clone();
        let work = move || server.announce().map(|()| Answer::Nothing);
        Job::start(queue.map(Queue::share), work).or_raise(py)
    }

    /// Gives the server another share of calls.
    #[pyo3(signature = (weight, queue=None))]
    fn set_weight(&self, py: Python<'_>, weight: u64, queue: Option<&Queue>) -> PyResult<Job> {
        let server = self.0.clone();
        let work = move || server.set_weight(weight).map(|()| Answer::Nothing);
        Job::start(queue.map(Queue::share), work).or_raise(py)
    }

    /// Says something else of it.
    #[pyo3(signature = (metadata, queue=None))]
    fn set_metadata(&self, py: Python<'_>, metadata: String, queue: Option<&Queue>) -> PyResult<Job> {
        let server = self.0.clone();
        let work = move || server.set_metadata(&metadata).map(|()| Answer::Nothing);
        Job::start(queue.map(Queue::share), work).or_raise(py)
    }

    /// How its entry in the registry is.
    #[getter]
    fn announcement(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.0.announcement().or_raise(py)
    }

    /// `queue` gets an event with `tag` for each change of that.
    fn watch_announcement(&self, py: Python<'_>, queue: &Queue, tag: u64) -> PyResult<()> {
        self.0.watch_announcement(queue.shared(), tag).or_raise(py)
    }

    /// Withdraws and accepts no more connections.
    #[pyo3(signature = (queue=None))]
    fn stop_accepting(&self, py: Python<'_>, queue: Option<&Queue>) -> PyResult<Job> {
        let server = self.0.clone();
        let work = move || server.stop_accepting().map(|()| Answer::Nothing);
        Job::start(queue.map(Queue::share), work).or_raise(py)
    }

    /// Waits until no connection is open, at most `timeout_ms` (`None`: for ever). False: some are.
    fn wait_connections_closed(&self, py: Python<'_>, timeout_ms: Option<u64>) -> PyResult<bool> {
        let deadline = timeout_ms.and_then(|ms| Instant::now().checked_add(millis(ms)));
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let slice = left.unwrap_or(SLICE).min(SLICE);
            if py.detach(|| self.0.wait_connections_closed(slice)).or_raise(py)? {
                return Ok(true);
            }
            if left == Some(slice) {
                return Ok(false);
            }
            py.check_signals()?;
        }
    }

    /// A job that is done when no connection is open.
    fn connections_closed(&self, py: Python<'_>, queue: &Queue) -> PyResult<Job> {
        Job::when(queue.share(), |waker| self.0.poll_connections_closed(waker)).or_raise(py)
    }

    fn set_rate_limits(&self, py: Python<'_>, limits: &str) -> PyResult<()> {
        self.0.set_rate_limits(limits).or_raise(py)
    }

    fn kick(&self, py: Python<'_>, client: &str, time_ms: u64) -> PyResult<()> {
        self.0.kick(client, millis(time_ms)).or_raise(py)
    }

    /// Counters, connections and running requests as JSON text, in the words of kang.
    fn kang(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.0.kang()).or_raise(py)
    }

    /// Drains and closes.
    #[pyo3(signature = (drain_ms, queue=None))]
    fn stop(&self, py: Python<'_>, drain_ms: Option<u64>, queue: Option<&Queue>) -> PyResult<Job> {
        let server = self.0.clone();
        let work = move || server.stop(drain_ms.map(millis)).map(|()| Answer::Nothing);
        Job::start(queue.map(Queue::share), work).or_raise(py)
    }
}

/// One request. Dropping it without an end answers `HandlerDropped`.
#[pyclass(frozen)]
pub(crate) struct Request(pub libfast_embed::ServerRequest);

impl Request {
    fn what(&self) -> String {
        format!("a value of '{}'", self.0.method())
    }
}

#[pymethods]
impl Request {
    #[getter]
    fn id(&self) -> u64 {
        self.0.id()
    }

    #[getter]
    fn method(&self) -> &str {
        self.0.method()
    }

    /// The list of the arguments.
    #[getter]
    fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::value(py, self.0.args())
    }

    #[getter]
    fn peer(&self) -> &str {
        self.0.peer()
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    #[getter]
    fn half_closed(&self) -> bool {
        self.0.is_half_closed()
    }

    #[getter]
    fn remaining(&self) -> Option<f64> {
        self.0.remaining().map(|left| left.as_secs_f64())
    }

    /// Sends one value. False: wait until it is writable.
    fn send(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        json::with_text(value, || self.what(), |text| self.0.send(text))?.or_raise(py)
    }

    /// Waits until more values can be sent or the caller is gone.
    fn wait_writable(&self, py: Python<'_>) -> PyResult<()> {
        while !py.detach(|| self.0.wait_writable(SLICE)).or_raise(py)? {
            py.check_signals()?;
        }
        Ok(())
    }

    /// Ends the answer, with a last value if there is one.
    #[pyo3(signature = (value=None))]
    fn end(&self, py: Python<'_>, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        match value {
            Some(value) => {
                json::with_text(value, || self.what(), |text| self.0.end(Some(text)))?.or_raise(py)
            }
            None => self.0.end(None).or_raise(py),
        }
    }

    /// Ends the answer with an error. `info` is the JSON text of an object, `context` and `ase_errors` of anything; or
    /// they are empty.
    fn fail(
        &self,
        py: Python<'_>,
        name: String,
        message: String,
        info: String,
        context: String,
        ase_errors: String,
    ) -> PyResult<()> {
        self.0.fail(&RemoteError { name, message, info, context, ase_errors }).or_raise(py)
    }
}
