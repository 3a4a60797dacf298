//! The methods that every server of libfast answers itself. Their names begin with [`PREFIX`], which no other method's may.
//!
//! Servers that know nothing of them answer that there is no such method, which does no harm.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How their names begin.
pub(crate) const PREFIX: &str = "_fast.";
/// Ends at once, to tell that the server is there.
pub(crate) const PING: &str = "_fast.ping";
/// Sends [`News`] at once and after each change, and ends when the client should leave the connection. Its argument, if there
/// is one, is the client's [`Introduction`].
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

/// Who a client says it is, as an object; members that somebody does not know are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Introduction<'n> {
    /// Its option `client_name`.
    pub client: Cow<'n, str>,
}

/// The longest name of a client that a server takes note of.
const MOST_NAME_BYTES: usize = 256;

impl Introduction<'_> {
    /// The arguments with the name of a client, if it has one.
    pub fn to_args(name: &str) -> String {
        let introduction = (!name.is_empty()).then(|| [Introduction { client: name.into() }]);
        introduction
            .map_or_else(|| "[]".into(), |args| serde_json::to_string(&args).expect("a name is always JSON"))
    }

    /// The name in such arguments.
    pub fn name_in(args: &[u8]) -> Option<String> {
        let [Introduction { client }] = serde_json::from_slice(args).ok()?;
        (1..=MOST_NAME_BYTES).contains(&client.len()).then(|| client.into_owned())
    }
}

impl News {
    pub fn to_json(self) -> Vec<u8> {
        serde_json::to_vec(&self).expect("a word in an object is always JSON")
    }
}
