//! Frames that no client or server of a library would write.

use bytes::BytesMut;
use libfast_protocol::{Decoder, Frame, Limits, Status, Version, encode};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longer than anything here takes, so that a defect fails instead of hanging.
pub const LONG: Duration = Duration::from_secs(30);

/// One end of a stream, as bare frames.
pub struct Frames {
    pub stream: TcpStream,
    input: BytesMut,
    decoder: Decoder,
}

impl Frames {
    pub fn connect(address: &str) -> Self {
        Self::over(TcpStream::connect(address).expect("a server listens"))
    }

    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(LONG)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("an option can be set");
        Self { stream, input: BytesMut::new(), decoder: Decoder::new(wide()) }
    }

    pub fn send(&mut self, version: Version, status: Status, id: u32, payload: &str) {
        let mut out = BytesMut::new();
        encode(&mut out, version, status, id, payload.as_bytes());
        self.stream.write_all(&out).expect("the peer takes it");
    }

    /// The next frame; `None` when the peer has closed the stream or reset it.
    pub fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.input).expect("the peer speaks Fast") {
                return Some(frame);
            }
            let mut chunk = [0; 65_536];
            match self.stream.read(&mut chunk) {
                Ok(0) => return None,
                Ok(n) => self.input.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing came within {LONG:?}: {error}"),
            }
        }
    }
}

/// Whatever a peer may send.
pub fn wide() -> Limits {
    Limits { max_frame_bytes: 1 << 30, ..Limits::default() }
}
