//! What foreign runtimes need from libfast: C, Python, Node and, through C, PHP and C++.
//!
//! Foreign runtimes pull, the library never pushes into them: completions and requests wait in a [`Queue`] until the
//! program takes them, and the only push is a wake of its descriptor. Threads and descriptors are made by the first client or
//! server ([`shutdown`] ends them). A blocking call does its I/O on the calling thread if it is the only one. A fork is noticed:
//! in the child every object of the parent answers [`ErrorKind::Forked`](libfast_model::ErrorKind::Forked), and new
//! ones work. Every type here may be used from any thread.

mod announced;
mod call;
mod client;
mod config;
mod event;
mod event_loop;
mod feeders;
mod fork;
mod gathered;
mod metrics;
mod named;
mod owned;
mod park;
mod per_process;
mod queue;
mod request;
mod runtime;
mod server;
mod turns;

pub use announced::{Announced, Picked};
pub use call::{Next, PullCall, QueuedCall};
pub use client::{CallSettings, Client};
pub use config::Config;
pub use event::Event;
pub use fork::fork_generation;
pub use gathered::Gathered;
pub use libfast_rpc::{Affinity, Way, burst};
pub use metrics::metrics_text;
pub use queue::{Queue, Wake};
pub use request::ServerRequest;
pub use runtime::{block_all_signals, shutdown};
pub use server::Server;
