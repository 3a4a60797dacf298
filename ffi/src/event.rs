//! Events as C sees them.

use crate::buf::fast_buf;
use crate::code::{self, fast_code};
use crate::error::fast_error;
use crate::request::fast_request;
use libfast_embed::Event;
use libfast_model::Error;
use std::ffi::c_char;
use std::ptr::null_mut;

/// A value of a call; `data` has its JSON text.
pub const FAST_EV_DATA: i32 = 1;
/// A call is over: `code` and `error` tell how. With FAST_CALL_COLLECT `data` has the JSON array of its values.
pub const FAST_EV_DONE: i32 = 2;
/// A request to be answered. It is freed with the event unless `request` is set to NULL, which keeps it.
pub const FAST_EV_REQUEST: i32 = 3;
/// Nobody waits for the answer of request `id` any more.
pub const FAST_EV_CANCELLED: i32 = 4;
/// More values of request `id` can be sent.
pub const FAST_EV_WRITABLE: i32 = 5;
/// `fast_queue_wake()` was called.
pub const FAST_EV_WAKE: i32 = 6;
/// The entry of a server or an announcement in its registry is in another state: `data` has its name, and `code` and `error` tell
/// why it is not listed. For who asked with `fast_server_watch_announcement()` or `fast_announcement_watch()`.
pub const FAST_EV_ANNOUNCEMENT: i32 = 7;

/// Something that happened. Release it with `fast_events_release()`. Frozen for the soname libfast.so.1.
#[repr(C)]
pub struct fast_event {
    /// FAST_EV_...
    pub kind: i32,
    /// FAST_EV_DONE, FAST_EV_ANNOUNCEMENT: FAST_OK or why it failed.
    pub code: fast_code,
    /// What the program gave when it started the call or added the method.
    pub tag: u64,
    /// The request's id, for the events about requests.
    pub id: u64,
    /// Bytes of `buf`, followed by a NUL.
    pub data: *const c_char,
    /// Their number.
    pub len: usize,
    /// Owned by the event; take a reference to keep it.
    pub buf: *mut fast_buf,
    /// Owned by the event; NULL if there is none.
    pub error: *mut fast_error,
    /// Owned by the event.
    pub request: *mut fast_request,
    /// For later versions.
    pub reserved: [u64; 2],
}

impl fast_event {
    fn empty(kind: i32, tag: u64) -> Self {
        Self {
            kind,
            code: code::OK,
            tag,
            id: 0,
            data: std::ptr::null(),
            len: 0,
            buf: null_mut(),
            error: null_mut(),
            request: null_mut(),
            reserved: [0; 2],
        }
    }

    fn with_data(mut self, parts: &[&[u8]]) -> Self {
        self.buf = fast_buf::joined(parts);
        // SAFETY: the buffer was just made and belongs to the event.
        unsafe {
            self.data = crate::buf::fast_buf_data(self.buf);
            self.len = crate::buf::fast_buf_len(self.buf);
        }
        self
    }

    fn with_error(mut self, error: Option<Error>) -> Self {
        if let Some(error) = error {
            self.code = error.kind().code();
            self.error = fast_error::boxed(&error);
        }
        self
    }

    pub(crate) fn new(event: Event) -> Self {
        match event {
            Event::Data { tag, value } => Self::empty(FAST_EV_DATA, tag).with_data(&[&value]),
            Event::Done { tag, values, error } => {
                let mut done = Self::empty(FAST_EV_DONE, tag);
                if let Some(values) = values {
                    done = done.with_data(&values.array_parts());
                }
                done.with_error(error)
            }
            Event::Request { tag, request } => {
                let id = request.id();
                let request = fast_request::boxed(request);
                Self { id, request, ..Self::empty(FAST_EV_REQUEST, tag) }
            }
            Event::Cancelled { tag, id } => Self { id, ..Self::empty(FAST_EV_CANCELLED, tag) },
            Event::Writable { tag, id } => Self { id, ..Self::empty(FAST_EV_WRITABLE, tag) },
            Event::Announcement { tag, state, error } => {
                Self::empty(FAST_EV_ANNOUNCEMENT, tag).with_data(&[state.as_bytes()]).with_error(error)
            }
            Event::Wake => Self::empty(FAST_EV_WAKE, 0),
        }
    }
}

/// Releases what `n` events own. A request that is still in its event and was not answered fails as HandlerDropped.
///
/// # Safety
/// `events` is NULL or points to `n` events from `fast_queue_poll()`, released once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_events_release(events: *mut fast_event, n: usize) {
    if events.is_null() {
        return;
    }
    for i in 0..n {
        // SAFETY: as documented. The members are taken out, so that a second release does nothing.
        unsafe {
            let event = &mut *events.add(i);
            crate::buf::fast_buf_unref(std::mem::replace(&mut event.buf, null_mut()));
            crate::error::fast_error_free(std::mem::replace(&mut event.error, null_mut()));
            crate::request::fast_request_free(std::mem::replace(&mut event.request, null_mut()));
            event.data = std::ptr::null();
            event.len = 0;
        }
    }
}
