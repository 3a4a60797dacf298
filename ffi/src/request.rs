//! Requests.

use crate::client::millis;
use crate::code::{self, fast_code};
use crate::guard::{bytes, coded, free, object, quiet, terminated};
use libfast_embed::ServerRequest;
use libfast_model::RemoteError;
use std::ffi::{CString, c_char};
use std::ptr::{null, null_mut};

/// A request to be answered with any number of values and exactly one end or failure, from any thread, at any time.
pub struct fast_request {
    request: ServerRequest,
    method: CString,
    peer: CString,
    args: CString,
}

impl fast_request {
    pub(crate) fn boxed(request: ServerRequest) -> *mut Self {
        // JSON has no NUL; a method's name that has one could not be registered from C either.
        let method = CString::new(request.method()).unwrap_or_default();
        let peer = CString::new(request.peer()).unwrap_or_default();
        let args = CString::new(request.args()).unwrap_or_default();
        Box::into_raw(Box::new(Self { request, method, peer, args }))
    }
}

/// The id that later events about this request carry; no other request of the process has it.
///
/// # Safety
/// `request` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_id(request: *const fast_request) -> u64 {
    // SAFETY: as documented.
    quiet(0, || unsafe { request.as_ref() }.map(|request| request.request.id()))
}

/// The name of the method. Lives as long as `request`.
///
/// # Safety
/// `request` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_method(request: *const fast_request) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { request.as_ref() }.map(|request| request.method.as_ptr()))
}

/// The arguments as the JSON text of an array, followed by a NUL; their length in `*len`, which may be NULL. Live as long as
/// `request`.
///
/// # Safety
/// `request` is NULL or live; `len` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_args(request: *const fast_request, len: *mut usize) -> *const c_char {
    // SAFETY: as documented.
    unsafe {
        let args = request.as_ref().map_or(c"", |request| request.args.as_c_str());
        if !len.is_null() {
            len.write(args.count_bytes());
        }
        args.as_ptr()
    }
}

/// The caller's address. Lives as long as `request`.
///
/// # Safety
/// `request` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_peer(request: *const fast_request) -> *const c_char {
    // SAFETY: as documented.
    quiet(c"".as_ptr(), || unsafe { request.as_ref() }.map(|request| request.peer.as_ptr()))
}

/// True once nobody waits for the answer any more.
///
/// # Safety
/// `request` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_cancelled(request: *const fast_request) -> bool {
    // SAFETY: as documented.
    quiet(true, || unsafe { request.as_ref() }.map(|request| request.request.is_cancelled()))
}

/// True once the caller has ended its side of the connection. It may be gone, which shows when something is sent to it; or it
/// reads on and waits for the answer, which is why this does not cancel the request. There is no event for it.
///
/// # Safety
/// `request` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_half_closed(request: *const fast_request) -> bool {
    // SAFETY: as documented.
    quiet(true, || unsafe { request.as_ref() }.map(|request| request.request.is_half_closed()))
}

/// How many milliseconds the caller goes on waiting, 0 once it has stopped; -1 if it does not say. Give it to the calls that
/// the answer depends on. Requests whose callers have stopped waiting before they are polled do not become events.
///
/// # Safety
/// `request` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_remaining_ms(request: *const fast_request) -> i64 {
    quiet(-1, || {
        // SAFETY: as documented.
        let remaining = unsafe { request.as_ref() }.and_then(|request| request.request.remaining());
        // Rounded up, as 0 means that it is over.
        remaining.map(|left| i64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX))
    })
}

/// Sends one value, the JSON text of anything but null, which clients refuse unless told otherwise. FAST_AGAIN: it is queued,
/// but the caller is slow; go on after the FAST_EV_WRITABLE event with this request's id, or after `fast_request_wait()`.
/// FAST_E_OVERLOAD: it is not queued, because more than the server's option `write_limit_bytes` waits for the caller; the
/// request is as it was, so wait in the same way and send again. FAST_E_CLOSED: the caller is gone. FAST_E_STATE: the request
/// was ended.
///
/// # Safety
/// `request` is NULL or live; `data` is as all text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_send(
    request: *mut fast_request,
    data: *const c_char,
    len: usize,
) -> fast_code {
    // SAFETY: as documented; no error object is asked for.
    unsafe {
        coded(null_mut(), || {
            let more = object(request, "request")?.request.send(bytes(data, len, "data")?)?;
            Ok(if more { code::OK } else { code::AGAIN })
        })
    }
}

/// Waits until more values can be sent, or the caller is gone, at most `timeout_ms`; FAST_AGAIN if neither happened.
///
/// # Safety
/// `request` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_wait(request: *mut fast_request, timeout_ms: i64) -> fast_code {
    // SAFETY: as documented; no error object is asked for.
    unsafe {
        coded(null_mut(), || {
            let writable = object(request, "request")?.request.wait_writable(millis(timeout_ms))?;
            Ok(if writable { code::OK } else { code::AGAIN })
        })
    }
}

/// Ends the answer, with a last value if `data` is not NULL. A second end or failure is FAST_E_STATE, and one after the caller
/// is gone FAST_E_CLOSED. FAST_E_OVERLOAD, only with a value: as of `fast_request_send()`; the request is as it was.
///
/// # Safety
/// `request` is NULL or live; `data` is as all text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_end(
    request: *mut fast_request,
    data: *const c_char,
    len: usize,
) -> fast_code {
    // SAFETY: as documented; no error object is asked for.
    unsafe {
        coded(null_mut(), || {
            let last = if data.is_null() { None } else { Some(bytes(data, len, "data")?) };
            object(request, "request")?.request.end(last)?;
            Ok(code::OK)
        })
    }
}

/// Ends the answer with an error of this name and message; `info_json` is the JSON text of an object, or NULL. Codes as of
/// `fast_request_end()` without a value.
///
/// # Safety
/// `request` is NULL or live; the texts are NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_fail(
    request: *mut fast_request,
    name: *const c_char,
    message: *const c_char,
    info_json: *const c_char,
) -> fast_code {
    // SAFETY: as documented.
    unsafe { fast_request_fail_with(request, name, message, info_json, null(), null()) }
}

/// As `fast_request_fail()`, with the members `context` and `ase_errors`, of which the first is for clients that look there for
/// what others look for in the info, and the second usually an array of the errors behind this one: JSON text of any kind of
/// value, or NULL, which sends `{}` as the context and leaves `ase_errors` out.
///
/// # Safety
/// As `fast_request_fail()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_fail_with(
    request: *mut fast_request,
    name: *const c_char,
    message: *const c_char,
    info_json: *const c_char,
    context_json: *const c_char,
    ase_errors_json: *const c_char,
) -> fast_code {
    // SAFETY: as documented; no error object is asked for.
    unsafe {
        coded(null_mut(), || {
            let text = |pointer, name| terminated(pointer, name).map(str::to_owned);
            let error = RemoteError {
                name: text(name, "name")?,
                message: text(message, "message")?,
                info: text(info_json, "info_json")?,
                context: text(context_json, "context_json")?,
                ase_errors: text(ase_errors_json, "ase_errors_json")?,
            };
            object(request, "request")?.request.fail(&error)?;
            Ok(code::OK)
        })
    }
}

/// Frees a request. If it was not answered the caller gets the error HandlerDropped.
///
/// # Safety
/// `request` is NULL or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_request_free(request: *mut fast_request) {
    // SAFETY: as documented.
    unsafe { free(request) }
}
