//! A client's connections and the requests on them.

use super::error::ShownError;
use crate::client_account::{Asked, GivenUp, SeenConnection, Why};
use libfast_model::{Cause, Error};
use serde::Serialize;

/// One connection of a client.
#[derive(Serialize)]
pub(super) struct FastClient {
    id: u64,
    #[serde(rename = "nRpcStarted")]
    started: u64,
    #[serde(rename = "nRpcDone")]
    done: u64,
    #[serde(rename = "nErrors")]
    errors: u64,
    error: Option<ShownError>,
    detached: bool,
    #[serde(rename = "transportEnded")]
    transport_ended: bool,
}

/// A request that waits for its answer, or that was given up and whose id is still taken.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientRequest {
    client_id: u64,
    msgid: String,
    /// What was not sent is not on any connection.
    skipped: bool,
    rpcmethod: String,
    n_data_emitted: u64,
    n_messages_ignored: u32,
    error: Option<ShownError>,
    abandoned: bool,
    /// What ended well is not listed any more.
    done_graceful: bool,
    has_timeout: bool,
}

impl FastClient {
    pub fn new(seen: &SeenConnection) -> Self {
        Self {
            id: seen.id,
            started: seen.started,
            done: seen.done,
            errors: seen.errors,
            error: seen.error.as_ref().map(connection_error),
            detached: seen.detached,
            transport_ended: seen.transport_ended,
        }
    }
}

impl ClientRequest {
    pub fn pending(connection: u64, id: u32, asked: &Asked) -> Self {
        Self {
            client_id: connection,
            msgid: id.to_string(),
            skipped: false,
            rpcmethod: asked.method.name.to_string(),
            n_data_emitted: asked.emitted,
            n_messages_ignored: 0,
            error: None,
            abandoned: false,
            done_graceful: false,
            has_timeout: asked.timeout.is_some(),
        }
    }

    /// `ignored` messages came for it after it was given up.
    pub fn given_up(connection: u64, id: u32, given_up: &GivenUp, ignored: u32) -> Self {
        Self {
            n_messages_ignored: ignored,
            error: Some(cause(given_up).of_request()),
            abandoned: true,
            // Nothing waits for it any more, neither does its timer.
            has_timeout: false,
            ..Self::pending(connection, id, &given_up.asked)
        }
    }
}

fn cause(given_up: &GivenUp) -> ShownError {
    let limit = given_up.asked.timeout.unwrap_or_default().as_millis();
    match given_up.why {
        Why::Abandoned => ShownError::new(Cause::Abandoned.name(), "request abandoned by user"),
        Why::TimedOut => {
            ShownError::new(Cause::Timeout.name(), &format!("timed out after {limit} milliseconds"))
        }
        Why::Null => ShownError::new(Cause::Protocol.name(), r#"server sent "null" value"#),
    }
}

fn connection_error(error: &Error) -> ShownError {
    let name = error.cause().map_or(Cause::Transport.name(), Cause::name);
    ShownError::new(name, error.message())
}
