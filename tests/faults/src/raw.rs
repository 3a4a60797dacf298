//! Connections that no client of libfast would make.

use bytes::BytesMut;
use libfast_protocol::{Decoder, Frame, Limits, Status, Version, encode};
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longest wait for what must come.
pub const LIMIT: Duration = Duration::from_secs(10);

/// A connection to a server, or to a client.
pub struct Raw {
    /// The socket.
    pub stream: TcpStream,
    decoder: Decoder,
    input: BytesMut,
}

/// What a peer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It answered the request, to the end.
    Answered,
    /// It closed the connection.
    Closed,
    /// Nothing, for as long as was waited.
    Silent,
}

impl Raw {
    /// Connects to a server.
    pub fn connect(address: &str) -> std::io::Result<Self> {
        Ok(Self::new(TcpStream::connect(address)?))
    }

    /// The same with little room in the system for what is not read, from the beginning.
    pub fn connect_with_room(address: &str, bytes: usize) -> std::io::Result<Self> {
        let address: SocketAddr =
            address.parse().map_err(|error| std::io::Error::new(ErrorKind::InvalidInput, error))?;
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_recv_buffer_size(bytes)?;
        socket.connect(&address.into())?;
        Ok(Self::new(socket.into()))
    }

    /// On a connection that is there.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, decoder: Decoder::new(Limits::default()), input: BytesMut::new() }
    }

    /// Writes bytes as they are. A peer that has closed by now is seen when something is read.
    pub fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// The next message, or what else became of the connection.
    pub fn read(&mut self, limit: Duration) -> Result<Frame, Verdict> {
        let end = Instant::now() + limit;
        loop {
            match self.decoder.decode(&mut self.input) {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                // What it says is no message; it must close then.
                Err(_) => self.input.clear(),
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Verdict::Silent);
            }
            let _ = self.stream.set_read_timeout(Some(left));
            let mut chunk = [0; 64 << 10];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(Verdict::Closed),
                Ok(n) => self.input.extend_from_slice(&chunk[..n]),
                Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {
                    return Err(Verdict::Silent);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Verdict::Closed),
            }
        }
    }

    /// What becomes of a request, and when.
    pub fn verdict(&mut self, id: u32, limit: Duration) -> (Verdict, Duration) {
        let begun = Instant::now();
        loop {
            match self.read(limit.saturating_sub(begun.elapsed())) {
                Ok(frame) if frame.msgid == id && frame.status != Status::Data => {
                    return (Verdict::Answered, begun.elapsed());
                }
                Ok(_) => {}
                Err(verdict) => return (verdict, begun.elapsed()),
            }
        }
    }
}

/// A request.
pub fn request(id: u32, method: &str, args: &str) -> Vec<u8> {
    message(Status::Data, id, &format!(r#"{{"m":{{"uts":1,"name":"{method}"}},"d":{args}}}"#))
}

/// Any message.
pub fn message(status: Status, id: u32, payload: &str) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(&mut out, Version::V2, status, id, payload.as_bytes());
    out.to_vec()
}

/// Whether a new client is served, and how soon.
pub fn visit(address: &str) -> Option<Duration> {
    let begun = Instant::now();
    let mut raw = Raw::connect(address).ok()?;
    raw.write(&request(1, "echo", "[1]"));
    (raw.verdict(1, LIMIT).0 == Verdict::Answered).then(|| begun.elapsed())
}

/// The same in milliseconds; infinite if it is not served.
pub fn visit_ms(address: &str) -> f64 {
    visit(address).map_or(f64::INFINITY, |took| took.as_secs_f64() * 1e3)
}
