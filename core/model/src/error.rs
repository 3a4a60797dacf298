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
    /// The request left this process, or still will, and no last message came back. Repeat only idempotent calls.
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
    /// JSON text of the `info` object, or empty if there is none.
    pub info: String,
    /// JSON text of the member `context`, of whatever kind, or empty if there is none. Older servers put here what newer
    /// ones put into `info`.
    pub context: String,
    /// JSON text of the member `ase_errors`, usually an array of errors behind this one, or empty if there is none.
    pub ase_errors: String,
}

impl RemoteError {
    /// An error without info.
    pub fn new(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into(), ..Self::default() }
    }

    /// The same error with the JSON text of an object as its info.
    pub fn with_info(mut self, info: impl Into<String>) -> Self {
        self.info = info.into();
        self
    }
}

/// What the failure of a call goes back to, with the names that node-fast gives to the causes of its
/// `FastRequestError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The server answered with an error.
    Server,
    /// The call's time ran out.
    Timeout,
    /// The caller stopped waiting.
    Abandoned,
    /// There was no connection, or it broke.
    Transport,
    /// The server sent something that is no proper answer, or ended the stream in the middle of one.
    Protocol,
}

impl Cause {
    /// The name, such as `FastServerError`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "FastServerError",
            Self::Timeout => "TimeoutError",
            Self::Abandoned => "FastRequestAbandonedError",
            Self::Transport => "FastTransportError",
            Self::Protocol => "FastProtocolError",
        }
    }

    fn of(kind: ErrorKind) -> Option<Self> {
        use ErrorKind::*;
        match kind {
            Remote => Some(Self::Server),
            Timeout => Some(Self::Timeout),
            Abandoned => Some(Self::Abandoned),
            Connect | ConnectionLost | NoEndpoint | Closed => Some(Self::Transport),
            Protocol => Some(Self::Protocol),
            _ => None,
        }
    }
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
    cause: Option<Cause>,
    merged_info: String,
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
            cause: Cause::of(kind),
            merged_info: String::new(),
        }))
    }

    /// The error that a server sent.
    pub fn from_remote(remote: RemoteError) -> Self {
        let message = format!("{}: {}", remote.name, remote.message);
        Self::new(ErrorKind::Remote, message).with_progress(Progress::Finished).with_remote(remote)
    }

    /// The same error, with what the server sent.
    pub fn with_remote(mut self, remote: RemoteError) -> Self {
        self.0.cause = Some(Cause::Server);
        self.0.remote = Some(remote);
        self
    }

    /// The same error, with a cause other than its kind suggests.
    pub fn with_cause(mut self, cause: Cause) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// The same error, with the JSON text of an object as its merged info.
    pub fn with_merged_info(mut self, info: impl Into<String>) -> Self {
        self.0.merged_info = info.into();
        self
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

    /// What the failure goes back to; `None` if it is not one of a call, such as a wrong argument.
    pub fn cause(&self) -> Option<Cause> {
        self.0.cause
    }

    /// Everything known about the failure besides its message, as the JSON text of an object: the server's info, if it
    /// was the server's error; what the protocol found (`fastReason` and more); `timeout` in milliseconds; and always
    /// `rpcMethod` and, if the request got an id, `rpcMsgid` of the call. Empty for what is not the failure of a call.
    pub fn merged_info(&self) -> &str {
        &self.0.merged_info
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
        let Inner { kind, progress, message, endpoint, remote, cause: _, merged_info } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("message", message)
            .field("progress", progress)
            .field("endpoint", endpoint)
            .field("remote", remote)
            .field("merged_info", merged_info)
            .finish()
    }
}

impl std::error::Error for Error {}
