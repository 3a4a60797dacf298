//! What a client's bytes mean to a server.

use crate::{Name, ProtocolError};
use bytes::Bytes;

/// Something that a client did.
#[derive(Debug)]
pub enum ServerEvent {
    /// A request came. It is in flight from now on, until `end`, `fail`, `fail_unknown_method` or `forget`.
    Request {
        /// Its id.
        id: u32,
        /// The name of the method to run, not empty.
        method: Name,
        /// The arguments, raw JSON text of an array.
        args: Bytes,
        /// How long its caller goes on waiting, in milliseconds from when it sent it, if it says so.
        deadline_ms: Option<u64>,
    },
    /// The client broke the protocol: close the connection and write nothing more.
    /// [`drain_requests`](crate::ServerConnection::drain_requests) gives the requests whose answers nobody
    /// will read.
    Fatal(ProtocolError),
}
