//! The Fast protocol as state machines, without I/O of its own.
//!
//! Fast carries many calls over one byte stream: a client sends one `DATA` frame for each request, and the
//! server answers with any number of `DATA` frames and then exactly one `END` or `ERROR`. This crate turns
//! bytes into those events and back. It opens no socket, starts no task and reads no clock; the time that
//! frames carry is an argument. To simply make a call, use `libfast`.
//!
//! ```text
//!  bytes read  ─▶ next_event(input)   ─┐                    ┌─▶ events     ─▶ owner
//!  owner       ─▶ start_call, send …  ─┼─▶ ClientConnection ┤
//!  end of read ─▶ handle_end_of_stream ┘   ServerConnection └─▶ transmit() ─▶ bytes to write
//! ```
//!
//! Start with [`ClientConnection`] or [`ServerConnection`]; below them are [`Decoder`] and [`encode`], and
//! below those [`json`], which finds the parts of a payload without building a tree of it.

#![forbid(unsafe_code)]

mod checksum;
mod client;
mod client_event;
mod decoder;
mod encoder;
mod envelope;
mod frame;
mod header;
mod ids;
pub mod json;
mod limits;
mod name;
mod payload;
mod protocol_error;
mod reason;
mod server;
mod server_event;
mod server_reply;
mod text;
mod traffic;
mod transmit;
mod values;

pub use checksum::Checksum;
pub use client::{ClientConnection, ClientWire};
pub use client_event::ClientEvent;
pub use decoder::Decoder;
pub use encoder::encode;
pub use frame::{Body, Frame};
pub use header::{HEADER_BYTES, MAX_MSGID, Status, Version, frame_bytes};
pub use limits::Limits;
pub use name::Name;
pub use protocol_error::ProtocolError;
pub use reason::Reason;
pub use server::{ServerConnection, ServerWire};
pub use server_event::ServerEvent;
pub use traffic::{Traffic, Volume};
pub use values::{Elements, Values};
