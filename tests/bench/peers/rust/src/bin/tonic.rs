//! gRPC with tonic. A stream is a server stream, one message for each object.

#![forbid(unsafe_code)]

use libfast_bench::Order;
use libfast_bench_peers::{Call, Calls, Connection, Result, load, runtime};
use service::bench_client::BenchClient;
use service::bench_server::{Bench, BenchServer};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};

mod service {
    tonic::include_proto!("bench.Bench");
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Text {
    #[prost(string, tag = "1")]
    value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Count {
    #[prost(uint64, tag = "1")]
    objects: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Object {
    #[prost(uint64, tag = "1")]
    i: u64,
    #[prost(bool, tag = "2")]
    on: bool,
}

type Answer<T> = std::result::Result<T, Status>;

/// Messages between a handler and its connection, as in the examples that come with tonic.
const WAITING: usize = 128;

struct Answers;

#[tonic::async_trait]
impl Bench for Answers {
    type StreamStream = ReceiverStream<Answer<Object>>;

    async fn echo(&self, request: Request<Text>) -> Answer<Response<Text>> {
        Ok(Response::new(request.into_inner()))
    }

    async fn stream(&self, request: Request<Count>) -> Answer<Response<Self::StreamStream>> {
        let objects = request.into_inner().objects;
        // Sent one after the other: an iterator that has them all at hand would be asked in a loop of tonic's own, which
        // is no handler that streams.
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            for i in 0..objects {
                // The client may be gone.
                if sender.send(Ok(Object { i, on: true })).await.is_err() {
                    break;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
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

async fn serve() -> Result<()> {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?.with_nodelay(Some(true));
    let port = incoming.local_addr()?.port();
    let until = tokio::task::spawn_blocking(move || libfast_bench::serve_until_input_ends(port));
    let server = Server::builder().add_service(BenchServer::new(Answers));
    tokio::select! {
        failed = server.serve_with_incoming(incoming) => Ok(failed?),
        _ = until => Ok(()),
    }
}

#[derive(Clone)]
struct Caller(BenchClient<Channel>);

impl Connection for Caller {
    async fn open(port: u16) -> Result<Self> {
        Ok(Self(BenchClient::connect(format!("http://127.0.0.1:{port}")).await?))
    }

    async fn call(&mut self, call: Call) -> Result<()> {
        match call {
            Call::Echo(payload) => {
                let bytes = payload.len();
                let answer = self.0.echo(Text { value: payload }).await?;
                assert_eq!(answer.into_inner().value.len(), bytes);
            }
            Call::Stream(objects) => {
                let mut answers = self.0.stream(Count { objects: objects as u64 }).await?.into_inner();
                let mut came = 0;
                while let Some(object) = answers.message().await? {
                    assert!(object.i == came && object.on);
                    came += 1;
                }
                assert_eq!(came, objects as u64);
            }
        }
        Ok(())
    }
}
