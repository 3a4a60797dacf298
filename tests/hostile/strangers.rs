//! Connections of those who do not speak Fast, or mean no good with it.

use super::client::connect;
use bytes::BytesMut;
use fastrand::Rng;
use libfast_protocol::{Decoder, Limits, Status, Version, encode};
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// Connections that are held open together by the slow.
const SLOW: usize = 100;

/// That many connections, one kind after the other.
pub fn come(address: &str, connections: usize, rng: &mut Rng) {
    let mut left = connections;
    while left > 0 {
        let slow = SLOW.min(left / 2);
        write_slowly(address, slow, rng);
        left -= slow;
        // As many of the other kinds.
        for turn in 0..slow.max(1) {
            one(address, turn, rng);
            left -= 1;
        }
    }
}

fn one(address: &str, turn: usize, rng: &mut Rng) {
    let stream = connect(address);
    match turn % 14 {
        0 => is_ended(stream, &garbage(rng)),
        1 => is_ended(stream, b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n"),
        2 => is_ended(stream, &client_hello(rng)),
        3 => is_ended(stream, &header_of_4_gib()),
        4 => {
            is_ended(stream, &[request(1, "sleep", r#"[{"ms":60000}]"#), request(1, "echo", "[1]")].concat())
        }
        5 => is_ended(stream, &[request(1, "sleep", r#"[{"ms":60000}]"#), end(1)].concat()),
        6 => is_ended(stream, &end(7)),
        7 => is_answered(stream, &[error(1), request(1, "echo", "[1]"), error(1)].concat()),
        8 => stops_in_mid_frame(stream, rng),
        9 => resets(stream, b""),
        10 => resets(stream, &request(1, "yes", r#"[{"value":"0123456789abcdef","count":10000}]"#)),
        11 => resets(stream, &request(1, "sleep", r#"[{"ms":60000}]"#)),
        12 => leaves(stream, &request(1, "sleep", r#"[{"ms":60000}]"#)[..rng.usize(1..30)]),
        _ => leaves(stream, b""),
    }
}

/// The server ends the connection without a word.
fn is_ended(mut stream: TcpStream, bytes: &[u8]) {
    let mut answer = Vec::new();
    let ended = stream.write_all(bytes).and_then(|()| stream.read_to_end(&mut answer));
    if let Err(error) = ended {
        let cut = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(cut.contains(&error.kind()), "the server leaves it open: {error}");
    }
    assert_eq!(answer, b"", "nobody is answered who does not speak Fast");
}

/// The one request is answered, with what echo gives for 1.
fn is_answered(mut stream: TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("the server reads");
    stream.shutdown(Shutdown::Write).expect("the server has not ended it");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("the server answers");
    let (mut decoder, mut input) = (Decoder::new(Limits::default()), BytesMut::from(&answer[..]));
    let frames: Vec<_> = std::iter::from_fn(|| decoder.decode(&mut input).expect("answers decode")).collect();
    let statuses: Vec<_> = frames.iter().map(|frame| frame.status).collect();
    assert_eq!(statuses, [Status::Data, Status::End]);
    let text = String::from_utf8_lossy(&frames[0].payload);
    assert!(text.ends_with(r#""d":[{"value":1}]}"#), "{text}");
}

/// Ends its side inside a frame, behind a request that still runs.
fn stops_in_mid_frame(mut stream: TcpStream, rng: &mut Rng) {
    let frame = request(2, "echo", "[1]");
    let part = &frame[..rng.usize(1..frame.len())];
    stream.write_all(&[&request(1, "sleep", r#"[{"ms":60000}]"#), part].concat()).expect("the server reads");
    stream.shutdown(Shutdown::Write).expect("it is open");
    is_ended(stream, b"");
}

fn resets(mut stream: TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
    SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("it is a socket");
}

fn leaves(mut stream: TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
}

/// Many connections at once, on each of which one byte comes at a time. Half of them leave before the end; the
/// others must be answered.
fn write_slowly(address: &str, connections: usize, rng: &mut Rng) {
    let frame = request(1, "echo", "[1]");
    let mut slow: Vec<_> = (0..connections)
        .map(|i| (connect(address), if i % 2 == 0 { frame.len() - 1 } else { rng.usize(1..frame.len()) }))
        .collect();
    for (at, byte) in frame[..frame.len() - 1].iter().enumerate() {
        for (stream, _) in slow.iter_mut().filter(|(_, bytes)| at < *bytes) {
            stream.write_all(&[*byte]).expect("the server is patient");
        }
    }
    for (stream, bytes) in slow {
        if bytes == frame.len() - 1 {
            is_answered(stream, &frame[bytes..]);
        }
    }
}

fn request(id: u32, method: &str, args: &str) -> Vec<u8> {
    let mut out = BytesMut::new();
    let payload = format!(r#"{{"m":{{"uts":1,"name":"{method}"}},"d":{args}}}"#);
    encode(&mut out, Version::V2, Status::Data, id, payload.as_bytes());
    out.to_vec()
}

fn end(id: u32) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(&mut out, Version::V2, Status::End, id, br#"{"d":[]}"#);
    out.to_vec()
}

fn error(id: u32) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(&mut out, Version::V1, Status::Error, id, br#"{"d":{"name":"E","message":"stop"}}"#);
    out.to_vec()
}

fn header_of_4_gib() -> [u8; 15] {
    [2, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]
}

/// Never a frame, because no version is 3 or above.
fn garbage(rng: &mut Rng) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..rng.usize(15..3000)).map(|_| rng.u8(..)).collect();
    bytes[0] |= 4;
    bytes
}

/// The first bytes of TLS: a record with a handshake in it.
fn client_hello(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    bytes.extend((0..506).map(|_| rng.u8(..)));
    bytes
}
