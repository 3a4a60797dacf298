//! A good client, which takes nothing but the right answer.

use bytes::BytesMut;
use fastrand::Rng;
use libfast_protocol::{ClientConnection, ClientEvent, ClientWire};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub const LIMIT: Duration = Duration::from_secs(30);

pub struct Client {
    stream: TcpStream,
    wire: ClientConnection<Call>,
    input: BytesMut,
}

/// A call, with what came and what is to come.
struct Call {
    method: &'static str,
    values: Vec<String>,
    expected: Expected,
}

enum Expected {
    Values(Vec<String>),
    /// One value that begins so.
    Beginning(&'static str),
    Error(String),
}

impl Client {
    pub fn connect(address: &str) -> Self {
        let stream = connect(address);
        Self { stream, wire: ClientConnection::new(ClientWire::default()), input: BytesMut::new() }
    }

    /// Makes some calls at once and waits for their answers, all of which must be right. Gives how many.
    pub fn answers(&mut self, rng: &mut Rng) -> u64 {
        let calls = rng.u64(1..=16);
        for _ in 0..calls {
            let (args, call) = call(rng);
            self.wire.start_call(0, call.method, args.as_bytes(), call).expect("the connection lives");
        }
        self.stream.write_all(&self.wire.transmit().split()).expect("the server reads");
        while self.wire.pending() > 0 {
            match self.wire.next_event(&mut self.input) {
                Some(event) => self.check(event),
                None => self.read(),
            }
        }
        calls
    }

    fn read(&mut self) {
        let mut bytes = [0; 65536];
        let read = self.stream.read(&mut bytes).expect("the server answers");
        assert!(read > 0, "the server ended the connection of a good client");
        self.input.extend_from_slice(&bytes[..read]);
    }

    fn check(&mut self, event: ClientEvent<Call>) {
        match event {
            ClientEvent::Values { id, values } => {
                let call = self.wire.call_mut(id).expect("it is pending");
                call.values.extend(values.iter().map(|value| String::from_utf8_lossy(&value).into_owned()));
            }
            ClientEvent::Ended { call: Call { method, values, expected }, .. } => match expected {
                Expected::Values(expected) => assert_eq!(values, expected, "{method}"),
                Expected::Beginning(text) => {
                    assert!(values.len() == 1 && values[0].starts_with(text), "{method}: {values:?}");
                }
                Expected::Error(error) => panic!("{method} gave {values:?} instead of {error}"),
            },
            ClientEvent::Failed { call, error, .. } => match call.expected {
                Expected::Error(expected) => assert_eq!(error.message, expected, "{}", call.method),
                _ => panic!("{} failed: {error:?}", call.method),
            },
            other => panic!("a good client got {other:?}"),
        }
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with {} values", self.method, self.values.len())
    }
}

/// A connection on which nothing waits for ever.
pub fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_nodelay(true).expect("it is a socket");
    stream.set_read_timeout(Some(LIMIT)).expect("it is a socket");
    stream.set_write_timeout(Some(LIMIT)).expect("it is a socket");
    stream
}

/// Some call and its arguments.
fn call(rng: &mut Rng) -> (String, Call) {
    let text: String = (0..rng.usize(0..40)).map(|_| rng.alphanumeric()).collect();
    let (method, args, expected) = match rng.u8(0..16) {
        0 => {
            let error = format!(r#"[{{"name":"E","message":"{text}"}}]"#);
            ("fail", error, Expected::Error(text))
        }
        1 => ("date", "[]".into(), Expected::Beginning(r#"{"timestamp":"#)),
        2 => ("nobody", "[]".into(), Expected::Error(r#"unsupported RPC method: "nobody""#.into())),
        3 => {
            let count = rng.usize(1..50);
            let values = vec![format!(r#"{{"value":"{text}"}}"#); count];
            ("yes", format!(r#"[{{"value":"{text}","count":{count}}}]"#), Expected::Values(values))
        }
        4 => {
            let long = format!(r#""{}{text}""#, "0123456789abcdef".repeat(rng.usize(0..4096)));
            ("echo", format!("[{long}]"), Expected::Values(vec![format!(r#"{{"value":{long}}}"#)]))
        }
        _ => {
            let args = [format!(r#""{text}é😀""#), rng.u32(..).to_string(), r#"{"a":[null]}"#.into()];
            let values = args.iter().map(|arg| format!(r#"{{"value":{arg}}}"#)).collect();
            ("echo", format!("[{}]", args.join(",")), Expected::Values(values))
        }
    };
    (args, Call { method, values: Vec::new(), expected })
}
