//! Error objects.

use crate::code::fast_code;
use crate::guard::{free, quiet};
use libfast_model::Error;
use std::ffi::{CString, c_char};

/// Why a function failed. Owned by whoever got it; free it with `fast_error_free()`. May be read on any thread.
pub struct fast_error {
    code: fast_code,
    retriable: bool,
    message: CString,
    endpoint: CString,
    remote_name: CString,
    remote_info: CString,
}

impl fast_error {
    pub(crate) fn boxed(error: &Error) -> *mut Self {
        let remote = error.remote();
        Box::into_raw(Box::new(Self {
            code: error.kind().code(),
            retriable: error.is_retriable(),
            message: terminated(error.message()),
            endpoint: terminated(error.endpoint()),
            remote_name: terminated(remote.map_or("", |remote| &remote.name)),
            remote_info: terminated(remote.map_or("", |remote| &remote.info)),
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

/// For FAST_E_REMOTE the name of the server's error, else empty. Lives as long as `error`.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_remote_name(error: *const fast_error) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { error.as_ref() }.map(|error| error.remote_name.as_ptr()))
}

/// For FAST_E_REMOTE the info of the server's error as the JSON text of an object, else empty. Lives as long as `error`.
///
/// # Safety
/// `error` is NULL or a live error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_error_remote_info(error: *const fast_error) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { error.as_ref() }.map(|error| error.remote_info.as_ptr()))
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
