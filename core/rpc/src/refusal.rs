//! Requests that a server answers without running them.

use libfast_model::{OptionValue, RemoteError, ServerOptions};
use std::time::Duration;

/// Why a request is not run. Callers may repeat it elsewhere or later, for nothing of it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many are under way.
    Overloaded,
    /// Too many of its connection are under way.
    Connection,
    /// As many run as should, and too many wait, or it has waited too long.
    Queue,
    /// Its caller has stopped waiting.
    Expired,
    /// Its client asks more often than it may.
    Rate,
    /// Its client is not served for a while.
    Kicked,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Overloaded, Self::Connection, Self::Queue, Self::Expired, Self::Rate, Self::Kicked];

    /// The name of the error that the caller gets.
    pub fn error_name(self) -> &'static str {
        match self {
            Self::Overloaded | Self::Connection | Self::Queue => "FastOverloaded",
            Self::Expired => "FastDeadlineExceeded",
            Self::Rate => "FastRateLimited",
            Self::Kicked => "FastKicked",
        }
    }

    /// What metrics call it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::Connection => "connection",
            Self::Queue => "queue",
            Self::Expired => "expired",
            Self::Rate => "rate",
            Self::Kicked => "kicked",
        }
    }

    /// The error that the caller gets. `again` is when it may come back, if it may.
    pub fn to_error(self, message: impl Into<String>, again: Option<Duration>) -> RemoteError {
        let again = again.map(|again| format!(r#","retryAfterMs":{}"#, again.as_micros().div_ceil(1000)));
        let info = format!(r#"{{"processed":false{}}}"#, again.unwrap_or_default());
        RemoteError::new(self.error_name(), message).with_info(info)
    }
}

/// The errors that say nothing of their request, made once: to refuse must cost little.
#[derive(Debug)]
pub(crate) struct Refusals([RemoteError; Refusal::ALL.len()]);

/// How long a caller that found no room should stay away.
const AWAY: Duration = Duration::from_millis(100);

impl Refusals {
    /// Those of a server.
    pub fn new(options: &ServerOptions) -> Self {
        let ServerOptions { max_inflight, max_inflight_per_connection: per_connection, .. } = options;
        let concurrency = options.concurrency.to_text();
        Self(Refusal::ALL.map(|why| {
            let message = match why {
                Refusal::Overloaded => {
                    format!("`max_inflight` of {max_inflight} requests are under way already")
                }
                Refusal::Connection => {
                    format!(
                        "`max_inflight_per_connection` of {per_connection} requests are under way already"
                    )
                }
                Refusal::Queue => {
                    format!("too many requests wait for others to end: `concurrency` is {concurrency}")
                }
                Refusal::Expired => "its caller does not wait any more; it was not run".into(),
                // These have errors of their own, which say when to come again.
                Refusal::Rate => "its client asks more often than it may".into(),
                Refusal::Kicked => "its client is not served for a while".into(),
            };
            why.to_error(message, (why != Refusal::Expired).then_some(AWAY))
        }))
    }

    pub fn error(&self, why: Refusal) -> &RemoteError {
        // The variants are in the order of the array.
        &self.0[why as usize]
    }
}
