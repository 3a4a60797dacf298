//! Functions that wait, on threads of their own: JavaScript's thread must not, and Node's pool is for short work.

use crate::announced::{Announced, Picked};
use crate::failure;
use crate::hub::Shared;
use libfast_model::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Wake, Waker};

/// What a wait brought.
pub enum Outcome {
    Nothing,
    Text(String),
    Picked(Picked),
    Announced(Announced),
}

/// Outcomes that the JavaScript of an environment has not taken yet.
#[derive(Default)]
pub struct Outcomes(Mutex<Vec<(u64, Result<Outcome>)>>);

impl Outcomes {
    pub fn take(&self) -> Vec<(u64, Result<Outcome>)> {
        std::mem::take(&mut *self.lock())
    }

    pub fn push(&self, tag: u64, outcome: Result<Outcome>) {
        self.lock().push((tag, outcome));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Result<Outcome>)>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Runs `work` on a new thread; its outcome comes to the environment with `tag`. If the environment is gone by then, the
/// outcome is dropped.
pub fn wait_for(
    shared: &Arc<Shared>,
    tag: u64,
    work: impl FnOnce() -> Result<Outcome> + Send + 'static,
) -> Result<()> {
    let shared = Arc::downgrade(shared);
    let run = move || {
        bring(&shared, tag, failure::contained(work));
    };
    let started = std::thread::Builder::new().name("fast-wait".into()).spawn(run);
    started.map(drop).map_err(|error| {
        Error::new(ErrorKind::NoMemory, format!("a thread that waits cannot be started: {error}"))
    })
}

/// When it is woken, an outcome without a value comes to the environment with `tag`.
pub fn tell(shared: &Arc<Shared>, tag: u64) -> Waker {
    Waker::from(Arc::new(Tell { shared: Arc::downgrade(shared), tag }))
}

struct Tell {
    shared: Weak<Shared>,
    tag: u64,
}

impl Wake for Tell {
    fn wake(self: Arc<Self>) {
        bring(&self.shared, self.tag, Ok(Outcome::Nothing));
    }
}

fn bring(shared: &Weak<Shared>, tag: u64, outcome: Result<Outcome>) {
    if let Some(shared) = shared.upgrade() {
        shared.bring(tag, outcome);
    }
}
