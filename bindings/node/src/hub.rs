//! Where an environment's calls, requests and waits live, and how its JavaScript learns of them.

use crate::failure::{self, thrown};
use crate::outcome::{Outcome, Outcomes};
use libfast_embed::{Event, Queue, QueuedCall, ServerRequest};
use libfast_model::{Error, ErrorKind, RemoteError, Result};
use napi::bindgen_prelude::{Array, Function, ToNapiValue};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status, Unknown, check_status, sys};
use napi_derive::napi;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Weak: by itself it does not keep the process alive; see [`Hub::hold`].
type Waker = ThreadsafeFunction<(), Unknown<'static>, (), Status, false, true>;

/// The part that other threads reach.
pub struct Shared {
    pub queue: Arc<Queue>,
    pub outcomes: Outcomes,
}

struct Started {
    call: Arc<QueuedCall>,
    buffered: bool,
}

/// One per environment; used on its thread only.
#[napi]
pub struct Hub {
    shared: Arc<Shared>,
    waker: Arc<Waker>,
    calls: HashMap<u64, Started>,
    requests: HashMap<u64, ServerRequest>,
}

// Kinds of events, as in `lib/hub.js`. Each is followed by a number and a payload.
const VALUE: u32 = 0;
const DONE: u32 = 1;
const FAILED: u32 = 2;
const REQUEST: u32 = 3;
const CANCELLED: u32 = 4;
const WRITABLE: u32 = 5;
const BUFFERED: u32 = 6;

/// What V8 accepts, in UTF-16 units, of which there are never more than bytes.
const LONGEST_STRING: usize = (1 << 29) - 24;

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
        Ok(Self { shared, waker, calls: HashMap::new(), requests: HashMap::new() })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn add_call(&mut self, tag: u64, call: Arc<QueuedCall>, buffered: bool) {
        self.calls.insert(tag, Started { call, buffered });
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

    /// Takes about `max` events: `[more, kind, number, payload, kind, number, payload, …]`. If `more` is true there is no
    /// wake for what is left.
    #[napi]
    pub fn poll<'env>(&mut self, env: &'env Env, max: u32) -> napi::Result<Array<'env>> {
        let events = thrown(|| self.shared.queue.poll(max as usize, Some(Duration::ZERO)))?;
        let mut batch = Batch { array: env.create_array(0)?, length: 0 };
        batch.push(events.len() >= max as usize)?;
        for event in events {
            match event {
                Event::Data { tag, value } => {
                    batch.json(VALUE, tag, &value)?;
                }
                Event::Done { tag, values, count, error } => {
                    let buffered = self.calls.remove(&tag).is_some_and(|started| started.buffered);
                    match (error, values) {
                        (error, Some(values)) if buffered => batch.buffered(tag, &values, count, error)?,
                        (Some(error), _) => batch.event(FAILED, tag, failure::text(&error))?,
                        (None, Some(values)) => batch.json(DONE, tag, &values)?,
                        (None, None) => batch.event(DONE, tag, ())?,
                    }
                }
                Event::Request { tag, request } => {
                    let id = request.id();
                    let args = String::from_utf8_lossy(request.args());
                    batch.event(
                        REQUEST,
                        id,
                        (tag as f64, request.method(), request.peer(), args.as_ref()),
                    )?;
                    self.requests.insert(id, request);
                }
                Event::Cancelled { id, .. } => batch.event(CANCELLED, id, ())?,
                Event::Writable { id, .. } => batch.event(WRITABLE, id, ())?,
                Event::Wake => {
                    for (tag, outcome) in self.shared.outcomes.take() {
                        match outcome {
                            Ok(Outcome::Nothing) => batch.event(DONE, tag, ())?,
                            Ok(Outcome::Text(text)) => batch.event(DONE, tag, text)?,
                            Ok(Outcome::Picked(picked)) => batch.event(DONE, tag, picked)?,
                            Ok(Outcome::Announced(announced)) => batch.event(DONE, tag, announced)?,
                            Err(error) => batch.event(FAILED, tag, failure::text(&error))?,
                        }
                    }
                }
            }
        }
        Ok(batch.array)
    }

    /// Allows `credits` more values of a call.
    #[napi]
    pub fn grant(&self, tag: f64, credits: u32) {
        if let Some(started) = self.calls.get(&(tag as u64)) {
            started.call.grant(credits.into());
        }
    }

    /// Forgets a call, and gives its failure unless it was over. A last event may still come.
    #[napi]
    pub fn abandon(&mut self, tag: f64) -> Option<String> {
        let started = self.calls.remove(&(tag as u64))?;
        started.call.abandon().map(|error| failure::text(&error))
    }

    /// Sends one value; false: wait for [`WRITABLE`] before the next.
    #[napi]
    pub fn send(&self, id: f64, value: String) -> napi::Result<bool> {
        thrown(|| self.request(id)?.send(value.as_bytes()))
    }

    /// Ends an answer, with a last value if there is one.
    #[napi]
    pub fn end(&mut self, id: f64, value: Option<String>) -> napi::Result<()> {
        thrown(|| self.request(id)?.end(value.as_ref().map(String::as_bytes)))?;
        self.requests.remove(&(id as u64));
        Ok(())
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

/// Events as one flat array: an object for each would cost more than the event.
struct Batch<'env> {
    array: Array<'env>,
    length: u32,
}

impl Batch<'_> {
    fn event(&mut self, kind: u32, number: u64, payload: impl ToNapiValue) -> napi::Result<()> {
        self.push(kind)?;
        // A number of JavaScript: exact up to 2^53, which a count of calls does not reach.
        self.push(number as f64)?;
        self.push(payload)
    }

    /// A text that is too long for JavaScript fails its call rather than the batch.
    fn json(&mut self, kind: u32, tag: u64, text: &[u8]) -> napi::Result<()> {
        if text.len() > LONGEST_STRING {
            let message = format!("{} bytes of values are more than a JavaScript string holds", text.len());
            return self.event(FAILED, tag, failure::text(&Error::new(ErrorKind::TooLarge, message)));
        }
        self.event(kind, tag, String::from_utf8_lossy(text).as_ref())
    }

    fn buffered(&mut self, tag: u64, values: &[u8], count: u64, error: Option<Error>) -> napi::Result<()> {
        if values.len() > LONGEST_STRING {
            return self.json(BUFFERED, tag, values);
        }
        let values = String::from_utf8_lossy(values);
        let error = error.map(|error| failure::text(&error));
        self.event(BUFFERED, tag, (values.as_ref(), count as f64, error))
    }

    fn push(&mut self, item: impl ToNapiValue) -> napi::Result<()> {
        self.array.set(self.length, item)?;
        self.length += 1;
        Ok(())
    }
}
