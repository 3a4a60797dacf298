//! Snapshots for operators, in the words of kang, the debugging page of programs that use node-fast.
//!
//! Types, ids and fields are those that node-fast has, so that its tools and the eyes of its users find what they know.
//! A client of libfast has several connections; each of them is one `fastclient`.

mod client;
mod error;
mod server;
mod snapshot;

pub use snapshot::KangSnapshot;

use crate::{Client, Server};

/// The whole document that a program called `name` shows at `/kang/snapshot`, as JSON text.
pub fn kang_snapshot(name: &str, servers: &[Server], clients: &[Client]) -> String {
    let snapshot = servers.iter().fold(KangSnapshot::new(name), |snapshot, server| snapshot.server(server));
    clients.iter().fold(snapshot, |snapshot, client| snapshot.client(client)).to_json()
}
