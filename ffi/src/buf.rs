//! Bytes that the library hands out.

use crate::guard::quiet;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ffi::c_char;
use std::sync::atomic::{AtomicUsize, Ordering, fence};

/// Immutable bytes, counted by references. A NUL follows them that is not counted in their length.
pub struct fast_buf {
    // The bytes follow in the same allocation, as most answers are one buffer each.
    references: AtomicUsize,
    len: usize,
}

impl fast_buf {
    /// One reference to a copy of `bytes`.
    pub(crate) fn new(bytes: &[u8]) -> *mut Self {
        Self::joined(&[bytes])
    }

    /// One reference to a copy of all `parts`.
    pub(crate) fn joined(parts: &[&[u8]]) -> *mut Self {
        let len = parts.iter().map(|part| part.len()).sum();
        let layout = Self::layout(len);
        // SAFETY: the layout has room for the head, `len` bytes and the NUL.
        unsafe {
            let buf = alloc(layout).cast::<Self>();
            if buf.is_null() {
                handle_alloc_error(layout);
            }
            buf.write(Self { references: AtomicUsize::new(1), len });
            let mut end = Self::bytes(buf).cast_mut();
            for part in parts {
                end.copy_from_nonoverlapping(part.as_ptr(), part.len());
                end = end.add(part.len());
            }
            end.write(0);
            buf
        }
    }

    fn layout(len: usize) -> Layout {
        let bytes = Layout::array::<u8>(len + 1).expect("it fits in memory");
        Layout::new::<Self>().extend(bytes).expect("it fits in memory").0
    }

    /// # Safety
    /// `buf` came from [`joined`](Self::joined) and is live.
    unsafe fn bytes(buf: *const Self) -> *const u8 {
        // SAFETY: they begin where the head ends, as bytes have no alignment.
        unsafe { buf.add(1).cast() }
    }
}

/// The bytes; NULL if `buf` is NULL. Live as long as a reference to `buf`.
///
/// # Safety
/// `buf` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_buf_data(buf: *const fast_buf) -> *const c_char {
    if buf.is_null() {
        return std::ptr::null();
    }
    // SAFETY: as documented.
    unsafe { fast_buf::bytes(buf) }.cast()
}

/// Their number; 0 if `buf` is NULL.
///
/// # Safety
/// `buf` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_buf_len(buf: *const fast_buf) -> usize {
    // SAFETY: as documented.
    quiet(0, || unsafe { buf.as_ref() }.map(|buf| buf.len))
}

/// One more reference; returns `buf`.
///
/// # Safety
/// `buf` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_buf_ref(buf: *mut fast_buf) -> *mut fast_buf {
    // SAFETY: as documented.
    if let Some(buf) = unsafe { buf.as_ref() }
        && buf.references.fetch_add(1, Ordering::Relaxed) > isize::MAX as usize
    {
        // As many references fit into no memory: they leak, and one more could make the count 0.
        std::process::abort();
    }
    buf
}

/// One reference less; the last one frees the bytes.
///
/// # Safety
/// `buf` is NULL or live; this reference is not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_buf_unref(buf: *mut fast_buf) {
    // SAFETY: as documented. The head is not used after the bytes are freed, by whoever has the last reference.
    unsafe {
        let Some(head) = buf.as_ref() else { return };
        // Nobody else can make or drop one if this is the only one, and most are.
        if head.references.load(Ordering::Acquire) != 1 {
            if head.references.fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            fence(Ordering::Acquire);
        }
        let layout = fast_buf::layout(head.len);
        dealloc(buf.cast(), layout);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[test]
    fn the_bytes_live_as_long_as_any_reference_and_end_with_a_nul() {
        for parts in [&[b"[".as_slice(), b"1,2", b"]"][..], &[b""], &[]] {
            // SAFETY: each reference is used until it is given back.
            unsafe {
                let buf = fast_buf::joined(parts);
                let other = fast_buf_ref(buf) as usize;
                let expected = parts.concat();
                std::thread::spawn(move || fast_buf_unref(other as *mut fast_buf)).join().unwrap();
                assert_eq!(fast_buf_len(buf), expected.len());
                assert_eq!(CStr::from_ptr(fast_buf_data(buf)).to_bytes(), expected);
                fast_buf_unref(buf);
            }
        }
    }
}
