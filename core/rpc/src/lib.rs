//! Client and server on TCP and Unix sockets.
//!
//! This crate drives the state machines of `libfast-protocol` with tokio, chooses endpoints by `libfast-balance`, and
//! finds and announces them through `libfast-registry`. Rust programs use it through the crate `libfast`; the other
//! languages through `libfast-embed`. Starting points: [`Client`] and [`Server`].

#![forbid(unsafe_code)]

mod acceptor;
mod advertise;
mod affinity;
mod allowance;
mod announced;
mod announcing;
mod branch;
mod burst;
mod call;
mod call_options;
mod call_request;
mod channel;
mod charge;
mod client;
mod client_account;
mod clock;
mod connection;
mod connections;
mod draining;
mod gate;
mod hedging;
mod incoming_call;
mod interceptors;
mod kang;
mod leaving;
mod limits;
mod liveness;
mod methods;
mod metrics;
mod names;
mod observer;
mod outgoing_call;
mod picked;
mod place;
mod rates;
mod refusal;
mod registries;
mod remote;
mod request;
mod reserved;
mod retry;
mod running;
mod server;
mod server_account;
mod server_connection;
mod socket;
mod starting;
mod stopping;
mod unacknowledged;
mod value;
mod waiting_room;
mod wakers;

pub use affinity::Affinity;
pub use announced::announce;
pub use burst::{burst, write_burst};
pub use call::{Buffered, Call, Way};
pub use call_options::CallOptions;
pub use call_request::CallRequest;
pub use client::Client;
pub use incoming_call::{IncomingCall, ServerInterceptor};
pub use interceptors::Outcome;
pub use kang::{KangSnapshot, kang_snapshot};
pub use methods::Handler;
pub use metrics::{Metrics, metrics_text};
pub use observer::{CallEvent, CallObserver};
pub use outgoing_call::{ClientInterceptor, OutgoingCall};
pub use picked::Picked;
pub use registries::{Registries, close_registries, on_registry_thread_start};
pub use request::Request;
pub use server::Server;
pub use value::Value;

/// The tokio runtime this is called in.
fn runtime() -> libfast_model::Result<tokio::runtime::Handle> {
    clock::first_use();
    tokio::runtime::Handle::try_current().map_err(|_| {
        let message =
            "clients and servers need a tokio runtime: make them in an async function, or enter a runtime";
        libfast_model::Error::new(libfast_model::ErrorKind::State, message)
    })
}
