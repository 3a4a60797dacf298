//! Choosing an endpoint: which of a service's providers takes the next attempt.
//!
//! Pure decisions: time and randomness are arguments, nothing here waits, connects or reads a clock. An
//! [`EndpointSet`] is a snapshot that is replaced when a registry reports a change; each of its [`Member`]s keeps
//! its [`Load`] over such changes. Starting point: [`EndpointSet::pick`].

#![forbid(unsafe_code)]

mod endpoint_set;
mod load;
mod pick;

pub use endpoint_set::{EndpointSet, Member};
pub use load::{Load, Standing};
pub use pick::Picker;

/// A moment, in nanoseconds since an origin that the owner chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);
