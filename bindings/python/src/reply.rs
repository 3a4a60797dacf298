//! The answer of a call, as a task of asyncio awaits it.

use crate::call::told;
use crate::error::exception;
use crate::json;
use libfast_embed::Gathered;
use libfast_model::Error;
use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::gc::PyVisit;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyNone};
use pyo3::{PyTraverseError, intern};
use std::mem::replace;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What tasks need of a future, and no more: the one task that awaits it is woken by the queue itself, not by way of a
/// handle of the loop, and its value is made when the task takes it. Dropping it does not abandon the call.
#[pyclass(frozen)]
pub(crate) struct Reply {
    call: Arc<libfast_embed::QueuedCall>,
    /// Whether the task gets the values with their count and the error, or the values or the error.
    buffered: bool,
    state: Mutex<State>,
}

struct State {
    event_loop: Option<Py<PyAny>>,
    /// Told by `await`, and taken back by the task, that it is awaited; see `asyncio.isfuture`.
    blocking: bool,
    waiter: Option<Waiter>,
    outcome: Outcome,
}

/// The waking of a task, and the context to do it in.
struct Waiter {
    wake: Py<PyAny>,
    context: Option<Py<PyAny>>,
}

enum Outcome {
    Waiting,
    Done(Done),
    Cancelled(Option<Py<PyAny>>),
    Taken,
}

/// How a call ended.
pub(crate) struct Done {
    pub values: Option<Gathered>,
    pub error: Option<Error>,
}

impl Reply {
    pub fn new(call: Arc<libfast_embed::QueuedCall>, buffered: bool, event_loop: Bound<'_, PyAny>) -> Self {
        let event_loop = Some(event_loop.unbind());
        let state = State { event_loop, blocking: false, waiter: None, outcome: Outcome::Waiting };
        Self { call, buffered, state: Mutex::new(state) }
    }

    /// Keeps how the call ended and runs the task that waits. Fails if the task ends the loop.
    pub fn finish(this: &Bound<'_, Self>, done: Done) -> PyResult<()> {
        let mut state = this.get().lock();
        let Outcome::Waiting = state.outcome else { return Ok(()) };
        state.outcome = Outcome::Done(done);
        let waiter = state.waiter.take();
        drop(state);
        let py = this.py();
        match waiter {
            Some(Waiter { wake, context: Some(context) }) => {
                context.bind(py).call_method1(intern!(py, "run"), (wake, this))?;
            }
            Some(Waiter { wake, context: None }) => {
                wake.bind(py).call1((this,))?;
            }
            None => {}
        }
        Ok(())
    }

    fn value<'py>(&self, py: Python<'py>, done: Done) -> PyResult<Bound<'py, PyAny>> {
        let mut gathered = done.values;
        let count = gathered.as_ref().map_or(0, Gathered::count);
        let values = match &mut gathered {
            Some(values) if self.buffered || done.error.is_none() => json::value(py, &values.take_array())?,
            _ => PyNone::get(py).to_owned().into_any(),
        };
        let error = done.error.as_ref().map(|error| exception(py, error));
        match (self.buffered, error) {
            (true, error) => Ok((values, count, error).into_pyobject(py)?.into_any()),
            (false, None) => Ok(values),
            (false, Some(error)) => Err(error),
        }
    }

    // Nothing of Python is called or dropped while it is locked.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Reply {
    fn __await__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        let (py, this) = (slf.py(), slf.get());
        let mut state = this.lock();
        if let Outcome::Waiting = state.outcome {
            state.blocking = true;
            return Ok(slf.clone());
        }
        let outcome = replace(&mut state.outcome, Outcome::Taken);
        drop(state);
        match outcome {
            Outcome::Done(done) => {
                let value = this.value(py, done)?;
                // A tuple alone would be taken for the arguments of the exception.
                Err(if this.buffered {
                    PyStopIteration::new_err((value.unbind(),))
                } else {
                    PyStopIteration::new_err(value.unbind())
                })
            }
            Outcome::Cancelled(message) => Err(cancelled(py, message)),
            Outcome::Waiting | Outcome::Taken => Err(PyRuntimeError::new_err("awaited a second time")),
        }
    }

    #[getter(_asyncio_future_blocking)]
    fn is_blocking(&self) -> bool {
        self.lock().blocking
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, blocking: bool) {
        self.lock().blocking = blocking;
    }

    fn get_loop(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        Some(self.lock().event_loop.as_ref()?.clone_ref(py))
    }

    #[pyo3(signature = (wake, *, context=None))]
    fn add_done_callback(&self, wake: Py<PyAny>, context: Option<Py<PyAny>>) -> PyResult<()> {
        let mut state = self.lock();
        if state.waiter.is_some() || !matches!(state.outcome, Outcome::Waiting) {
            drop(state);
            return Err(PyRuntimeError::new_err("two tasks wait for one answer"));
        }
        state.waiter = Some(Waiter { wake, context });
        Ok(())
    }

    /// Raises if it was cancelled. What the call yields, the task gets from `__next__`.
    fn result(&self, py: Python<'_>) -> PyResult<()> {
        let message = match &self.lock().outcome {
            Outcome::Cancelled(message) => message.as_ref().map(|message| message.clone_ref(py)),
            _ => return Ok(()),
        };
        Err(cancelled(py, message))
    }

    /// Abandons the call because its task is cancelled. False: it has ended.
    #[pyo3(signature = (msg=None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<Py<PyAny>>) -> PyResult<bool> {
        let (py, this) = (slf.py(), slf.get());
        let mut state = this.lock();
        let Outcome::Waiting = state.outcome else { return Ok(false) };
        state.outcome = Outcome::Cancelled(msg);
        let (waiter, event_loop) = (state.waiter.take(), state.event_loop.as_ref().map(|l| l.clone_ref(py)));
        drop(state);
        this.call.abandon();
        // Not at once: the caller may be another task, which is in the middle of something.
        if let (Some(Waiter { wake, context }), Some(event_loop)) = (waiter, event_loop) {
            let context_of_it = PyDict::new(py);
            context_of_it.set_item(intern!(py, "context"), context)?;
            event_loop.bind(py).call_method(intern!(py, "call_soon"), (wake, slf), Some(&context_of_it))?;
        }
        Ok(true)
    }

    /// Where the last attempt went, and how many there were.
    fn way(&self) -> (String, u32) {
        told(self.call.way())
    }

    /// Stops waiting; if the call has ended, nothing.
    fn abandon(&self) {
        self.call.abandon();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Locked only by a thread that is using it, and then it is no garbage.
        let Ok(state) = self.state.try_lock() else { return Ok(()) };
        visit.call(&state.event_loop)?;
        if let Some(waiter) = &state.waiter {
            visit.call(&waiter.wake)?;
            visit.call(&waiter.context)?;
        }
        match &state.outcome {
            Outcome::Cancelled(message) => visit.call(message),
            _ => Ok(()),
        }
    }

    fn __clear__(&self) {
        let mut state = self.lock();
        let dropped = (state.event_loop.take(), state.waiter.take());
        drop(state);
        drop(dropped);
    }
}

fn cancelled(py: Python<'_>, message: Option<Py<PyAny>>) -> PyErr {
    static CANCELLED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = CANCELLED
        .get_or_try_init(py, || PyResult::Ok(py.import("asyncio")?.getattr("CancelledError")?.unbind()));
    let made = class.and_then(|class| match message {
        Some(message) => class.bind(py).call1((message,)),
        None => class.bind(py).call0(),
    });
    made.map_or_else(|failed| failed, PyErr::from_value)
}
