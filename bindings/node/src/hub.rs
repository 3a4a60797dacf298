//! Where an environment's calls, requests and waits live, and how its JavaScript learns of them.

use crate::batch::Batch;
use crate::failure::{self, contained, thrown};
use crate::outcome::{Outcome, Outcomes};
use libfast_embed::{Event, Queue, QueuedCall, ServerRequest, Way};
use libfast_model::{Error, ErrorKind, RemoteError, Result};
use napi::bindgen_prelude::{Array, Either, Float64ArraySlice, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status, Unknown, check_status, sys};
use napi_derive::napi;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Weak: by itself it does not keep the process alive; see [`Hub::hold`].
type Waker = ThreadsafeFunction<(), Unknown<'static>, (), Status, false, true>;

/// The part that other threads reach.
pub struct Shared {
    pub queue: Arc<Queue>,
    pub outcomes: Outcomes,
}

impl Shared {
    /// The outcome comes to the environment with `tag`.
    pub fn bring(&self, tag: u64, outcome: Result<Outcome>) {
        self.outcomes.push(tag, outcome);
        self.queue.wake();
    }
}

/// One per environment; used on its thread only.
#[napi]
pub struct Hub {
    shared: Arc<Shared>,
    waker: Arc<Waker>,
    calls: HashMap<u64, Arc<QueuedCall>, Numbers>,
    requests: HashMap<u64, ServerRequest, Numbers>,
    /// Calls whose way is of interest, and once they have ended, that way.
    followed: HashMap<u64, Way, Numbers>,
    batch: Batch,
}

