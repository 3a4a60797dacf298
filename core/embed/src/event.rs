//! What a queue hands out.

use crate::gathered::Gathered;
use crate::request::ServerRequest;
use bytes::Bytes;
use libfast_model::Error;

/// Something that happened. `tag` is what the program gave when it started the call or added the method.
#[derive(Debug)]
pub enum Event {
    /// A value of a call.
    Data {
        /// The call's tag.
        tag: u64,
        /// The JSON text of the value.
        value: Bytes,
    },
    /// A call is over; nothing more comes with its tag.
    Done {
        /// The call's tag.
        tag: u64,
        /// For a collected or buffered call, its values (those that came, if it failed).
        values: Option<Gathered>,
        /// Why it failed, if it did.
        error: Option<Error>,
    },
    /// A request to be answered.
    Request {
        /// The method's tag.
        tag: u64,
        /// The request.
        request: ServerRequest,
    },
    /// Nobody waits for the answer of a request any more.
    Cancelled {
        /// The method's tag.
        tag: u64,
        /// The request's id.
        id: u64,
    },
    /// More values of a request can be sent.
    Writable {
        /// The method's tag.
        tag: u64,
        /// The request's id.
        id: u64,
    },
    /// The entry of a server or an announcement in its registry is in another state.
    Announcement {
        /// What the program gave when it asked to be told.
        tag: u64,
        /// `connecting`, `registered`, `suspended`, `lost` or `closed`.
        state: &'static str,
        /// Why it is not listed.
        error: Option<Error>,
    },
    /// Somebody called [`Queue::wake`](crate::Queue::wake).
    Wake,
}
