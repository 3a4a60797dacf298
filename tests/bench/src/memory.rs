//! What a server keeps in memory: for connections that do nothing, and for a stream whose reader is slow.

use crate::contender::Contender;
use crate::process::Process;
use crate::results::{Failure, Results};
use crate::run::PATIENCE;
use bytes::{Buf, BytesMut};
use libfast_bench::codec::{DATA, END, decode, encode};
use libfast_bench::payload;
use serde::{Deserialize, Serialize};
use std::io::{Error, ErrorKind, Read, Result as IoResult, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Connections that are opened.
pub const CONNECTIONS: usize = 10_000;
/// Bytes of the stream that are read, and how fast.
pub const STREAMED: usize = 1_000_000_000;
pub const BYTES_PER_SECOND: usize = 64_000_000;
/// The most that libfast may take: of each connection, and for the stream.
pub const IDLE_BAR: f64 = 4096.0;
pub const STREAM_BAR: f64 = 16.0 * 1024.0 * 1024.0;

/// Resident bytes of a server.
#[derive(Serialize, Deserialize)]
pub struct Memory {
    pub contender: String,
    /// Of each connection that was only opened.
    pub opened_bytes: f64,
    /// Of each after one call.
    pub called_bytes: f64,
    /// The most that came on top during the stream.
    pub streamed_bytes: f64,
}

/// Measures these contenders.
pub fn run(contenders: &[&Contender], results: &mut Results) {
    for contender in contenders {
        match measure(contender) {
            Ok(memory) => results.memory.push(memory),
            Err(error) => {
                let (contender, workload) = (contender.name.into(), "memory".into());
                results.failed(Failure { contender, workload, round: 0, error });
            }
        }
    }
}

fn measure(contender: &Contender) -> Result<Memory, String> {
    let (opened_bytes, called_bytes) = with_server(contender, idle)?;
    let streamed_bytes = with_server(contender, stream)?;
    Ok(Memory { contender: contender.name.into(), opened_bytes, called_bytes, streamed_bytes })
}

fn with_server<T>(
    contender: &Contender,
    measure: impl FnOnce(&Process, u16) -> Result<T, String>,
) -> Result<T, String> {
    let mut server = Process::start(&contender.server, &["server".into()], 2 * PATIENCE)?;
    let port = server.port()?;
    // What the first call brings with it is not of the connections.
    connect(port).and_then(|mut stream| echo(&mut stream)).map_err(|error| error.to_string())?;
    let measured = measure(&server, port)?;
    server.finish()?;
    Ok(measured)
}

fn idle(server: &Process, port: u16) -> Result<(f64, f64), String> {
    let before = resident(server, "VmRSS")?;
    let per_connection = |now: f64| (now - before) / CONNECTIONS as f64;
    let open = || (0..CONNECTIONS).map(|_| connect(port)).collect::<IoResult<Vec<_>>>();
    let mut streams = open().map_err(|error| format!("opening {CONNECTIONS} connections: {error}"))?;
    // Accepted in order, so that all are once the last one is served.
    let Some(last) = streams.last_mut() else { return Err("no connections".into()) };
    echo(last).map_err(|error| error.to_string())?;
    let opened = resident(server, "VmRSS")?;
    for stream in &mut streams {
        echo(stream).map_err(|error| error.to_string())?;
    }
    Ok((per_connection(opened), per_connection(resident(server, "VmRSS")?)))
}

fn stream(server: &Process, port: u16) -> Result<f64, String> {
    let before = resident(server, "VmRSS")?;
    read_slowly(port).map_err(|error| format!("reading the stream: {error}"))?;
    Ok(resident(server, "VmHWM")? - before)
}

fn read_slowly(port: u16) -> IoResult<()> {
    let mut stream = connect(port)?;
    let mut request = BytesMut::new();
    // More objects than are read.
    encode(&mut request, DATA, 1, "stream", &["[", &STREAMED.to_string(), "]"]);
    stream.write_all(&request)?;
    let (began, mut buffer, mut came) = (Instant::now(), vec![0; 256 * 1024], 0);
    while came < STREAMED {
        let bytes = stream.read(&mut buffer)?;
        if bytes == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        came += bytes;
        let due = began + Duration::from_secs_f64(came as f64 / BYTES_PER_SECOND as f64);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

fn connect(port: u16) -> IoResult<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn echo(stream: &mut TcpStream) -> IoResult<()> {
    let (mut out, mut input, mut some) = (BytesMut::new(), BytesMut::new(), [0; 4096]);
    encode(&mut out, DATA, 1, "echo", &["[", &payload(100), "]"]);
    stream.write_all(&out)?;
    loop {
        while let Some(frame) = decode(&input)? {
            let (status, bytes) = (frame.status, frame.bytes);
            input.advance(bytes);
            match status {
                DATA => {}
                END => return Ok(()),
                _ => return Err(Error::other("the server answered with an error")),
            }
        }
        match stream.read(&mut some)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            bytes => input.extend_from_slice(&some[..bytes]),
        }
    }
}

/// `VmRSS`, which is now, or `VmHWM`, the highest ever.
fn resident(server: &Process, which: &str) -> Result<f64, String> {
    let status = server.proc("status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(which)?.strip_prefix(':'));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.map(|kilobytes| kilobytes * 1024.0).ok_or_else(|| format!("{which} is not in {status:?}"))
}
