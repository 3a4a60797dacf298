//! What the decoder finds inside of payloads, and its bounds.

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use libfast_model::RemoteError;
use libfast_protocol::{
    Body, Decoder, Frame, HEADER_BYTES, Limits, MAX_MSGID, ProtocolError, Reason, Status, Values, Version,
    encode,
};

const SEED: u64 = 0x0fa5_7f01;

fn decode_with(limits: Limits, status: Status, payload: &[u8]) -> Result<Frame, ProtocolError> {
    let mut input = BytesMut::new();
    encode(&mut input, Version::V2, status, 7, payload);
    let frame = Decoder::new(limits).decode(&mut input)?;
    assert!(input.is_empty());
    Ok(frame.expect("the frame is whole"))
}

fn decode(status: Status, payload: &str) -> Result<Frame, ProtocolError> {
    decode_with(Limits::default(), status, payload.as_bytes())
}

fn values(payload: &str) -> Values {
    match decode(Status::Data, payload).unwrap().body {
        Body::Values(values) => values,
        Body::Error(error) => panic!("values expected, not {error:?}"),
    }
}

fn error(payload: &str) -> RemoteError {
    match decode(Status::Error, payload).unwrap().body {
        Body::Error(error) => *error,
        Body::Values(values) => panic!("an error expected, not {values:?}"),
    }
}

