//! Raw TCP: the bytes of the same frames, not looked at.

#![forbid(unsafe_code)]

use bytes::{Buf, BytesMut};
use libfast_bench::program::{Load, Program, Result, connect, run, serve_each};
use libfast_bench::{Kind, Workload};
use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes around the payload of a call, both ways.
const AROUND: usize = 80;

struct Raw;

impl Program for Raw {
    const NAME: &'static str = "raw";
    type Link = TcpStream;

    async fn serve(host: &str) -> Result<()> {
        serve_each(host, echo).await
    }

    async fn open(port: u16, _: &'static Workload) -> Result<TcpStream> {
        connect(port).await
    }

    async fn work(stream: TcpStream, load: Load) -> Result<()> {
        Ok(connection(stream, &load).await?)
    }
}

fn main() -> ExitCode {
    run::<Raw>()
}

async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut bytes = BytesMut::new();
    loop {
        bytes.reserve(64 * 1024);
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        stream.write_all_buf(&mut bytes).await?;
    }
}

async fn connection(mut stream: TcpStream, load: &Load) -> std::io::Result<()> {
    let size = AROUND
        + match load.workload.kind {
            Kind::Echo(bytes) => bytes,
            Kind::Stream(objects) => objects * AROUND,
        };
    let call = vec![b'x'; size];
    let (mut input, mut out) = (BytesMut::new(), BytesMut::new());
    let mut calls: VecDeque<Instant> = VecDeque::new();
    for _ in 0..load.workload.in_flight {
        out.extend_from_slice(&call);
        calls.push_back(Instant::now());
    }
    let (mut reader, mut writer) = stream.split();
    while !calls.is_empty() {
        // Both at once: neither side may wait for the other to read.
        input.reserve(64 * 1024);
        tokio::select! {
            written = writer.write_buf(&mut out), if !out.is_empty() => { written?; }
            read = reader.read_buf(&mut input) => if read? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            },
        }
        while input.len() >= size {
            input.advance(size);
            let now = Instant::now();
            if calls.pop_front().is_some_and(|began| load.count(began, now)) {
                out.extend_from_slice(&call);
                calls.push_back(now);
            }
        }
    }
    Ok(())
}
