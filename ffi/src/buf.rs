//! Bytes that the library hands out.

use crate::guard::quiet;
use std::ffi::c_char;
use std::sync::Arc;

/// Immutable bytes, counted by references. A NUL follows them that is not counted in their length.
pub struct fast_buf(Box<[u8]>);

impl fast_buf {
    /// One reference to a copy of `bytes`.
    pub(crate) fn new(bytes: &[u8]) -> *mut Self {
        let mut terminated = Vec::with_capacity(bytes.len() + 1);
        terminated.extend_from_slice(bytes);
        terminated.push(0);
        Arc::into_raw(Arc::new(Self(terminated.into_boxed_slice()))).cast_mut()
    }

    fn len(&self) -> usize {
        self.0.len() - 1
    }
}

/// The bytes; NULL if `buf` is NULL. Live as long as a reference to `buf`.
///
/// # Safety
/// `buf` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_buf_data(buf: *const fast_buf) -> *const c_char {
    // SAFETY: as documented.
    quiet(std::ptr::null(), || unsafe { buf.as_ref() }.map(|buf| buf.0.as_ptr().cast()))
}

/// Their number; 0 if `buf` is NULL.
///
/// # Safety
/// `buf` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_buf_len(buf: *const fast_buf) -> usize {
    // SAFETY: as documented.
    quiet(0, || unsafe { buf.as_ref() }.map(fast_buf::len))
}

/// One more reference; returns `buf`.
///
/// # Safety
/// `buf` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_buf_ref(buf: *mut fast_buf) -> *mut fast_buf {
    if !buf.is_null() {
        // SAFETY: a live buffer came from `Arc::into_raw`.
        unsafe { Arc::increment_strong_count(buf.cast_const()) };
    }
    buf
}

/// One reference less; the last one frees the bytes.
///
/// # Safety
/// `buf` is NULL or live; this reference is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_buf_unref(buf: *mut fast_buf) {
    if !buf.is_null() {
        // SAFETY: a live buffer came from `Arc::into_raw`.
        unsafe { Arc::decrement_strong_count(buf.cast_const()) };
    }
}
