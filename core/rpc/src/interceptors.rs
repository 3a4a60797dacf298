//! The interceptors of a client or server, and how one call goes through them.

use crate::value::Value;
use bytes::Bytes;
use libfast_model::{Error, ErrorKind, Result};
use libfast_protocol::{Values, json};
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// In the order in which they were installed. Each is of the type `F`.
pub(crate) struct Interceptors<F: ?Sized> {
    /// All that a call looks at if there are none.
    any: AtomicBool,
    chain: RwLock<Chain<F>>,
}

/// The interceptors that one call goes through.
pub(crate) type Chain<F> = Arc<Vec<Arc<F>>>;

/// What an interceptor makes of a call: the values that it answers with itself, if it does.
#[derive(Debug, Default)]
pub(crate) struct Answer(Option<Vec<Bytes>>);

impl<F: ?Sized> Interceptors<F> {
    /// Adds one behind those that are there, for calls that begin from now on.
    pub fn add(&self, interceptor: Arc<F>) {
        let mut chain = self.chain.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut chain).push(interceptor);
        self.any.store(true, Ordering::Release);
    }

    /// What a call that begins now goes through, if anything.
    pub fn chain(&self) -> Option<Chain<F>> {
        let any = self.any.load(Ordering::Acquire);
        any.then(|| self.chain.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl<F: ?Sized> Default for Interceptors<F> {
    fn default() -> Self {
        Self { any: AtomicBool::new(false), chain: RwLock::default() }
    }
}

impl Answer {
    /// Adds a value; null stands for none.
    pub fn push(&mut self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_vec(value).map_err(|error| {
            let message = format!("the answer of an interceptor cannot be written as JSON: {error}");
            Error::new(ErrorKind::Invalid, message)
        })?;
        self.push_valid(text.into());
        Ok(())
    }

    /// Adds the JSON text of a value that nests at most `max_depth` deep.
    pub fn push_text(&mut self, text: Bytes, max_depth: usize) -> Result<()> {
        json::check_value(&text, max_depth).map_err(|error| {
            let message = format!("the answer of an interceptor is no valid JSON: {error}");
            Error::new(ErrorKind::Invalid, message)
        })?;
        self.push_valid(text);
        Ok(())
    }

    fn push_valid(&mut self, text: Bytes) {
        let values = self.0.get_or_insert_default();
        if *text != *b"null" {
            values.push(text);
        }
    }

    pub fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// The values as they would come from a server, if it was answered.
    pub fn into_array(self, max_depth: usize) -> Result<Option<Values>> {
        let Some(values) = self.0 else { return Ok(None) };
        let array = [b"[", &*values.join(&b","[..]), b"]"].concat();
        Values::parse(array.into(), max_depth.saturating_add(1)).map(Some).map_err(|error| {
            let message = format!("the answer of an interceptor is no valid JSON: {error}");
            Error::new(ErrorKind::Invalid, message)
        })
    }

    /// The values, if it was answered.
    pub fn into_values(self) -> Option<Vec<Bytes>> {
        self.0
    }
}

/// Runs what a program installed. A panic, which the hook of the program has reported, is the failure of this call alone.
pub(crate) fn guarded(method: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::Panic,
            format!("an interceptor of {method:?} panicked; see standard error"),
        ))
    })
}

/// How a call ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome<'o> {
    /// How many values there were.
    pub values: u64,
    /// Why it failed, if it did.
    pub error: Option<&'o Error>,
    /// The other side, as `host:port` or `unix:/path`: where the last attempt went, empty if none was made; for a server,
    /// its caller.
    pub endpoint: &'o str,
    /// How often it was tried; 0 if an interceptor ended it. A server sees one attempt.
    pub attempts: u32,
    /// From its beginning to its end.
    pub duration: std::time::Duration,
}

type ValueHook = Box<dyn Fn(&Value) + Send + Sync>;
type EndHook = Box<dyn FnOnce(&Outcome<'_>) + Send>;

/// What interceptors want to be told of one call.
#[derive(Default)]
pub(crate) struct Hooks {
    pub values: ValueHooks,
    pub end: EndHooks,
}

/// Told of each value.
#[derive(Default)]
pub(crate) struct ValueHooks(Vec<ValueHook>);

/// Told of the end.
#[derive(Default)]
pub(crate) struct EndHooks(Vec<EndHook>);

impl ValueHooks {
    pub fn add(&mut self, hook: impl Fn(&Value) + Send + Sync + 'static) {
        self.0.push(Box::new(hook));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// From the interceptor next to the wire outwards. What one of them makes of it is not the business of the call.
    pub fn tell(&self, value: &Value) {
        for hook in self.0.iter().rev() {
            let _ = catch_unwind(AssertUnwindSafe(|| hook(value)));
        }
    }
}

impl EndHooks {
    pub fn add(&mut self, hook: impl FnOnce(&Outcome<'_>) + Send + 'static) {
        self.0.push(Box::new(hook));
    }

    /// As for values, once.
    pub fn tell(&mut self, outcome: &Outcome<'_>) {
        for hook in std::mem::take(&mut self.0).into_iter().rev() {
            let _ = catch_unwind(AssertUnwindSafe(|| hook(outcome)));
        }
    }
}

impl Hooks {
    pub fn is_empty(&self) -> bool {
        self.values.0.is_empty() && self.end.0.is_empty()
    }
}
