//! The Fast protocol as state machines, without I/O of its own.

#![forbid(unsafe_code)]

pub mod json;
