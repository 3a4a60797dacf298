//! Errors on their way to JavaScript: one JSON array, from which `lib/errors.js` makes the object.

use libfast_model::{Cause, Error, ErrorKind, Result};
use napi::Status;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// `[code, message, endpoint, retriable, cause name, merged info, remote name, remote message, remote info, remote context,
/// remote ase_errors]`; infos, context and ase_errors are JSON text or empty.
pub fn text(error: &Error) -> String {
    let remote = error.remote().cloned().unwrap_or_default();
    serde_json::json!([
        error.kind().name(),
        error.message(),
        error.endpoint(),
        error.is_retriable(),
        error.cause().map_or("", Cause::name),
        error.merged_info(),
        remote.name,
        remote.message,
        remote.info,
        remote.context,
        remote.ase_errors,
    ])
    .to_string()
}

/// Runs `work`; a panic in it is an error like others, and never reaches the host.
pub fn contained<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<&str>().copied();
        let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let message = format!("libfast panicked: {}", said.unwrap_or("without a message"));
        Err(Error::new(ErrorKind::Panic, message))
    })
}

/// As [`contained`], for a function that JavaScript called: the error is thrown there.
pub fn thrown<T>(work: impl FnOnce() -> Result<T>) -> napi::Result<T> {
    contained(work).map_err(|error| napi::Error::new(Status::GenericFailure, text(&error)))
}
