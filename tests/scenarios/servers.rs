//! The servers that scenarios talk to: the calc example in Rust, as a process that can be killed.

use bytes::BytesMut;
use libfast_protocol::{HEADER_BYTES, Status, Version, encode};
use libfast_testkit::Nobody;
use libfast_tests::root;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

pub struct Servers {
    folder: TempDir,
    calc: Calc,
    nobody: Nobody,
}

/// A process of the calc server. Dropping it kills it.
struct Calc {
    child: Child,
    address: String,
}

impl Servers {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let calc = Calc::start(&format!("dir://{}/calc", folder.path().display()));
        Self { folder, calc, nobody: Nobody::new().expect("a free port") }
    }

    /// The service's target.
    pub fn service(&self) -> String {
        format!("dir://{}/calc", self.folder.path().display())
    }

    /// The server's address.
    pub fn address(&self) -> String {
        self.calc.address.clone()
    }

    /// A service in the same registry that nobody provides.
    pub fn nobody(&self) -> String {
        format!("dir://{}/nobody", self.folder.path().display())
    }

    /// An address where nobody listens.
    pub fn closed_port(&self) -> String {
        self.nobody.address()
    }

    /// The address of a server that answers one request with these values and is gone before the end.
    pub fn dies_after(&self, values: &[&str]) -> String {
        self.says(&messages(values))
    }

    /// The address of a server that answers one request with these values and the end.
    pub fn ends_after(&self, values: &[&str]) -> String {
        let mut answer = messages(values);
        message(&mut answer, Status::End, "[]");
        self.says(&answer)
    }

    /// The address of a server that answers one request with these values and an error, given as it is on the wire.
    pub fn fails_after(&self, values: &[&str], error: &str) -> String {
        let mut answer = messages(values);
        message(&mut answer, Status::Error, error);
        self.says(&answer)
    }

    /// The address of a server that reads one request, says this, and ends the connection.
    pub fn says(&self, bytes: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let bytes = bytes.to_vec();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client comes");
            // All of the request is read, or the system would end the connection by a reset that overtakes the answer.
            let mut header = [0; HEADER_BYTES];
            stream.read_exact(&mut header).expect("a request");
            let length = u32::from_be_bytes(header[11..].try_into().expect("four bytes"));
            std::io::copy(&mut (&mut stream).take(length.into()), &mut std::io::sink()).expect("a payload");
            stream.write_all(&bytes).expect("the client listens");
        });
        address
    }
}

/// A message for each of these values, to the first request of a connection.
fn messages(values: &[&str]) -> BytesMut {
    let mut messages = BytesMut::new();
    for value in values {
        message(&mut messages, Status::Data, &format!("[{value}]"));
    }
    messages
}

fn message(out: &mut BytesMut, status: Status, data: &str) {
    let payload = format!(r#"{{"m":{{"uts":0,"name":"range"}},"d":{data}}}"#);
    encode(out, Version::V2, status, 1, payload.as_bytes());
}

impl Calc {
    fn start(target: &str) -> Self {
        let program = root().join("target/release/examples/calc_server");
        let spawned = Command::new(&program).arg(target).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child =
            spawned.unwrap_or_else(|error| panic!("{}: {error}; run `make build`", program.display()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output is piped")).read_line(&mut line).expect("text");
        let address =
            line.trim().strip_prefix("listening ").expect("the server says where it listens").to_owned();
        Self { child, address }
    }
}

impl Drop for Calc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
