//! The Fast protocol as state machines, without I/O of its own.

#![forbid(unsafe_code)]

mod checksum;
mod decoder;
mod encoder;
mod frame;
mod header;
pub mod json;
mod limits;
mod payload;
mod protocol_error;
mod reason;
mod values;

pub use decoder::Decoder;
pub use encoder::encode;
pub use frame::{Body, ErrorBody, Frame};
pub use header::{HEADER_BYTES, MAX_MSGID, Status, Version};
pub use limits::Limits;
pub use protocol_error::ProtocolError;
pub use reason::Reason;
pub use values::{Elements, Values};
