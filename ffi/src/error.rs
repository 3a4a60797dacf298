//! Error objects.

use crate::code::fast_code;
use crate::guard::{free, quiet};
use libfast_model::{Cause, Error, RemoteError};
use std::ffi::{CString, c_char};

/// Why a function failed. Owned by whoever got it; free it with `fast_error_free()`. May be read on any thread.
pub struct fast_error {
    code: fast_code,
    retriable: bool,
    message: CString,
    endpoint: CString,
    cause_name: CString,
    merged_info: CString,
    remote_name: CString,
    remote_message: CString,
    remote_info: CString,
    remote_context: CString,
    remote_ase_errors: CString,
}

impl fast_error {
    pub(crate) fn boxed(error: &Error) -> *mut Self {
        let remote =
            |member: fn(&RemoteError) -> &String| terminated(error.remote().map_or("", |r| member(r)));
        Box::into_raw(Box::new(Self {
            code: error.kind().code(),
            retriable: error.is_retriable(),
            message: terminated(error.message()),
            endpoint: terminated(error.endpoint()),
            cause_name: terminated(error.cause().map_or("", Cause::name)),
            merged_info: terminated(error.merged_info()),
            remote_name: remote(|remote| &remote.name),
            remote_message: remote(|remote| &remote.message),
            remote_info: remote(|remote| &remote.info),
            remote_context: remote(|remote| &remote.context),
            remote_ase_errors: remote(|remote| &remote.ase_errors),
        }))
    }

    /// # Safety
    /// `err` is NULL or writable.
    pub(crate) unsafe fn hand_out(err: *mut *mut Self, error: Error) {
        if !err.is_null() {
            // SAFETY: passed on from the caller.
            unsafe { err.write(Self::boxed(&error)) };
        }
    }
}

/// C text cannot hold a NUL; a peer may send one.
fn terminated(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{FFFD}")).unwrap_or_default()
}

/// The code, negative; 0 if `error` is NULL.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_code(error: *const fast_error) -> fast_code {
    // SAFETY: as documented.
    quiet(0, || unsafe { error.as_ref() }.map(|error| error.code))
}

/// What, where, why and what to do: one line of UTF-8. Lives as long as `error`; empty if that is NULL.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_message(error: *const fast_error) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { error.as_ref() }.map(|error| error.message.as_ptr()))
}

/// What the failure of a call goes back to, by the name that node-fast gives to the cause: "FastServerError" (the server
/// answered with an error), "TimeoutError", "FastRequestAbandonedError", "FastTransportError" (no connection, or it broke, or
/// the client was closed) or "FastProtocolError". Empty for what is no failure of a call, such as a wrong argument. Lives as
/// long as `error`.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_cause_name(error: *const fast_error) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { error.as_ref() }.map(|error| error.cause_name.as_ptr()))
}

/// Everything known about the failure of a call besides its message, as the JSON text of an object: the server's info, if it was
/// the server's error; what the protocol found (`fastReason` and more); `timeout` in milliseconds; always `rpcMethod`, and, if
/// the request got an id, `rpcMsgid`. Empty for what is no failure of a call. Lives as long as `error`.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_merged_info(error: *const fast_error) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { error.as_ref() }.map(|error| error.merged_info.as_ptr()))
}

/// The name of the server's error, with FAST_E_REMOTE and if the server refused with FAST_E_OVERLOAD; else empty. Lives as long as `error`.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_remote_name(error: *const fast_error) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { error.as_ref() }.map(|error| error.remote_name.as_ptr()))
}

/// The message of the server's error, verbatim; empty if the server sent none. Lives as long as `error`.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_remote_message(error: *const fast_error) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { error.as_ref() }.map(|error| error.remote_message.as_ptr()))
}

/// The info of the server's error as the JSON text of an object; empty if there is none. Lives as long as `error`.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_remote_info(error: *const fast_error) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { error.as_ref() }.map(|error| error.remote_info.as_ptr()))
}

/// The member `context` of the server's error, in which older servers put what newer ones put into the info: JSON text of any kind
/// of value, empty if there is none. Most servers send `{}` for nothing. Lives as long as `error`.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_remote_context(error: *const fast_error) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { error.as_ref() }.map(|error| error.remote_context.as_ptr()))
}

/// The member `ase_errors` of the server's error, usually an array of errors behind it: JSON text of any kind of value, empty if
/// there is none. Lives as long as `error`.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_remote_ase_errors(error: *const fast_error) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { error.as_ref() }.map(|error| error.remote_ase_errors.as_ptr()))
}

/// Where it happened, as host:port or unix:/path, or empty. Lives as long as `error`.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_endpoint(error: *const fast_error) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { error.as_ref() }.map(|error| error.endpoint.as_ptr()))
}

/// True if repeating the call cannot run it twice and could succeed.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_retriable(error: *const fast_error) -> bool {
    // SAFETY: as documented.
    quiet(false, || unsafe { error.as_ref() }.map(|error| error.retriable))
}

/// Frees an error.
///
/// # Safety
/// `error` is NULL or a live error, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_free(error: *mut fast_error) {
    // SAFETY: as documented.
    unsafe { free(error) }
}
