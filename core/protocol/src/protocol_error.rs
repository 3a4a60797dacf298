//! The error that a peer's bytes cause: reason, message and info as other implementations word them.

use crate::json::JsonError;
use crate::{Reason, Status, Version};
use libfast_model::{Cause, Error, ErrorKind, Progress};
use std::fmt;

/// Longest payload that an error quotes, in bytes.
const MOST_QUOTED: usize = 64 * 1024;

/// What a peer did that is not Fast. Final for its connection, save for [`Reason::NullValue`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolError {
    reason: Reason,
    message: String,
    /// Members after `fastReason`, each with a comma before it.
    details: String,
}

impl ProtocolError {
    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The message, the same text as `Display`.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The info as JSON text of an object.
    pub fn info(&self) -> String {
        match self.reason {
            Reason::UnexpectedEnd | Reason::NullValue => {
                format!("{{{}}}", self.details.trim_start_matches(','))
            }
            reason => format!(r#"{{"fastReason":"{}"{}}}"#, reason.name(), self.details),
        }
    }

    /// The error that a caller sees whose request had left: how far it got is not known.
    ///
    /// A stream that ends too early is a lost connection, because that is what a server that dies looks like.
    pub fn to_error(&self) -> Error {
        let kind = match self.reason {
            Reason::TooLarge => ErrorKind::TooLarge,
            Reason::UnexpectedEnd | Reason::IncompleteMessage => ErrorKind::ConnectionLost,
            _ => ErrorKind::Protocol,
        };
        let advice = match self.reason {
            Reason::NullValue => "; set `ignore_null_values` to drop these",
            _ => "",
        };
        Error::new(kind, format!("{self}{advice}"))
            .with_progress(Progress::Unknown)
            .with_cause(Cause::Protocol)
            .with_merged_info(self.info())
    }

    /// A server sent null as a value, in a frame of this status and payload.
    pub(crate) fn null_value(version: Version, status: Status, msgid: u32, payload: &[u8]) -> Self {
        let data = match payload.len() {
            0..=MOST_QUOTED => format!(r#""data":{},"#, String::from_utf8_lossy(payload)),
            _ => String::new(),
        };
        let (version, status) = (version as u8, status as u8);
        let details =
            format!(r#","rpcMessage":{{"status":{status},"msgid":{msgid},{data}"version":{version}}}"#);
        Self::new(Reason::NullValue, r#"server sent "null" value"#.into(), details)
    }

    pub(crate) fn version(found: u8) -> Self {
        Self::new(
            Reason::UnsupportedVersion,
            format!("fast protocol: unsupported version {found}"),
            format!(r#","foundVersion":{found}"#),
        )
    }

    pub(crate) fn kind(found: u8) -> Self {
        Self::new(
            Reason::UnsupportedType,
            format!("fast protocol: unsupported type 0x{found:x}"),
            format!(r#","foundType":{found}"#),
        )
    }

    pub(crate) fn status(found: u8) -> Self {
        Self::new(
            Reason::UnsupportedStatus,
            format!("fast protocol: unsupported status 0x{found:x}"),
            format!(r#","foundStatus":{found}"#),
        )
    }

    pub(crate) fn msgid(found: u32) -> Self {
        Self::new(
            Reason::InvalidMsgid,
            format!("fast protocol: invalid msgid {found}"),
            format!(r#","foundMsgid":{found}"#),
        )
    }

    pub(crate) fn checksum(version: Version, announced: u32, calculated: u16) -> Self {
        let version = version as u8;
        Self::new(
            Reason::BadCrc,
            format!("fast protocol: expected CRC {announced}, found {calculated}"),
            format!(r#","crcExpected":{announced},"crcCalculated":{calculated},"version":{version}"#),
        )
    }

    pub(crate) fn json(error: &JsonError) -> Self {
        Self::plain(Reason::InvalidJson, &format!(r#"fast protocol: invalid JSON in "data": {error}"#))
    }

    pub(crate) fn data() -> Self {
        Self::plain(Reason::BadData, "fast protocol: message data must be a non-null object")
    }

    pub(crate) fn data_d() -> Self {
        Self::plain(Reason::BadDataD, "fast protocol: data.d for DATA and END messages must be an array")
    }

    pub(crate) fn error_body() -> Self {
        Self::plain(Reason::BadError, "fast protocol: data.d for ERROR messages must have name and message")
    }

    pub(crate) fn incomplete() -> Self {
        Self::plain(Reason::IncompleteMessage, "fast protocol: incomplete message at end-of-stream")
    }

    pub(crate) fn too_large(announced: u32, max: usize) -> Self {
        Self::new(
            Reason::TooLarge,
            format!(
                "fast protocol: message of {announced} bytes is larger than {max}; raise max_frame_bytes"
            ),
            format!(r#","foundBytes":{announced},"maxBytes":{max}"#),
        )
    }

    pub(crate) fn unknown_msgid(msgid: u32) -> Self {
        Self::new(
            Reason::UnknownMsgid,
            format!("fast protocol: received message with unknown msgid {msgid}"),
            format!(r#","fastMsgid":{msgid}"#),
        )
    }

    pub(crate) fn unexpected_status() -> Self {
        Self::plain(Reason::UnexpectedStatus, "unexpected END event from client")
    }

    pub(crate) fn duplicate_msgid(msgid: u32) -> Self {
        Self::new(
            Reason::DuplicateMsgid,
            "client attempted to re-use msgid".into(),
            format!(r#","rpcMsgid":{msgid}"#),
        )
    }

    pub(crate) fn unexpected_end() -> Self {
        Self::plain(Reason::UnexpectedEnd, "unexpected end of transport stream")
    }

    fn plain(reason: Reason, message: &str) -> Self {
        Self::new(reason, message.into(), String::new())
    }

    fn new(reason: Reason, message: String, details: String) -> Self {
        Self { reason, message, details }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ProtocolError {}
