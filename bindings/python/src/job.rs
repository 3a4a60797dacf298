//! Work of the library that may take long, on a thread of its own that never enters Python.
//!
//! The program's thread waits for it in slices, so that Ctrl-C works, or an event loop is woken when it is done.

use crate::SLICE;
use crate::announced::{Announced, Picked};
use crate::error::OrRaise;
use libfast_model::{Error, ErrorKind, Result};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Wake, Waker};

/// What a job yields.
pub(crate) enum Answer {
    Nothing,
    Address(String),
    Picked(libfast_embed::Picked),
    Announced(libfast_embed::Announced),
}

/// Something under way. If nobody waits any more it goes on, and its answer is dropped.
#[pyclass(frozen)]
pub(crate) struct Job(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    done: Condvar,
}

#[derive(Default)]
struct State {
    done: bool,
    answer: Option<Result<Answer>>,
}

impl Job {
    /// Runs `work`; when it is done `queue` gets a wake event.
    pub fn start(
        queue: Option<Arc<libfast_embed::Queue>>,
        work: impl FnOnce() -> Result<Answer> + Send + 'static,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let run = move || {
            let answer = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Panic, "a defect in libfast; see standard error"))
            });
            theirs.finish(answer);
            if let Some(queue) = queue {
                queue.wake();
            }
        };
        std::thread::Builder::new()
            .name("fast-job".into())
            .spawn(run)
            .map_err(|error| Error::new(ErrorKind::NoMemory, format!("no thread for a job: {error}")))?;
        Ok(Self(shared))
    }

    /// A job without a thread: it is done when `poll` says so, or when the waker that it gets is woken; `queue` gets a wake
    /// event then.
    pub fn when(queue: Arc<libfast_embed::Queue>, poll: impl FnOnce(&Waker) -> Result<bool>) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        if poll(&Waker::from(Arc::new(Finish { job: shared.clone(), queue })))? {
            shared.finish(Ok(Answer::Nothing));
        }
        Ok(Self(shared))
    }
}

/// Finishes a job when woken.
struct Finish {
    job: Arc<Shared>,
    queue: Arc<libfast_embed::Queue>,
}

impl Wake for Finish {
    fn wake(self: Arc<Self>) {
        self.job.finish(Ok(Answer::Nothing));
        self.queue.wake();
    }
}

#[pymethods]
impl Job {
    /// Waits for the answer and gives it out, once.
    fn wait(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        while !py.detach(|| self.0.wait_slice()) {
            py.check_signals()?;
        }
        self.result(py)
    }

    /// True once there is an answer.
    #[getter]
    fn done(&self) -> bool {
        self.0.lock().done
    }

    /// The answer of a job that is done, once.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let answer = self.0.lock().answer.take();
        let missing =
            || Err(Error::new(ErrorKind::State, "the job is not done, or its answer was taken before"));
        match answer.unwrap_or_else(missing).or_raise(py)? {
            Answer::Nothing => Ok(py.None()),
            Answer::Address(address) => address.into_py_any(py),
            Answer::Picked(picked) => Picked(picked).into_py_any(py),
            Answer::Announced(announced) => Announced::new(announced).into_py_any(py),
        }
    }
}

impl Shared {
    fn finish(&self, answer: Result<Answer>) {
        let mut state = self.lock();
        state.answer = Some(answer);
        state.done = true;
        drop(state);
        self.done.notify_all();
    }

    fn wait_slice(&self) -> bool {
        let state = self.lock();
        let waited = self.done.wait_timeout_while(state, SLICE, |state| !state.done);
        waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0.done
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