#[napi]
impl Hub {
    /// `wake` is called when there is something to [`poll`](Self::poll).
    #[napi(constructor)]
    pub fn new(env: Env, wake: Function<'_, (), Unknown<'static>>) -> napi::Result<Self> {
        let builder = wake.build_threadsafe_function::<()>().callee_handled::<false>().weak::<true>();
        let waker: Arc<Waker> = Arc::new(builder.build()?);
        let woken = waker.clone();
        let tell = move || {
            woken.call((), ThreadsafeFunctionCallMode::NonBlocking);
        };
        let shared =
            Arc::new(Shared { queue: Queue::with_wake(Box::new(tell)), outcomes: Outcomes::default() });
        // Requests that this environment has not answered are answered as dropped when it ends.
        env.add_env_cleanup_hook(Arc::downgrade(&shared), |shared| {
            if let Some(shared) = shared.upgrade() {
                shared.queue.close();
            }
        })?;
        Ok(Self {
            shared,
            waker,
            calls: HashMap::default(),
            requests: HashMap::default(),
            followed: HashMap::default(),
            batch: Batch::default(),
        })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn add_call(&mut self, tag: u64, call: Arc<QueuedCall>) {
        self.calls.insert(tag, call);
    }

    /// Keeps the process (or worker) alive until [`let_go`](Self::let_go).
    #[napi]
    pub fn hold(&self, env: Env) -> napi::Result<()> {
        // SAFETY: on the environment's thread, where JavaScript calls this; the function lives as long as `waker`.
        check_status!(unsafe { sys::napi_ref_threadsafe_function(env.raw(), self.waker.raw()) })
    }

    #[napi]
    pub fn let_go(&self, env: Env) -> napi::Result<()> {
        // SAFETY: as in `hold`.
        check_status!(unsafe { sys::napi_unref_threadsafe_function(env.raw(), self.waker.raw()) })
    }

    /// Takes events: as many as `heads` has room for, with what is in [`Batch`]. Gives `[more, events, texts]`, then the
    /// texts and the payloads. If `more` is true there is no wake for what is left.
    #[napi]
    pub fn poll<'env>(
        &mut self,
        env: &'env Env,
        mut heads: Float64ArraySlice<'_>,
    ) -> napi::Result<Array<'env>> {
        // SAFETY: JavaScript does not run before this returns, and only this thread has the array.
        let heads = unsafe { heads.as_mut() };
        let max = Batch::room(heads);
        let events = thrown(|| self.shared.queue.poll(max, Some(Duration::ZERO)))?;
        let more = events.len() >= max;
        let mut batch = self.batch.begin(env, heads);
        for event in events {
            match event {
                Event::Data { tag, value } => batch.value(tag, &value)?,
                Event::Done { tag, values, error } => {
                    let call = self.calls.remove(&tag);
                    if let (Some(way), Some(call)) = (self.followed.get_mut(&tag), call) {
                        *way = call.way().unwrap_or_default();
                    }
                    match values {
                        Some(mut values) => batch.done(tag, &values.take_array(), values.count(), error)?,
                        None => batch.ended(tag, error)?,
                    }
                }
                Event::Request { tag, request } => {
                    let id = request.id();
                    batch.request(id, tag, &request)?;
                    self.requests.insert(id, request);
                }
                Event::Cancelled { id, .. } => batch.cancelled(id),
                Event::Writable { id, .. } => batch.writable(id),
                Event::Announcement { tag, state, error } => batch.announcement(tag, state, error)?,
                Event::Wake => batch.outcomes(self.shared.outcomes.take())?,
            }
        }
        batch.finish(more)
    }

    /// Has the way of a call kept until it is taken.
    #[napi]
    pub fn follow(&mut self, tag: f64) {
        self.followed.insert(tag as u64, Way::default());
    }

    /// Takes the way of a call that has ended: its last endpoint and the number of its attempts.
    #[napi]
    pub fn way(&mut self, tag: f64) -> Option<(String, u32)> {
        self.followed.remove(&(tag as u64)).map(|way| (way.endpoint(), way.attempts()))
    }

    /// Allows `credits` more values of a call.
    #[napi]
    pub fn grant(&self, tag: f64, credits: u32) {
        if let Some(call) = self.calls.get(&(tag as u64)) {
            call.grant(credits.into());
        }
    }

    /// Forgets a call, and gives its failure unless it was over. A last event may still come.
    #[napi]
    pub fn abandon(&mut self, tag: f64) -> Option<String> {
        let call = self.calls.remove(&(tag as u64))?;
        let failure = call.abandon().map(|error| failure::text(&error));
        if let Some(way) = self.followed.get_mut(&(tag as u64)) {
            *way = call.way().unwrap_or_default();
        }
        failure
    }

    /// Sends one value; false: wait for [`WRITABLE`] before the next.
    #[napi]
    pub fn send(&self, id: f64, value: String) -> napi::Result<bool> {
        thrown(|| self.request(id)?.send(value.as_bytes()))
    }

    /// Ends answers, which leave together. `values` has a line for each: its last value, or nothing. Gives the ids of
    /// those that could not be ended, each followed by why.
    #[napi]
    pub fn end(&mut self, ids: &[f64], values: String) -> Vec<Either<f64, String>> {
        let mut failures = Vec::new();
        libfast_embed::burst(|| {
            for (&id, value) in ids.iter().zip(values.split('\n')) {
                let value = (!value.is_empty()).then_some(value.as_bytes());
                match contained(|| self.request(id)?.end(value)) {
                    Ok(()) => drop(self.requests.remove(&(id as u64))),
                    Err(error) => failures.extend([Either::A(id), Either::B(failure::text(&error))]),
                }
            }
        });
        failures
    }

    /// Ends an answer with an error. `info`, `context` and `ase_errors` are JSON text or empty.
    #[napi]
    pub fn fail(
        &mut self,
        id: f64,
        name: String,
        message: String,
        info: String,
        context: String,
        ase_errors: String,
    ) -> napi::Result<()> {
        let error = RemoteError { name, message, info, context, ase_errors };
        thrown(|| self.request(id)?.fail(&error))?;
        self.requests.remove(&(id as u64));
        Ok(())
    }

    /// Whether the caller of a request has ended its side of the connection. False for one that was forgotten.
    #[napi]
    pub fn half_closed(&self, id: f64) -> bool {
        self.requests.get(&(id as u64)).is_some_and(ServerRequest::is_half_closed)
    }

    /// How many milliseconds the caller of a request goes on waiting, if it says so.
    #[napi]
    pub fn remaining(&self, id: f64) -> Option<f64> {
        let remaining = self.requests.get(&(id as u64)).and_then(ServerRequest::remaining);
        remaining.map(|left| left.as_secs_f64() * 1000.0)
    }

    /// Forgets a request; one that was not ended is answered as dropped.
    #[napi]
    pub fn forget(&mut self, id: f64) {
        self.requests.remove(&(id as u64));
    }

    fn request(&self, id: f64) -> Result<&ServerRequest> {
        let ended = || Error::new(ErrorKind::State, "the request was ended before");
        self.requests.get(&(id as u64)).ok_or_else(ended)
    }
}

/// Hashes of numbers that count up, which nobody chooses who wants them to collide.
type Numbers = BuildHasherDefault<Number>;

#[derive(Default)]
struct Number(u64);

impl Hasher for Number {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, number: u64) {
        // The table looks at the upper bits, too.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
