//! The methods of a server.

use crate::metrics::MethodMeter;
use crate::names::{Named, Names};
use crate::request::Request;
use crate::reserved::PREFIX;
use libfast_model::{Error, ErrorKind, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Takes a request and sees to its answer, now or later. Runs on a thread that does I/O, so it must not block. If it
/// panics and has not kept the request, the caller gets an error.
pub type Handler = dyn Fn(Request) + Send + Sync;

/// By name.
#[derive(Default)]
pub(crate) struct Methods(Names<Method>);

/// What requests keep instead of their method, whose count all threads would write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MethodKey(usize);

pub(crate) struct Method {
    pub name: String,
    pub meter: Option<MethodMeter>,
    handler: Arc<Handler>,
}

impl Methods {
    pub fn add(&self, name: &str, handler: Arc<Handler>, meter: Option<MethodMeter>) -> Result<()> {
        if name.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the name of a method is empty"));
        }
        if name.starts_with(PREFIX) {
            let message = format!("the name of method {name:?} begins with {PREFIX:?}, which is reserved");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let method = Arc::new(Method { name: name.to_owned(), meter, handler });
        self.0.add(&method).map_err(|_| {
            Error::new(ErrorKind::State, format!("duplicate handler registered for method {name:?}"))
        })
    }

    /// The method of that name, and its key.
    pub fn find(&self, name: &str) -> Option<(MethodKey, &Arc<Method>)> {
        self.0.find(name).map(|(place, method)| (MethodKey(place), method))
    }

    /// The method of that key.
    pub fn at(&self, key: MethodKey) -> &Arc<Method> {
        self.0.at(key.0).expect("it was found there, and none is taken away")
    }
}

impl Named for Method {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Method {
    /// Gives the request to its handler.
    pub fn run(&self, request: Request) {
        // The panic hook has reported it. Its request was dropped, which answers it; other requests go on.
        let _ = catch_unwind(AssertUnwindSafe(|| (self.handler)(request)));
    }
}
