//! What becomes of a request, for the interceptors that asked to be told.

use super::Request;
use crate::interceptors::{EndHooks, Hooks, Outcome, ValueHooks};
use crate::server_connection::leaves_open;
use crate::value::Value;
use bytes::Bytes;
use libfast_model::{Error, RemoteError, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How an answer is to end.
pub(super) enum Ending<'e> {
    /// Well, with a last value or without.
    Value(Option<&'e [u8]>),
    Error(&'e RemoteError),
}

pub(crate) struct Watch {
    on_value: ValueHooks,
    values: AtomicU64,
    on_end: Mutex<EndHooks>,
}

impl Request {
    /// Has these told of the answer, of which nothing was sent yet.
    pub(crate) fn watched_by(&self, hooks: Hooks) {
        if !hooks.is_empty() {
            let Hooks { values: on_value, end } = hooks;
            let watch = Watch { on_value, values: AtomicU64::new(0), on_end: Mutex::new(end) };
            // It comes here once.
            let _ = self.0.watch.set(Box::new(watch));
        }
    }

    /// Answers with these values, as fast as the caller takes them.
    pub(crate) fn answer(self, mut values: Vec<Bytes>) {
        let last = values.pop();
        self.0.connection.runtime().clone().spawn(async move {
            for value in values {
                if self.send_text(&value).await.is_err() {
                    break;
                }
            }
            self.finish(Ok(last.map_or_else(|| b"null".to_vec(), |last| last.to_vec()))).await;
        });
    }

    /// After a value was sent.
    pub(super) fn tell_value(&self, text: &[u8]) {
        let Some(watch) = self.0.watch.get() else { return };
        watch.values.fetch_add(1, Ordering::Relaxed);
        if !watch.on_value.is_empty() {
            watch.on_value.tell(&Value::new(Bytes::copy_from_slice(text)));
        }
    }

    /// After the end was sent, or could not be because the caller is gone; nothing if the request goes on, or ended before.
    pub(super) fn tell_end(&self, ending: &Ending<'_>, sent: &Result<()>) {
        let Some(watch) = self.0.watch.get() else { return };
        if sent.as_ref().is_err_and(leaves_open) {
            return;
        }
        let error = match (sent, ending) {
            (Err(gone), _) => Some(gone.clone()),
            (Ok(()), Ending::Error(error)) => Some(Error::from_remote((*error).clone())),
            (Ok(()), Ending::Value(last)) => {
                last.iter().for_each(|last| self.tell_value(last));
                None
            }
        };
        let outcome = Outcome {
            values: watch.values.load(Ordering::Relaxed),
            error: error.as_ref(),
            endpoint: self.peer(),
            attempts: 1,
            duration: self.0.start.until(Instant::now()),
        };
        watch.on_end.lock().unwrap_or_else(PoisonError::into_inner).tell(&outcome);
    }
}
