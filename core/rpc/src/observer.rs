//! The way of a call to its server, for those who want to see it.

use libfast_model::{Address, Error};
use std::fmt;
use std::sync::Arc;

/// Something that happened to a call. Each attempt is picked, connected and sent, in this order, unless it fails before.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallEvent<'e> {
    /// An endpoint was chosen. Those of the client are known by now: see `Client::stats`.
    Picked {
        /// Its address.
        endpoint: &'e Address,
    },
    /// There is a connection to it.
    Connected {
        /// Its address.
        endpoint: &'e Address,
        /// Whether it was there before the call.
        reused: bool,
    },
    /// The whole request was written to the connection.
    Sent {
        /// The id of the request on its connection.
        id: u32,
        /// The length of its message, header included.
        bytes: u64,
    },
    /// The attempt failed. If it is repeated, another endpoint is picked next.
    Failed {
        /// Why.
        error: &'e Error,
    },
}

/// Hears of the events of calls, on the thread that drives them: it must neither block nor wait for its call.
#[derive(Clone)]
pub struct CallObserver(Arc<dyn Fn(&CallEvent<'_>) + Send + Sync>);

impl CallObserver {
    /// An observer that runs `hear` at each event.
    pub fn new(hear: impl Fn(&CallEvent<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    pub(crate) fn tell(&self, event: &CallEvent<'_>) {
        (self.0)(event);
    }
}

impl fmt::Debug for CallObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallObserver")
    }
}
