//! What a server's bytes mean to the calls of a client.

use crate::{ProtocolError, Values};
use libfast_model::RemoteError;

/// Something that happened to a call, or to all of them.
#[derive(Debug)]
pub enum ClientEvent<T> {
    /// Values came; the call goes on.
    Values {
        /// The call, still pending.
        id: u32,
        /// At least one value.
        values: Values,
    },
    /// The call ended well. Values of its last frame came in an event before.
    Ended {
        /// The call's id, free again.
        id: u32,
        /// What the owner kept.
        call: T,
    },
    /// The server answered with an error.
    Failed {
        /// The call's id, free again.
        id: u32,
        /// What the owner kept.
        call: T,
        /// What the server said.
        error: Box<RemoteError>,
    },
    /// The server sent null as a value, which fails the call. Values before the null came in an event before. The connection goes on.
    NullValue {
        /// The call's id, abandoned.
        id: u32,
        /// What the owner kept.
        call: T,
        /// What it fails with.
        error: ProtocolError,
    },
    /// The connection is of no use any more. [`drain_calls`](crate::ClientConnection::drain_calls) gives the
    /// calls to fail.
    Fatal(ProtocolError),
}
