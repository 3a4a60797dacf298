//! Raw TCP: the bytes of the same frames, not looked at.

#![forbid(unsafe_code)]

use bytes::{Buf, BytesMut};
use libfast_bench::{Kind, Meter, Order, Tally, Workload};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::Result;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bytes around the payload of a call, both ways.
const AROUND: usize = 80;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match Order::read()? {
        Order::Server => runtime.block_on(serve())?,
        Order::Client { port, workload, duration } => {
            println!("{}", runtime.block_on(run(port, workload, duration))?);
        }
    }
    Ok(())
}

async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let until = tokio::task::spawn_blocking(move || libfast_bench::serve_until_input_ends(port));
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(echo(stream));
        }
    };
    tokio::select! {
        failed = accept => failed,
        _ = until => Ok(()),
    }
}

async fn echo(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = BytesMut::new();
    loop {
        bytes.reserve(64 * 1024);
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        stream.write_all_buf(&mut bytes).await?;
    }
}

async fn run(port: u16, workload: &'static Workload, duration: Duration) -> Result<String> {
    let (meter, tally) = (Meter::start(duration), Rc::new(RefCell::new(Tally::default())));
    let local = tokio::task::LocalSet::new();
    for _ in 0..workload.connections {
        let tally = tally.clone();
        local.spawn_local(async move {
            if let Err(error) = connection(port, workload, meter, &tally).await {
                eprintln!("raw: {error}");
            }
        });
    }
    local.await;
    let report = meter.report(&tally.borrow(), workload);
    Ok(report)
}

async fn connection(port: u16, workload: &Workload, meter: Meter, tally: &RefCell<Tally>) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let size = AROUND
        + match workload.kind {
            Kind::Echo(bytes) => bytes,
            Kind::Stream(objects) => objects * AROUND,
        };
    let call = vec![b'x'; size];
    let (mut input, mut out) = (BytesMut::new(), BytesMut::new());
    let mut calls: VecDeque<Instant> = VecDeque::new();
    for _ in 0..workload.in_flight {
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
            if calls.pop_front().is_some_and(|began| meter.count(&mut tally.borrow_mut(), began, now)) {
                out.extend_from_slice(&call);
                calls.push_back(now);
            }
        }
    }
    Ok(())
}
