//! Errors that cross the wire.

use libfast_model::{Error, ErrorKind, Progress, RemoteError};

/// The name under which a server refuses a request that it has no room for. It was not run.
pub(crate) const OVERLOADED: &str = "FastOverloaded";

/// The error of a call that a server answered with ERROR.
pub(crate) fn from_wire(remote: RemoteError) -> Error {
    if remote.name == OVERLOADED {
        return Error::new(ErrorKind::Overload, remote.message).with_progress(Progress::NotStarted);
    }
    Error::from_remote(remote)
}

/// The ERROR that a server sends for a handler's error.
pub(crate) fn to_wire(error: &Error) -> RemoteError {
    match error.remote() {
        Some(remote) => remote.clone(),
        None => RemoteError {
            name: "FastError".into(),
            message: error.message().into(),
            info: format!(r#"{{"code":"{}"}}"#, error.kind().name()),
        },
    }
}
