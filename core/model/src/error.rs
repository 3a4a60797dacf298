//! The one error type, and the fact that a retry depends on.

use crate::ErrorKind;
use std::fmt;

/// Whether repeating a failed call could run it twice.
///
/// Decided where the failure happens, because only that code knows how far the request got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// No handler ran: nothing was sent, or the server refused. Always safe to repeat.
    NotStarted,
    /// The request left this process and no last message came back. Repeat only idempotent calls.
    Unknown,
    /// The server answered. Repeating would run the method again.
    Finished,
}

/// What a server said went wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteError {
    /// The error's name, such as `FastError` or `VError`.
    pub name: String,
    /// The error's message, verbatim.
    pub message: String,
    /// JSON text of the `info` object, or empty if the server sent none.
    pub info: String,
}

/// Why an operation failed.
///
/// Match on [`kind`](Self::kind); the wording of `Display` may change in any release.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    progress: Progress,
    message: String,
    endpoint: String,
    remote: Option<RemoteError>,
}

impl Error {
    /// An error with nothing sent. `message` says what, where, why and what to do.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            progress: Progress::NotStarted,
            message: message.into(),
            endpoint: String::new(),
            remote: None,
        }))
    }

    /// The error that a server sent.
    pub fn from_remote(remote: RemoteError) -> Self {
        let mut error = Self::new(ErrorKind::Remote, format!("{}: {}", remote.name, remote.message));
        error.0.progress = Progress::Finished;
        error.0.remote = Some(remote);
        error
    }

    /// The same error, with how far the request got.
    pub fn with_progress(mut self, progress: Progress) -> Self {
        self.0.progress = progress;
        self
    }

    /// The same error, with the endpoint (`host:port` or `unix:/path`) it happened at.
    pub fn at(mut self, endpoint: impl fmt::Display) -> Self {
        self.0.endpoint = endpoint.to_string();
        self
    }

    /// The same error, with `context` and a colon before its message.
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether repeating could run the call twice.
    pub fn progress(&self) -> Progress {
        self.0.progress
    }

    /// What, where, why and what to do, in one line of text.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The endpoint it happened at, or the empty string.
    pub fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    /// What the server sent, if it was the server's error.
    pub fn remote(&self) -> Option<&RemoteError> {
        self.0.remote.as_ref()
    }

    /// True if repeating the call cannot run it twice and could succeed.
    pub fn is_retriable(&self) -> bool {
        use ErrorKind::*;
        self.0.progress == Progress::NotStarted
            && matches!(self.0.kind, Connect | ConnectionLost | NoEndpoint | Overload | Registry)
    }
}

impl From<RemoteError> for Error {
    fn from(remote: RemoteError) -> Self {
        Self::from_remote(remote)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, progress, message, endpoint, remote } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("message", message)
            .field("progress", progress)
            .field("endpoint", endpoint)
            .field("remote", remote)
            .finish()
    }
}

impl std::error::Error for Error {}
