//! Requests that a server answers without running them.

use libfast_model::{RemoteError, ServerOptions};
use std::time::Duration;

/// Why a request is not run. Callers may repeat it elsewhere or later, for nothing of it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many run, or wait.
    Overloaded,
    /// Its caller has stopped waiting.
    Expired,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Overloaded, Self::Expired];

    /// The name of the error that the caller gets.
    pub fn error_name(self) -> &'static str {
        match self {
            Self::Overloaded => "FastOverloaded",
            Self::Expired => "FastDeadlineExceeded",
        }
    }

    /// What metrics call it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Expired => "expired",
        }
    }

    /// The error that the caller gets. `again` is when it may come back, if it may.
    pub fn to_error(self, message: impl Into<String>, again: Option<Duration>) -> RemoteError {
        let again = again.map(|again| format!(r#","retryAfterMs":{}"#, again.as_micros().div_ceil(1000)));
        let info = format!(r#"{{"processed":false{}}}"#, again.unwrap_or_default());
        RemoteError::new(self.error_name(), message).with_info(info)
    }
}

/// The errors that are always the same, made once: to refuse must cost little.
#[derive(Debug)]
pub(crate) struct Refusals {
    overloaded: RemoteError,
    expired: RemoteError,
}

/// How long a caller that found no room should stay away.
const AWAY: Duration = Duration::from_millis(100);

impl Refusals {
    /// Those of a server.
    pub fn new(options: &ServerOptions) -> Self {
        let ServerOptions { max_inflight, .. } = options;
        let crowd = format!("`max_inflight` of {max_inflight} requests are running already");
        Self {
            overloaded: Refusal::Overloaded.to_error(crowd, Some(AWAY)),
            expired: Refusal::Expired.to_error("its caller does not wait any more; it was not run", None),
        }
    }

    pub fn error(&self, why: Refusal) -> &RemoteError {
        match why {
            Refusal::Overloaded => &self.overloaded,
            Refusal::Expired => &self.expired,
        }
    }
}
