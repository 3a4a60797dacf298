//! tarpc. `TRANSPORT` is `bincode`, the default, or `json`. It has no streams: a stream is one answer that holds a list.

#![forbid(unsafe_code)]

use futures_util::StreamExt as _;
use libfast_bench::Order;
use libfast_bench_peers::{Call, Calls, Connection, Result, load, runtime};
use serde::{Deserialize, Serialize};
use tarpc::server::{BaseChannel, Channel as _};
use tarpc::{ClientMessage, Response, Transport, client, context};
use tokio::net::{TcpListener, TcpStream};
use tokio_serde::formats::{Bincode, Json};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

#[derive(Debug, Serialize, Deserialize)]
pub struct Wrapped {
    value: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Object {
    i: u64,
    on: bool,
}

#[tarpc::service]
trait Bench {
    async fn echo(argument: String) -> Wrapped;
    async fn stream(objects: u64) -> Vec<Object>;
}

#[derive(Clone)]
struct Answers;

impl Bench for Answers {
    async fn echo(self, _: context::Context, argument: String) -> Wrapped {
        Wrapped { value: argument }
    }

    async fn stream(self, _: context::Context, objects: u64) -> Vec<Object> {
        (0..objects).map(|i| Object { i, on: true }).collect()
    }
}

fn main() -> Result<()> {
    let runtime = runtime()?;
    match Order::read()? {
        Order::Server => runtime.block_on(serve())?,
        Order::Client { port, workload, duration } => {
            let spawn = |calls: Calls, caller: Caller| tokio::spawn(calls.run(caller));
            println!("{}", runtime.block_on(load(port, workload, duration, spawn))?);
        }
    }
    Ok(())
}

fn is_json() -> bool {
    std::env::var_os("TRANSPORT").is_some_and(|transport| transport == "json")
}

fn framed(stream: TcpStream) -> Result<Framed<TcpStream, LengthDelimitedCodec>> {
    stream.set_nodelay(true)?;
    Ok(Framed::new(stream, LengthDelimitedCodec::builder().max_frame_length(64 << 20).new_codec()))
}

async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let until = tokio::task::spawn_blocking(move || libfast_bench::serve_until_input_ends(port));
    let accept = async {
        loop {
            let framed = framed(listener.accept().await?.0)?;
            if is_json() {
                tokio::spawn(answer(tarpc::serde_transport::new(framed, Json::default())));
            } else {
                tokio::spawn(answer(tarpc::serde_transport::new(framed, Bincode::default())));
            }
        }
    };
    tokio::select! {
        failed = accept => failed,
        _ = until => Ok(()),
    }
}

async fn answer(
    transport: impl Transport<Response<BenchResponse>, ClientMessage<BenchRequest>> + Send + 'static,
) {
    let calls = BaseChannel::with_defaults(transport).execute(Answers.serve());
    calls.for_each(async |call| drop(tokio::spawn(call))).await;
}

#[derive(Clone)]
struct Caller(BenchClient);

impl Connection for Caller {
    async fn open(port: u16) -> Result<Self> {
        let framed = framed(TcpStream::connect(("127.0.0.1", port)).await?)?;
        let config = client::Config::default();
        Ok(Self(if is_json() {
            BenchClient::new(config, tarpc::serde_transport::new(framed, Json::default())).spawn()
        } else {
            BenchClient::new(config, tarpc::serde_transport::new(framed, Bincode::default())).spawn()
        }))
    }

    async fn call(&mut self, call: Call) -> Result<()> {
        match call {
            Call::Echo(payload) => {
                let bytes = payload.len();
                let answer = self.0.echo(context::current(), payload).await?;
                assert_eq!(answer.value.len(), bytes);
            }
            Call::Stream(objects) => {
                let answer = self.0.stream(context::current(), objects as u64).await?;
                let right =
                    answer.iter().enumerate().filter(|(i, object)| object.i == *i as u64 && object.on);
                assert_eq!(right.count(), objects);
            }
        }
        Ok(())
    }
}
