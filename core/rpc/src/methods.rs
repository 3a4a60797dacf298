//! The methods of a server.

use crate::request::Request;
use libfast_model::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, RwLock};

/// Takes a request and sees to its answer, now or later. Runs on a thread that does I/O, so it must not block. If it
/// panics and has not kept the request, the caller gets an error.
pub type Handler = dyn Fn(Request) + Send + Sync;

/// Name to handler.
#[derive(Default)]
pub(crate) struct Methods(RwLock<HashMap<String, Arc<Handler>>>);

impl Methods {
    pub fn add(&self, name: &str, handler: Arc<Handler>) -> Result<()> {
        if name.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the name of a method is empty"));
        }
        let mut methods = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if methods.contains_key(name) {
            return Err(Error::new(
                ErrorKind::State,
                format!("duplicate handler registered for method {name:?}"),
            ));
        }
        methods.insert(name.to_owned(), handler);
        Ok(())
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(name)
    }

    /// Gives the request to its handler.
    pub fn run(&self, request: Request) {
        let handler = self.0.read().unwrap_or_else(PoisonError::into_inner).get(request.method()).cloned();
        // Methods are never removed, so the handler that was there a moment ago still is.
        if let Some(handler) = handler {
            // The panic hook has reported it. Its request was dropped, which answers it; other requests go on.
            let _ = catch_unwind(AssertUnwindSafe(|| handler(request)));
        }
    }
}
