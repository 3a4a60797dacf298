//! What the tests with bare sockets share.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod script;

use bytes::BytesMut;
use libfast_protocol::{Decoder, Frame, Limits, Status, Version, encode};
use libfast_rpc::{Client, Metrics};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than anything here takes, so that a defect fails instead of hanging.
pub const LONG: Duration = Duration::from_secs(20);

/// What the client says about an endpoint.
pub fn endpoint(client: &Client, address: &str) -> Value {
    let stats: Value = serde_json::from_str(&client.stats()).unwrap();
    let endpoints = stats["endpoints"].as_array().unwrap();
    endpoints.iter().find(|endpoint| endpoint["address"] == address).cloned().expect("it is listed")
}

/// The value of a metric with its labels; 0 if it is not there.
pub fn metric(metrics: &Metrics, series: &str) -> u64 {
    let text = metrics.text();
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map_or(0, |number| number.parse().unwrap())
}

/// One end of a connection made of a bare socket that blocks.
pub struct Bare {
    pub stream: TcpStream,
    input: BytesMut,
    decoder: Decoder,
}

impl Bare {
    pub fn connect(address: &str) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_write_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, input: BytesMut::new(), decoder: Decoder::new(Limits::default()) }
    }

    pub fn send(&mut self, id: u32, method: &str, args: &str) {
        self.try_send(id, method, args).unwrap();
    }

    pub fn try_send(&mut self, id: u32, method: &str, args: &str) -> std::io::Result<()> {
        self.try_say(Status::Data, id, &format!(r#"{{"m":{{"name":"{method}"}},"d":{args}}}"#))
    }

    /// Sends any frame.
    pub fn say(&mut self, status: Status, id: u32, payload: &str) {
        self.try_say(status, id, payload).unwrap();
    }

    fn try_say(&mut self, status: Status, id: u32, payload: &str) -> std::io::Result<()> {
        let mut out = BytesMut::new();
        encode(&mut out, Version::V2, status, id, payload.as_bytes());
        self.stream.write_all(&out)
    }

    /// The next frame; `None` at the end of the stream.
    pub fn next(&mut self) -> Option<Frame> {
        self.next_slowly(Duration::ZERO)
    }

    /// As `next`, after a pause before each 64 KiB.
    pub fn next_slowly(&mut self, pause: Duration) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.input).unwrap() {
                return Some(frame);
            }
            std::thread::sleep(pause);
            let mut chunk = [0; 65_536];
            match self.stream.read(&mut chunk).unwrap() {
                0 => return None,
                n => self.input.extend_from_slice(&chunk[..n]),
            }
        }
    }
}

pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, wait).await.unwrap_or_else(|_| panic!("{what}"));
}

pub async fn blocking<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::time::timeout(LONG, tokio::task::spawn_blocking(body)).await.expect("in time").unwrap()
}
