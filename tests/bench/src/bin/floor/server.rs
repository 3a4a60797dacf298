//! The server.

use bytes::{Buf, BytesMut};
use libfast_bench::codec::{DATA, END, decode, encode};
use std::io::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes gathered before a stream is written.
const GATHERED: usize = 64 * 1024;

pub async fn connection(mut stream: TcpStream) -> Result<()> {
    let (mut input, mut out) = (BytesMut::new(), BytesMut::new());
    loop {
        input.reserve(64 * 1024);
        if stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
        while let Some(frame) = decode(&input)? {
            let (id, bytes) = (frame.id, frame.bytes);
            let argument = &frame.d[1..frame.d.len() - 1];
            if frame.name == "echo" {
                encode(&mut out, DATA, id, "echo", &["[{\"value\":", argument, "}]"]);
            } else {
                let objects: usize = argument.parse().unwrap_or_default();
                for i in 0..objects {
                    encode(&mut out, DATA, id, "stream", &["[{\"i\":", &i.to_string(), ",\"on\":true}]"]);
                    if out.len() > GATHERED {
                        stream.write_all_buf(&mut out).await?;
                    }
                }
            }
            encode(&mut out, END, id, "echo", &["[]"]);
            input.advance(bytes);
        }
        stream.write_all_buf(&mut out).await?;
    }
}
