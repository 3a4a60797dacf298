//! Errors that cross the wire.

use crate::refusal::Refusal;
use libfast_model::{Error, ErrorKind, RemoteError};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The error of a call that a server answered with ERROR.
pub(crate) fn from_wire(remote: RemoteError) -> Error {
    let refusal = Refusal::ALL.into_iter().find(|refusal| refusal.error_name() == remote.name);
    let kind = match refusal {
        Some(Refusal::Expired) => ErrorKind::Timeout,
        Some(_) => ErrorKind::Overload,
        None => return Error::from_remote(remote),
    };
    Error::new(kind, remote.message.clone()).with_remote(remote)
}

/// The ERROR that a server sends for a handler's error. What a server behind this one answered is passed on, but not that
/// it refused: this one has run the request, and its caller must not think otherwise.
pub(crate) fn to_wire(error: &Error) -> RemoteError {
    match error.remote() {
        Some(remote) if error.kind() == ErrorKind::Remote => remote.clone(),
        _ => RemoteError::new("FastError", error.message())
            .with_info(format!(r#"{{"code":"{}"}}"#, error.kind().name())),
    }
}

/// The same error of a call, with everything known about it in its merged info. `msgid` is there if it was sent.
pub(crate) fn with_call(error: Error, method: &str, msgid: Option<u32>) -> Error {
    let behind = match (error.merged_info(), error.remote()) {
        ("", Some(remote)) => &remote.info,
        (merged, _) => merged,
    };
    // Raw, because numbers and strings of a peer must not change on their way through.
    let members: Option<BTreeMap<String, Box<RawValue>>> = serde_json::from_str(behind).ok();
    let mut members = members.unwrap_or_default();
    let mut add = |name: &str, value: Result<Box<RawValue>, serde_json::Error>| {
        if let Ok(value) = value {
            members.insert(name.into(), value);
        }
    };
    add("rpcMethod", serde_json::value::to_raw_value(method));
    if let Some(msgid) = msgid {
        add("rpcMsgid", serde_json::value::to_raw_value(&msgid));
    }
    let merged = serde_json::to_string(&members).unwrap_or_default();
    error.with_merged_info(merged)
}
