//! The server.

use crate::codec::{DATA, END, decode, encode};
use bytes::{Buf, BytesMut};
use std::io::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bytes gathered before a stream is written.
const GATHERED: usize = 64 * 1024;

pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let until = tokio::task::spawn_blocking(move || libfast_bench::serve_until_input_ends(port));
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(connection(stream));
        }
    };
    tokio::select! {
        failed = accept => failed,
        _ = until => Ok(()),
    }
}

async fn connection(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
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
