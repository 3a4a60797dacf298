//! A server's connections and the requests that run on them.

use super::error::ShownError;
use crate::running::Running;
use crate::server_account::SeenConnection;
use crate::socket::Ends;
use bytes::Bytes;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use std::net::SocketAddr;

/// A connection that a server has accepted.
#[derive(Serialize)]
pub(super) struct FastConnection {
    connid: u64,
    addrinfo: AddrInfo,
    #[serde(rename = "nStarted")]
    started: u64,
    #[serde(rename = "nCompleted")]
    completed: u64,
    #[serde(rename = "nFailed")]
    failed: u64,
    draining: bool,
    #[serde(rename = "errorSocket")]
    error_socket: Option<ShownError>,
    #[serde(rename = "errorServer")]
    error_server: Option<ShownError>,
    #[serde(rename = "timeAccepted")]
    time_accepted: String,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum AddrInfo {
    Tcp {
        remote_address: String,
        remote_port: u16,
        socket_type: &'static str,
        local_address: String,
        local_port: u16,
        label: String,
    },
    Other {
        socket_type: &'static str,
        label: &'static str,
    },
}

/// A request that runs.
#[derive(Serialize)]
pub(super) struct ServerRequest {
    connid: String,
    msgid: String,
    rpcmethod: String,
    rpcargs: Args,
    /// Those that are over are not listed.
    state: &'static str,
    /// A request that runs has not failed.
    error: Option<ShownError>,
    blackholed: bool,
    #[serde(rename = "timeStarted")]
    time_started: String,
}

enum Args {
    Text(Bytes),
    LeftOut(usize),
}

impl FastConnection {
    pub fn new(seen: &SeenConnection) -> Self {
        Self {
            connid: seen.id,
            addrinfo: AddrInfo::new(seen.ends),
            started: seen.tally.started,
            completed: seen.tally.completed,
            failed: seen.tally.failed,
            draining: seen.draining,
            error_socket: seen.error_socket.as_ref().map(|why| ShownError::new("Error", why)),
            error_server: seen.error_server.as_ref().map(|(name, why)| ShownError::new(name, why)),
            time_accepted: seen.accepted.timestamp().to_string(),
        }
    }
}

impl AddrInfo {
    fn new(ends: Ends) -> Self {
        match ends {
            Ends::Tcp { remote, local } => Self::Tcp {
                remote_address: remote.ip().to_string(),
                remote_port: remote.port(),
                socket_type: if matches!(remote, SocketAddr::V4(_)) { "IPv4" } else { "IPv6" },
                local_address: local.ip().to_string(),
                local_port: local.port(),
                // Without brackets around an IPv6 address.
                label: format!("{}:{}", remote.ip(), remote.port()),
            },
            Ends::Unix => Self::Other { socket_type: "UDS (inferred)", label: "UDS" },
            Ends::Unknown => Self::Other { socket_type: "unknown", label: "unknown" },
        }
    }
}

impl ServerRequest {
    /// A request of connection `connection`, which may wait for its turn. Its arguments are shown if they fit into `room`, which they take.
    pub fn new(connection: u64, running: &Running, is_waiting: bool, room: &mut usize) -> Self {
        let rpcargs = match room.checked_sub(running.args.len()) {
            Some(rest) => {
                *room = rest;
                Args::Text(running.args.clone())
            }
            None => Args::LeftOut(running.args.len()),
        };
        Self {
            connid: connection.to_string(),
            msgid: running.id.to_string(),
            rpcmethod: running.method().name.clone(),
            rpcargs,
            state: if is_waiting { "QUEUED" } else { "RUNNING" },
            error: None,
            blackholed: running.is_cancelled(),
            time_started: running.start.timestamp().to_string(),
        }
    }
}

impl Serialize for Args {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // As it came, because numbers must not change on their way through.
            Self::Text(text) => {
                serde_json::from_slice::<&RawValue>(text).map_err(S::Error::custom)?.serialize(serializer)
            }
            Self::LeftOut(bytes) => serializer.collect_str(&format_args!("{bytes} bytes, left out")),
        }
    }
}
