//! libfast in Rust, as its users write it.

#![forbid(unsafe_code)]

use bytes::{BufMut, Bytes, BytesMut};
use libfast::{Client, ClientOptions, Request, Server, ServerOptions};
use libfast_bench::program::{Load, Program, Result, run, serve_until_input_ends};
use libfast_bench::{Kind, Workload, payload};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Above the largest payload, 16 MiB, which with its envelope is more than the default.
const MAX_FRAME_BYTES: u64 = 1 << 25;

struct Libfast;

impl Program for Libfast {
    const NAME: &'static str = "libfast";
    type Link = Client;

    async fn serve(host: &str) -> Result<()> {
        let mut options = ServerOptions::default();
        options.listen = format!("{host}:0");
        options.max_frame_bytes = MAX_FRAME_BYTES;
        let server = Server::new(options)?;
        server.handle("echo", Arc::new(echo))?;
        server.method("stream", stream)?;
        let address = server.start().await?.to_string();
        let port = address.rsplit(':').next().ok_or("no port")?.parse()?;
        serve_until_input_ends(port).await;
        Ok(())
    }

    async fn open(port: u16, workload: &'static Workload) -> Result<Client> {
        let mut options = ClientOptions::default();
        options.max_frame_bytes = MAX_FRAME_BYTES;
        // A million calls at once take longer than calls may by default.
        options.timeout_ms = 60_000;
        let client = Client::with_options(&endpoints(port, workload.endpoints), options)?;
        client.ready(Duration::from_secs(5)).await?;
        if workload.endpoints > 1 {
            connect_to_all(&client, workload.endpoints).await?;
        }
        Ok(client)
    }

    async fn work(client: Client, load: Load) -> Result<()> {
        let mut tasks = JoinSet::new();
        for _ in 0..load.workload.in_flight {
            tasks.spawn_local(calls(client.clone(), load.clone()));
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}

fn main() -> ExitCode {
    run::<Libfast>()
}

/// One server under so many addresses of this machine.
fn endpoints(port: u16, count: usize) -> String {
    let address = |i: usize| format!("127.{}.{}.{}:{port}", i >> 16, (i >> 8) & 255, i & 255);
    (1..=count).map(address).collect::<Vec<_>>().join(",")
}

/// Connections are made when first picked, which is not what is measured: calls, until most endpoints had one.
async fn connect_to_all(client: &Client, endpoints: usize) -> Result<()> {
    for _ in 0..endpoints.div_ceil(32) {
        let mut burst: Vec<_> =
            (0..64).map(|_| client.start("echo", "[0]".into(), client.call_options())).collect();
        for call in &mut burst {
            while let Some(value) = call.next().await {
                value?;
            }
        }
    }
    Ok(())
}

fn echo(request: Request) {
    let args = request.args_text();
    let mut value = BytesMut::with_capacity(args.len() + 16);
    value.put_slice(b"{\"value\":");
    value.put_slice(&args[1..args.len() - 1]);
    value.put_u8(b'}');
    // The client may be gone.
    let _ = request.end_text(&value);
}

#[derive(serde::Serialize)]
struct Object {
    i: usize,
    on: bool,
}

async fn stream(request: Request) -> libfast::Result<()> {
    let (objects,) = request.args::<(usize,)>()?;
    for i in 0..objects {
        request.send(&Object { i, on: true }).await?;
    }
    Ok(())
}

async fn calls(client: Client, load: Load) -> Result<()> {
    let (method, args, values) = match load.workload.kind {
        Kind::Echo(bytes) => ("echo", format!("[{}]", payload(bytes)), 1),
        Kind::Stream(objects) => ("stream", format!("[{objects}]"), objects),
    };
    let args = Bytes::from(args);
    loop {
        let began = Instant::now();
        let mut call = client.start(method, args.clone(), client.call_options());
        let mut came = 0;
        while let Some(value) = call.next().await {
            value?;
            came += 1;
        }
        if came != values {
            return Err(format!("{came} values came instead of {values}").into());
        }
        if !load.count(began, Instant::now()) {
            return Ok(());
        }
    }
}