#[test]
fn decoding_undoes_encoding() {
    let mut rng = Rng::with_seed(SEED);
    let (mut stream, mut expected) = (BytesMut::new(), Vec::new());
    for _ in 0..500 {
        let text: String =
            (0..rng.usize(0..60)).map(|_| rng.char(' '..)).filter(|c| !"\"\\".contains(*c)).collect();
        let payload = format!(r#"{{"m":{{"uts":1,"name":"{text}"}},"d":["{text}",{}]}}"#, rng.i64(..));
        let version = if rng.bool() { Version::V1 } else { Version::V2 };
        let status = if rng.bool() { Status::Data } else { Status::End };
        let msgid = rng.u32(..=MAX_MSGID);
        encode(&mut stream, version, status, msgid, payload.as_bytes());
        expected.push((version, status, msgid, payload, text));
    }
    let (mut decoder, mut input) = (Decoder::new(Limits::default()), BytesMut::new());
    let mut expected = expected.into_iter();
    while !stream.is_empty() {
        input.extend_from_slice(&stream.split_to(rng.usize(1..=stream.len().min(200))));
        while let Some(frame) = decoder.decode(&mut input).unwrap() {
            let (version, status, msgid, payload, text) = expected.next().unwrap();
            assert_eq!(
                (frame.version, frame.status, frame.msgid),
                (version, status, msgid),
                "seed {SEED:#x}"
            );
            assert_eq!(frame.payload, payload);
            assert_eq!(frame.method(), Some(text));
        }
    }
    assert_eq!((expected.len(), decoder.finish(&input)), (0, Ok(())));
}

#[test]
fn members_are_found_in_any_order_and_spelling_and_the_last_wins() {
    for (payload, expected) in [
        (r#"{"d":[1]}"#, "[1]"),
        (r#" { "x" : {"d":[9]} , "d" : [ 1 ] , "m" : 5 } "#, "[ 1 ]"),
        (r#"{"\u0064":[2]}"#, "[2]"),
        (r#"{"d":[1],"\u0064":[2]}"#, "[2]"),
        (r#"{"\u0064":[1],"d":[2]}"#, "[2]"),
        (r#"{"d":5,"d":[2],"dd":[3],"D":[4],"":[5]}"#, "[2]"),
    ] {
        assert_eq!(values(payload).text(), expected, "{payload}");
    }
    let error = decode(Status::Data, r#"{"d":[1],"d":{}}"#).unwrap_err();
    assert_eq!(error.reason(), Reason::BadDataD);
}

#[test]
fn methods_are_strings_inside_of_m() {
    let method = |meta: &str| decode(Status::Data, &format!(r#"{{"m":{meta},"d":[]}}"#)).unwrap().method();
    assert_eq!(method(r#"{"uts":1,"name":"echo"}"#).as_deref(), Some("echo"));
    assert_eq!(
        method(r#"{"name":"a","n\u0061me":"\u0062\ud83d\ude00\ud800"}"#).as_deref(),
        Some("b😀\u{fffd}")
    );
    for meta in
        ["null", "5", "[]", r#"["name"]"#, r#""name""#, "{}", r#"{"name":1}"#, r#"{"name":"a","name":null}"#]
    {
        assert_eq!(method(meta), None, "{meta}");
    }
    let frame = decode(Status::Data, r#"{"d":[],"m":{"uts": 1}}"#).unwrap();
    assert_eq!(frame.meta(), Some(&br#"{"uts": 1}"#[..]));
    assert_eq!(decode(Status::Data, r#"{"d":[]}"#).unwrap().meta, None);
}

#[test]
fn errors_have_name_message_info_and_context() {
    let full = error(
        r#"{"d":{"message":"m\n","name":"\u004eame","info":{"a": [1]},"context":{"c":1},"ase_errors":[{}],"stack":"s"}}"#,
    );
    assert_eq!((full.name.as_str(), full.message.as_str()), ("Name", "m\n"));
    assert_eq!(full.info, r#"{"a": [1]}"#);
    assert_eq!(full.context, r#"{"c":1}"#);
    assert_eq!(full.ase_errors, "[{}]");
    let info = |info: &str| error(&format!(r#"{{"d":{{"name":"","message":"","info":{info}}}}}"#)).info;
    assert_eq!(info(r#"[1,null,{"a":2}]"#), r#"{"0":1,"1":null,"2":{"a":2}}"#);
    assert_eq!(info("[]"), "{}");
    assert_eq!(info(r#""a😀""#), r#"{"0":"a","1":"\ud83d","2":"\ude00"}"#);
    assert_eq!([info("null"), info("5"), info("true")], ["", "", ""]);
    // Each element takes many times its size in the object: not for so many that it would matter.
    let [array, string] = [format!("[{}0]", "0,".repeat(40_000)), format!("\"{}\"", "a".repeat(80_000))];
    assert_eq!([info(&array), info(&string)], ["", ""]);
    assert_eq!(error(r#"{"d":{"name":"","message":""}}"#).context, "");
}

#[test]
fn values_share_the_buffer_of_their_frame() {
    let mut input = BytesMut::new();
    encode(&mut input, Version::V2, Status::Data, 1, br#"{"d":[{"a":1},"two"]}"#);
    let before = input.as_ptr_range();
    let frame = Decoder::new(Limits::default()).decode(&mut input).unwrap().unwrap();
    let Body::Values(values) = frame.body else { panic!("values expected") };
    let elements: Vec<Bytes> = values.into_iter().collect();
    assert_eq!(elements, [&br#"{"a":1}"#[..], br#""two""#]);
    assert!(elements.iter().all(|element| before.contains(&element.as_ptr())));
}

/// The limit is judged by the header, before the payload arrives or is waited for.
#[test]
fn too_large_is_known_from_the_header() {
    let limits = Limits { max_frame_bytes: 8, ..Limits::default() };
    assert!(decode_with(limits, Status::Data, br#"{"d":[]}"#).is_ok());
    let mut input = BytesMut::new();
    encode(&mut input, Version::V2, Status::Data, 1, br#"{"d":[1]}"#);
    input.truncate(HEADER_BYTES);
    let error = Decoder::new(limits).decode(&mut input).unwrap_err();
    assert_eq!(error.reason(), Reason::TooLarge);
    assert_eq!(error.info(), r#"{"fastReason":"too_large","foundBytes":9,"maxBytes":8}"#);
    assert_eq!(error.to_error().kind(), libfast_model::ErrorKind::TooLarge);
    assert!(input.is_empty(), "nothing is kept after an error");
}

/// Nothing is set aside for a payload that was only announced.
#[test]
fn announced_length_takes_no_memory() {
    let mut input = BytesMut::from(&[2, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 255, 255, 255][..]);
    let capacity = input.capacity();
    assert_eq!(Decoder::new(Limits::default()).decode(&mut input), Ok(None));
    assert_eq!((input.len(), input.capacity()), (15, capacity));
}

/// What a sender's check of a value passes must not end the receiver's connection.
#[test]
fn depth_counts_inside_of_d() {
    let limits = Limits { max_depth: 3, ..Limits::default() };
    let nested = |depth: usize| format!(r#"{{"d":[{}{}]}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(decode_with(limits, Status::Data, nested(3).as_bytes()).is_ok());
    let error = decode_with(limits, Status::Data, nested(4).as_bytes()).unwrap_err();
    assert_eq!(error.reason(), Reason::InvalidJson);
}

/// Bytes that were changed on their way end in an error or in a frame, never in a panic.
#[test]
fn damaged_streams_do_not_panic() {
    let mut rng = Rng::with_seed(SEED);
    let payloads = [
        r#"{"m":{"uts":1,"name":"echo"},"d":[1,null,"\ud83d\ude00",{"a":[]}]}"#,
        r#"{"d":{"name":"E","message":"é","info":["x"],"context":{}}}"#,
    ];
    for round in 0..20_000 {
        let mut payload = payloads[round % 2].as_bytes().to_vec();
        for _ in 0..rng.usize(0..4) {
            let at = rng.usize(0..payload.len());
            payload[at] = rng.u8(..);
        }
        // Half of the damaged payloads get a checksum that fits, so that the parts behind it see them.
        let status = if round % 2 == 0 { Status::Data } else { Status::Error };
        let mut input = BytesMut::new();
        encode(&mut input, Version::V2, status, 1, &payload);
        if rng.bool() {
            let at = rng.usize(0..input.len());
            input[at] = rng.u8(..);
        }
        if let Ok(Some(Frame { body: Body::Values(values), .. })) =
            Decoder::new(Limits::default()).decode(&mut input)
        {
            assert_eq!(values.iter().count(), values.len());
        }
    }
}

/// Taking a frame off must not move the bytes behind it, or a read of many frames would take quadratic time.
#[test]
fn many_frames_of_one_read_are_taken_without_copies() {
    let mut input = BytesMut::new();
    for id in 0..10_000 {
        encode(&mut input, Version::V2, Status::Data, id, br#"{"d":["some value"]}"#);
    }
    let buffer = input.as_ptr_range();
    let mut decoder = Decoder::new(Limits::default());
    for id in 0..10_000 {
        let frame = decoder.decode(&mut input).unwrap().unwrap();
        assert_eq!(frame.msgid, id);
        assert!(buffer.contains(&frame.payload.as_ptr()));
    }
}
