//! What stands between C and Rust: panic guards and checked pointers.

use crate::buf::fast_buf;
use crate::code::{self, fast_code};
use crate::error::fast_error;
use libfast_model::{Error, ErrorKind, Result};
use std::any::Any;
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Length argument of text that ends with a NUL.
pub const FAST_NTS: usize = usize::MAX;

/// Runs the body of a function that returns a code, and hands its error out through `err`.
///
/// # Safety
/// `err` is NULL or writable.
pub(crate) unsafe fn coded(err: *mut *mut fast_error, body: impl FnOnce() -> Result<fast_code>) -> fast_code {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| Err(panicked(&*payload)));
    let code = code::of(&result);
    if let Err(error) = result {
        // SAFETY: passed on from the caller.
        unsafe { fast_error::hand_out(err, error) };
    }
    code
}

/// As [`coded`], for a function whose argument `name` is where a buffer with text goes.
///
/// # Safety
/// `out` and `err` are NULL or writable.
pub(crate) unsafe fn texted(
    out: *mut *mut fast_buf,
    name: &str,
    err: *mut *mut fast_error,
    text: impl FnOnce() -> Result<String>,
) -> fast_code {
    // SAFETY: passed on from the caller; `out` is looked at before it is written.
    unsafe {
        coded(err, || {
            output(out, name)?;
            out.write(fast_buf::new(text()?.as_bytes()));
            Ok(code::OK)
        })
    }
}

/// Runs the body of a function that returns a pointer; NULL on failure.
///
/// # Safety
/// `err` is NULL or writable.
pub(crate) unsafe fn made<T>(err: *mut *mut fast_error, body: impl FnOnce() -> Result<*mut T>) -> *mut T {
    let mut made = std::ptr::null_mut();
    let body = || {
        made = body()?;
        Ok(code::OK)
    };
    // SAFETY: passed on from the caller.
    unsafe { coded(err, body) };
    made
}

/// Runs the body of a function that has no error to give: `otherwise` on NULL and on a panic.
pub(crate) fn quiet<T>(otherwise: T, body: impl FnOnce() -> Option<T>) -> T {
    catch_unwind(AssertUnwindSafe(body)).ok().flatten().unwrap_or(otherwise)
}

/// The object behind a pointer that C holds.
///
/// # Safety
/// `pointer` is NULL or came from the function that makes such objects and was not freed.
pub(crate) unsafe fn object<'a, T>(pointer: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: passed on from the caller.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// Frees an object that C holds.
///
/// # Safety
/// As [`object`]; the pointer is not used afterwards.
pub(crate) unsafe fn free<T>(pointer: *mut T) {
    quiet((), || {
        if !pointer.is_null() {
            // SAFETY: passed on from the caller; every such object was made with `Box::into_raw`.
            drop(unsafe { Box::from_raw(pointer) });
        }
        Some(())
    });
}

/// Bytes from C.
///
/// # Safety
/// `data` is NULL or points to `len` readable bytes, or to a NUL-terminated text if `len` is [`FAST_NTS`]. They stay
/// unchanged while the result is used.
pub(crate) unsafe fn bytes<'a>(data: *const c_char, len: usize, name: &str) -> Result<&'a [u8]> {
    match (data.is_null(), len) {
        (true, 0) => Ok(&[]),
        (true, _) => Err(null(name)),
        // SAFETY: passed on from the caller.
        (false, FAST_NTS) => Ok(unsafe { std::ffi::CStr::from_ptr(data) }.to_bytes()),
        (false, len) if len > isize::MAX as usize => {
            Err(Error::new(ErrorKind::Invalid, format!("the length of `{name}` is impossible: {len}")))
        }
        // SAFETY: passed on from the caller.
        (false, len) => Ok(unsafe { std::slice::from_raw_parts(data.cast(), len) }),
    }
}

/// As [`bytes`], for text. It has no NUL, because C could not get it back.
///
/// # Safety
/// As [`bytes`].
pub(crate) unsafe fn text<'a>(data: *const c_char, len: usize, name: &str) -> Result<&'a str> {
    // SAFETY: passed on from the caller.
    let bytes = unsafe { bytes(data, len, name) }?;
    let invalid = |why: String| Error::new(ErrorKind::Invalid, format!("`{name}` {why}"));
    if len != FAST_NTS
        && let Some(at) = bytes.iter().position(|byte| *byte == 0)
    {
        return Err(invalid(format!("has a NUL at byte {at}; leave it out")));
    }
    std::str::from_utf8(bytes).map_err(|error| invalid(format!("is no UTF-8: {error}")))
}

/// As [`text`], for NUL-terminated text that may be NULL, meaning empty.
///
/// # Safety
/// As [`bytes`].
pub(crate) unsafe fn terminated<'a>(data: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: passed on from the caller.
    if data.is_null() { Ok("") } else { unsafe { text(data, FAST_NTS, name) } }
}

/// Checks a pointer that a result is written to.
pub(crate) fn output<T>(pointer: *mut T, name: &str) -> Result<()> {
    if pointer.is_null() { Err(null(name)) } else { Ok(()) }
}

pub(crate) fn null(name: &str) -> Error {
    Error::new(ErrorKind::Null, format!("argument `{name}` is NULL"))
}

fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    Error::new(ErrorKind::Panic, format!("defect in libfast: {text}"))
}
