//! The native part of the Node binding: `libfast-embed` as classes that only `lib/*.js` uses.
//!
//! Nothing here calls JavaScript but one wake per batch: completions, requests and the results of waits gather in the
//! [`hub`] of their environment (the main thread or a worker), and its JavaScript takes them when it was woken. Calls
//! and requests are numbers in JavaScript and live in the hub, so that no object has to be made for each.

// What is exported is for `lib/*.js`, which is next to it.
#![allow(missing_docs)]
// In a build for tests, of which there are none here, nothing is exported.
#![cfg_attr(test, allow(dead_code))]

mod announced;
mod batch;
mod client;
mod failure;
mod hub;
mod metrics;
mod options;
mod outcome;
mod server;
