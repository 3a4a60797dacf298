//! The published vectors: every frame whole, byte by byte and at every two-part cut.

use bytes::BytesMut;
use libfast_protocol::{Decoder, Frame, Limits, ProtocolError, Status, Version, encode};
use serde_json::Value;

/// One vector announces 4 GiB and wants it waited for.
const LIMITS: Limits = Limits { max_frame_bytes: usize::MAX, max_depth: 10_000, max_name_bytes: usize::MAX };

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

fn list(name: &str) -> Vec<Value> {
    let list = vectors()[name].as_array().unwrap().clone();
    assert!(!list.is_empty());
    list
}

fn bytes_of(vector: &Value) -> Vec<u8> {
    let hex = vector["hex"].as_str().unwrap();
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

/// Feeds the parts, then the end of the stream; gives the frames and how it ended.
fn feed<'b>(parts: impl IntoIterator<Item = &'b [u8]>) -> (Vec<Frame>, Result<(), ProtocolError>) {
    let mut decoder = Decoder::new(LIMITS);
    let (mut input, mut frames) = (BytesMut::new(), Vec::new());
    for part in parts {
        input.extend_from_slice(part);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.decode(&mut input), Err(error.clone()), "the first error is final");
                    return (frames, Err(error));
                }
            }
        }
    }
    let end = decoder.finish(&input);
    (frames, end)
}

/// Feeds the bytes in all ways of cutting, which must agree.
fn feed_all_ways(bytes: &[u8]) -> (Vec<Frame>, Result<(), ProtocolError>) {
    let whole = feed([bytes]);
    assert_eq!(feed(bytes.chunks(1)), whole, "byte by byte");
    for cut in 0..=bytes.len() {
        let (left, right) = bytes.split_at(cut);
        assert_eq!(feed([left, right]), whole, "cut at {cut}");
    }
    whole
}

/// As JavaScript sees it: numbers are doubles, and infinity is null when written.
fn as_doubles(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64().filter(|n| n.is_finite())),
        Value::Array(list) => list.iter().map(as_doubles).collect(),
        Value::Object(members) => members.iter().map(|(key, v)| (key.clone(), as_doubles(v))).collect(),
        other => other.clone(),
    }
}

/// The oracle refuses lone surrogates and 1e400; both are rewritten for it alone.
fn parse_leniently(text: &str) -> Value {
    let text = text.replace("1e400", "null");
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("\\u") {
        let unit = u32::from_str_radix(&rest[at + 2..at + 6], 16).unwrap();
        let paired = rest[at + 6..].starts_with("\\ud") && (0xd800..0xdc00).contains(&unit);
        let length = if paired { 12 } else { 6 };
        plain.push_str(&rest[..at]);
        if (0xd800..0xe000).contains(&unit) && !paired {
            plain.push_str("\\ufffd");
        } else {
            plain.push_str(&rest[at..at + length]);
        }
        rest = &rest[at + length..];
    }
    plain.push_str(rest);
    as_doubles(&serde_json::from_str(&plain).unwrap())
}

fn assert_frames(name: &str, frames: &[Frame], messages: &Value) {
    let messages = messages.as_array().unwrap();
    assert_eq!(frames.len(), messages.len(), "{name}");
    for (frame, message) in frames.iter().zip(messages) {
        assert_eq!(frame.version as u64, message["version"].as_u64().unwrap(), "{name}");
        assert_eq!(frame.status as u64, message["status"].as_u64().unwrap(), "{name}");
        assert_eq!(u64::from(frame.msgid), message["msgid"].as_u64().unwrap(), "{name}");
        let payload = parse_leniently(std::str::from_utf8(&frame.payload).unwrap());
        assert_eq!(payload, parse_leniently(message["data"].as_str().unwrap()), "{name}");
    }
}

fn assert_end(name: &str, end: Result<(), ProtocolError>, vector: &Value) {
    let Some(expected) = vector["expected"].as_str() else { return assert_eq!(end, Ok(()), "{name}") };
    let error = end.expect_err(name);
    assert_eq!(error.reason().name(), expected, "{name}");
    if let Some(message) = vector["message"].as_str() {
        assert_eq!(error.to_string(), message, "{name}");
    }
    if let Some(prefix) = vector["message_prefix"].as_str() {
        assert!(error.to_string().starts_with(prefix), "{name}: {error}");
    }
    assert_eq!(serde_json::from_str::<Value>(&error.info()).unwrap(), vector["info"], "{name}");
}

#[test]
fn encoding_is_byte_for_byte() {
    for vector in list("encode") {
        let name = vector["name"].as_str().unwrap();
        let number = |member: &str| vector[member].as_u64().unwrap();
        let (version, status) = (number("version") as u8, number("status") as u8);
        let (version, status) = (Version::from_u8(version).unwrap(), Status::from_u8(status).unwrap());
        let payload = vector["data"].as_str().unwrap();
        let mut out = BytesMut::new();
        encode(&mut out, version, status, number("msgid") as u32, payload.as_bytes());
        assert_eq!(out, bytes_of(&vector), "{name}");

        let (frames, end) = feed_all_ways(&out);
        match vector["decodes"].as_str() {
            Some(reason) => assert_eq!(end.unwrap_err().reason().name(), reason, "{name}"),
            None => {
                assert_eq!((end, frames.len()), (Ok(()), 1), "{name}");
                assert_eq!((frames[0].version, frames[0].status), (version, status), "{name}");
                assert_eq!(frames[0].payload, payload, "{name}");
            }
        }
    }
}

#[test]
fn input_that_no_encoder_writes_is_accepted() {
    for vector in list("decode") {
        let name = vector["name"].as_str().unwrap();
        let (frames, end) = feed_all_ways(&bytes_of(&vector));
        assert_frames(name, &frames, &vector["messages"]);
        assert_eq!(end, Ok(()), "{name}");
    }
}

#[test]
fn bad_input_has_its_reason_message_and_info() {
    for vector in list("bad") {
        let name = vector["name"].as_str().unwrap();
        let (frames, end) = feed_all_ways(&bytes_of(&vector));
        assert_eq!(frames.len(), 0, "{name}");
        assert_end(name, end, &vector);
    }
}

#[test]
fn streams_give_what_comes_before_the_error() {
    for vector in list("stream") {
        let name = vector["name"].as_str().unwrap();
        let (frames, end) = feed_all_ways(&bytes_of(&vector));
        assert_frames(name, &frames, &vector["messages"]);
        assert_end(name, end, &vector);
    }
}
