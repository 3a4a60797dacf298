//! Any text: the scanner agrees with another parser, and what it finds inside of payloads is what is there.
//!
//! Input: the text.

#![no_main]

use bytes::{Bytes, BytesMut};
use libfast_model::RemoteError;
use libfast_protocol::json::{check_array, check_object, check_value, decode_string, escape_into};
use libfast_protocol::{Body, Decoder, Limits, Status, Values, Version, encode};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

const ANY: usize = usize::MAX;

fuzz_target!(|text: &[u8]| {
    judge(text);
    values(text);
    strings(text);
    payload(text);
});

/// The oracle passes over values without judging depth, surrogates or the size of numbers, as the scanner does.
fn judge(text: &[u8]) {
    let expected = std::str::from_utf8(text).is_ok() && serde_json::from_slice::<IgnoredAny>(text).is_ok();
    let first = text.trim_ascii_start().first();
    assert_eq!(check_value(text, ANY).is_ok(), expected);
    assert_eq!(check_array(text, ANY).is_ok(), expected && first == Some(&b'['));
    assert_eq!(check_object(text, ANY).is_ok(), expected && first == Some(&b'{'));
    match check_value(text, ANY) {
        Err(error) => {
            assert!(error.offset <= text.len());
            assert!(check_value(text, 10).is_err());
        }
        Ok(()) => {
            let depth = depth(text);
            assert!(check_value(text, depth).is_ok());
            assert!(depth == 0 || check_value(text, depth - 1).is_err());
        }
    }
}

/// How deep brackets nest in text that is JSON.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn values(text: &[u8]) {
    let Ok(values) = Values::parse(Bytes::copy_from_slice(text), ANY) else {
        return assert!(check_array(text, ANY).is_err());
    };
    let elements: Vec<Bytes> = values.iter().collect();
    assert_eq!((elements.len(), elements.is_empty()), (values.len(), values.is_empty()));
    assert_eq!(elements.iter().any(|element| element == "null"), values.has_nulls());
    for element in &elements {
        assert!(check_value(element, ANY).is_ok());
        assert_eq!(element.trim_ascii(), element);
    }
    if let Ok(Json::Array(expected)) = serde_json::from_slice(text) {
        let found: Vec<Json> =
            elements.iter().map(|element| serde_json::from_slice(element).unwrap()).collect();
        assert_eq!(found, expected);
    }
}

fn strings(text: &[u8]) {
    let trimmed = text.trim_ascii();
    let decoded = decode_string(trimmed);
    if let Ok(expected) = serde_json::from_slice::<String>(text) {
        assert_eq!(decoded.as_deref(), Some(expected.as_str()));
    }
    if trimmed.starts_with(b"\"") && check_value(text, 0).is_ok() {
        assert!(decoded.is_some(), "every string that the scanner passes decodes");
    }
    if let Ok(text) = std::str::from_utf8(text) {
        let mut escaped = BytesMut::new();
        escape_into(&mut escaped, text);
        assert_eq!(escaped, serde_json::to_string(text).unwrap());
        assert_eq!(decode_string(&escaped).as_deref(), Some(text));
    }
}

/// The text as the payload of a frame.
fn payload(text: &[u8]) {
    if std::str::from_utf8(text).is_err() {
        return;
    }
    for status in [Status::Data, Status::End, Status::Error] {
        let mut input = BytesMut::new();
        encode(&mut input, Version::V1, status, 1, text);
        let decoded = Decoder::new(Limits { max_depth: ANY, ..Limits::default() }).decode(&mut input);
        // The oracle's tree has no room for deep nesting, large numbers and lone surrogates.
        let Ok(expected) = serde_json::from_slice::<Json>(text) else { continue };
        let (found, d) = (decoded.map(|frame| frame.expect("the frame is whole")), &expected["d"]);
        if status != Status::Error {
            assert_eq!(found.is_ok(), d.is_array());
        } else {
            assert_eq!(found.is_ok(), d.is_object() && d["name"].is_string() && d["message"].is_string());
        }
        let Ok(frame) = found else { continue };
        assert_eq!(frame.method().as_deref(), expected["m"]["name"].as_str());
        assert_eq!(frame.meta().map(parse).as_ref(), expected.get("m"));
        match frame.body {
            Body::Values(values) => assert_eq!(parse(values.text()), *d),
            Body::Error(error) => {
                assert_eq!((error.name.as_str(), error.message.as_str()), (name(d), message(d)));
                assert_eq!(context(&error), d.get("context").cloned());
                if d["info"].is_object() {
                    assert_eq!(parse(error.info.as_bytes()), d["info"]);
                }
                assert!(error.info.is_empty() || check_object(error.info.as_bytes(), ANY).is_ok());
            }
        }
    }
}

fn context(error: &RemoteError) -> Option<Json> {
    (!error.context.is_empty()).then(|| parse(error.context.as_bytes()))
}

fn name(error: &Json) -> &str {
    error["name"].as_str().unwrap()
}

fn message(error: &Json) -> &str {
    error["message"].as_str().unwrap()
}

fn parse(text: &[u8]) -> Json {
    serde_json::from_slice(text).expect("spans of JSON are JSON")
}
