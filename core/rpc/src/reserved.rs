//! The methods that every server of libfast answers itself. Their names begin with [`PREFIX`], which no other method's may.
//!
//! Servers that know nothing of them answer that there is no such method, which does no harm.

use serde::{Deserialize, Serialize};

/// How their names begin.
pub(crate) const PREFIX: &str = "_fast.";
/// Ends at once, to tell that the server is there.
pub(crate) const PING: &str = "_fast.ping";
/// Sends [`News`] at once and after each change, and ends when the client should leave the connection.
pub(crate) const WATCH: &str = "_fast.watch";

/// How a server stands, as an object; members that somebody does not know are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct News {
    pub state: ServerState,
}

/// Whether new calls are welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ServerState {
    Serving,
    /// It is about to stop and asks for no new calls, which it serves all the same.
    Draining,
    /// A word of later versions.
    #[serde(other)]
    Unknown,
}

impl News {
    pub fn to_json(self) -> Vec<u8> {
        serde_json::to_vec(&self).expect("a word in an object is always JSON")
    }
}
