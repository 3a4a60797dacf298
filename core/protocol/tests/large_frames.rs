//! Payloads of many megabytes and reads of many frames.

use bytes::BytesMut;
use libfast_protocol::{Body, Decoder, Frame, Limits, Reason, Status, Version, encode};

const READ: usize = 64 * 1024;

fn decoder() -> Decoder {
    Decoder::new(Limits { max_frame_bytes: 64 << 20, ..Limits::default() })
}

/// Objects of ten members, six deep, with texts at the bottom, until `bytes` is reached about.
fn nested(depth: u32, bytes: usize) -> String {
    if depth == 0 {
        return format!("\"{}\"", "é€ text ".repeat(bytes / 11));
    }
    let members: Vec<_> =
        (0..10).map(|i| format!(r#""member {i}":{}"#, nested(depth - 1, bytes / 10))).collect();
    format!("{{{}}}", members.join(","))
}

/// Bytes come in pieces as small as a socket gives them. What has come must not be looked at again with each piece, or
/// this would take minutes.
#[test]
fn a_frame_of_many_megabytes_arrives_in_pieces() {
    let payload = format!(r#"{{"m":{{"uts":1,"name":"large"}},"d":[{}]}}"#, nested(5, 29 << 20));
    assert!(payload.len() > 20 << 20, "{} bytes", payload.len());
    for (version, status) in
        [(Version::V1, Status::Data), (Version::V2, Status::Data), (Version::V2, Status::End)]
    {
        let mut stream = BytesMut::new();
        encode(&mut stream, version, status, 7, payload.as_bytes());
        let (mut decoder, mut input) = (decoder(), BytesMut::new());
        let mut frames = Vec::new();
        for piece in stream.chunks(READ) {
            input.extend_from_slice(piece);
            frames.extend(decoder.decode(&mut input).unwrap());
        }
        let [Frame { version: found, msgid: 7, payload: text, body: Body::Values(values), .. }] =
            frames.as_slice()
        else {
            panic!("{} frames", frames.len())
        };
        assert!((*found, values.len()) == (version, 1) && *text == payload);
        assert_eq!(decoder.finish(&input), Ok(()));
    }
}

fn ten_thousand(version: Version) -> (BytesMut, usize) {
    let (mut stream, mut each) = (BytesMut::new(), 0);
    for id in 0..10_000 {
        encode(&mut stream, version, Status::Data, id, br#"{"m":{"name":"many"},"d":["a value"]}"#);
        each = stream.len() / (id as usize + 1);
    }
    (stream, each)
}

#[test]
fn ten_thousand_frames_of_one_read_come_in_order_with_their_version() {
    for version in [Version::V1, Version::V2] {
        let (mut input, _) = ten_thousand(version);
        let mut decoder = decoder();
        for id in 0..10_000 {
            let frame = decoder.decode(&mut input).unwrap().unwrap();
            assert_eq!((frame.msgid, frame.version), (id, version));
        }
        assert_eq!((decoder.decode(&mut input), decoder.finish(&input)), (Ok(None), Ok(())));
    }
}

#[test]
fn what_comes_before_a_bad_frame_is_delivered_and_nothing_behind_it() {
    let (mut input, each) = ten_thousand(Version::V2);
    input[1000 * each] = 0;
    let mut decoder = decoder();
    for id in 0..1000 {
        assert_eq!(decoder.decode(&mut input).unwrap().unwrap().msgid, id);
    }
    for _ in 0..2 {
        let error = decoder.decode(&mut input).unwrap_err();
        assert_eq!(error.reason(), Reason::UnsupportedVersion);
        assert_eq!(error.info(), r#"{"fastReason":"unsupported_version","foundVersion":0}"#);
    }
}
