//! The client.

use bytes::{Buf, BytesMut};
use libfast_bench::codec::{DATA, END, decode, encode};
use libfast_bench::program::Load;
use libfast_bench::{Kind, payload};
use std::collections::HashMap;
use std::io::Result;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub async fn connection(mut stream: TcpStream, load: &Load) -> Result<()> {
    let (method, argument) = match load.workload.kind {
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
    for _ in 0..load.workload.in_flight {
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
                if load.count(began, now) {
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
