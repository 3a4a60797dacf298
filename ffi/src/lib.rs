//! The C ABI of libfast: `libfast.so`, `libfast.a` and `include/fast.h`.
//!
//! Nothing but pointers, checks and guards over `libfast-embed`. The conventions, which hold for every function:
//!
//! - `fast_X_new` makes, `fast_X_free` frees; freeing NULL does nothing; objects may be freed in any order.
//! - Every pointer is checked: NULL where an object is needed is `FAST_E_NULL`.
//! - Text is UTF-8, given as pointer and length; the length `FAST_NTS` means that it ends with a NUL. NULL with length 0 is the
//!   empty text. Bytes are copied before a function returns.
//! - A result code is 0 or positive on success and negative on failure. On failure nothing is written to an output other
//!   than the error, and nothing has changed. Pass NULL for `err` to get no error object.
//! - Every function may be called from any thread unless its documentation says otherwise.
//! - A panic inside the library becomes `FAST_E_PANIC`.

// The names are C's.
#![allow(non_camel_case_types)]

mod announcement;
mod buf;
mod call;
mod client;
mod code;
mod config;
mod dispatcher;
mod error;
mod event;
mod guard;
mod library;
mod queue;
mod request;
mod server;
