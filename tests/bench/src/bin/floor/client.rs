//! The client.

use crate::codec::{DATA, END, decode, encode};
use bytes::{Buf, BytesMut};
use libfast_bench::{Kind, Meter, Tally, Workload, payload};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io::Result;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub async fn run(port: u16, workload: &'static Workload, duration: Duration) -> Result<String> {
    let (meter, tally) = (Meter::start(duration), Rc::new(RefCell::new(Tally::default())));
    let local = tokio::task::LocalSet::new();
    for _ in 0..workload.connections {
        let tally = tally.clone();
        local.spawn_local(async move {
            if let Err(error) = connection(port, workload, meter, &tally).await {
                eprintln!("floor: {error}");
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
    let (method, argument) = match workload.kind {
        Kind::Echo(bytes) => ("echo", payload(bytes)),
        Kind::Stream(objects) => ("stream", objects.to_string()),
    };
    let (mut input, mut out) = (BytesMut::new(), BytesMut::new());
    let mut calls: HashMap<u32, (Instant, u64)> = HashMap::new();
    let mut next = 0;
    let mut start = |out: &mut BytesMut, calls: &mut HashMap<_, _>, now| {
        next += 1;
        encode(out, DATA, next, method, &["[", &argument, "]"]);
        calls.insert(next, (now, 0));
    };
    for _ in 0..workload.in_flight {
        start(&mut out, &mut calls, Instant::now());
    }
    while !calls.is_empty() {
        stream.write_all_buf(&mut out).await?;
        input.reserve(64 * 1024);
        if stream.read_buf(&mut input).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        while let Some(frame) = decode(&input)? {
            let (id, status, bytes) = (frame.id, frame.status, frame.bytes);
            let Some((began, values)) = calls.get_mut(&id) else { continue };
            if status == END {
                let (began, _) = (*began, *values);
                calls.remove(&id);
                let now = Instant::now();
                if meter.count(&mut tally.borrow_mut(), began, now) {
                    start(&mut out, &mut calls, now);
                }
            } else {
                *values += 1;
            }
            input.advance(bytes);
        }
    }
    Ok(())
}
