//! Frames that mean something to a connection: mutations of bytes alone would rarely give any.

use crate::Script;
use bytes::BytesMut;
use libfast_protocol::{Status, Version, encode};

/// Arguments and values.
pub const ARRAYS: &[&str] = &[
    "[]",
    "[1]",
    "[null]",
    "[1,null,2]",
    r#"[ {"a" : null} , [ null ] , "é😀\ud800" ]"#,
    "[[[]]]",
    r#"[{"a":[{"a":[{"a":[1]}]}]}]"#,
    r#"["0123456789012345678901234567890123456789012345678901234567890123456789"]"#,
];

/// The `d` of ERROR frames.
pub const ERRORS: &[&str] = &[
    r#"{"name":"E","message":"m"}"#,
    r#"{"name":"","message":"","info":null,"context":5}"#,
    r#"{"message":"m","name":"E","info":[1,null,{"a":2}],"ase_errors":[{}]}"#,
    r#"{"name":"\ud800","message":"é","info":{"a":{"b":[]}},"context":{}}"#,
    r#"{"name":"E"}"#,
];

/// The `m` of all frames.
const METAS: &[&str] = &[
    r#"{"uts":1,"name":"a"}"#,
    r#"{"name":"some longer name: é😀\ud800\u0000\n"}"#,
    r#"{"name":""}"#,
    r#"{"name":null}"#,
    r#"{"x":[[[[[[[[1]]]]]]]]}"#,
    "null",
];

/// Appends a frame with a right header and checksum. Its payload is mostly right as well.
pub fn write_frame(script: &mut Script<'_>, out: &mut BytesMut) {
    let version = script.choose(&[Version::V2, Version::V1]);
    let status = script.choose(&[Status::Data, Status::End, Status::Error]);
    let id = script.id();
    let body = script.choose(if status == Status::Error { ERRORS } else { ARRAYS });
    let payload = match script.byte() {
        255 => script.text(),
        254 => format!(r#"{{"d":{}}}"#, script.text()),
        253 => format!(r#"{{"m":{{"name":{}}},"d":{body}}}"#, script.text()),
        252 => format!(r#"{{"d":{body}}}"#),
        byte => format!(r#"{{"m":{},"d":{body}}}"#, METAS[usize::from(byte) % METAS.len()]),
    };
    encode(out, version, status, id, payload.as_bytes());
}
