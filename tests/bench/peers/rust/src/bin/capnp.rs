//! Cap'n Proto. Its calls stay on one thread. A stream is one answer that holds a list.

#![forbid(unsafe_code)]

use bench_capnp::bench;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, new_client, twoparty};
use libfast_bench::Order;
use libfast_bench_peers::{Call, Calls, Connection, Result, load, runtime};
use std::rc::Rc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{LocalSet, spawn_local};
use tokio_util::compat::{TokioAsyncReadCompatExt as _, TokioAsyncWriteCompatExt as _};

capnp::generated_code!(mod bench_capnp);

struct Answers;

impl bench::Server for Answers {
    async fn echo(
        self: Rc<Self>,
        params: bench::EchoParams,
        mut results: bench::EchoResults,
    ) -> capnp::Result<()> {
        results.get().set_value(params.get()?.get_argument()?);
        Ok(())
    }

    async fn stream(
        self: Rc<Self>,
        params: bench::StreamParams,
        mut results: bench::StreamResults,
    ) -> capnp::Result<()> {
        let objects = params.get()?.get_objects();
        let too_many = |_| capnp::Error::failed(format!("{objects} objects are too many"));
        let mut list = results.get().init_objects(u32::try_from(objects).map_err(too_many)?);
        for i in 0..list.len() {
            let mut object = list.reborrow().get(i);
            object.set_i(i.into());
            object.set_on(true);
        }
        Ok(())
    }
}

fn main() -> Result<()> {
    let (runtime, local) = (runtime()?, LocalSet::new());
    match Order::read()? {
        Order::Server => local.block_on(&runtime, serve())?,
        Order::Client { port, workload, duration } => {
            let spawn = |calls: Calls, caller: Caller| spawn_local(calls.run(caller));
            println!("{}", local.block_on(&runtime, load(port, workload, duration, spawn))?);
        }
    }
    Ok(())
}

async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let until = tokio::task::spawn_blocking(move || libfast_bench::serve_until_input_ends(port));
    let answers: bench::Client = new_client(Answers);
    let accept = async {
        loop {
            let network = network(listener.accept().await?.0, Side::Server)?;
            spawn_local(RpcSystem::new(network, Some(answers.clone().client)));
        }
    };
    tokio::select! {
        failed = accept => failed,
        _ = until => Ok(()),
    }
}

type Network = Box<twoparty::VatNetwork<futures_util::io::BufReader<Reader>>>;
type Reader = tokio_util::compat::Compat<tokio::net::tcp::OwnedReadHalf>;

fn network(stream: TcpStream, side: Side) -> Result<Network> {
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    let reader = futures_util::io::BufReader::new(reader.compat());
    let writer = futures_util::io::BufWriter::new(writer.compat_write());
    Ok(Box::new(twoparty::VatNetwork::new(reader, writer, side, Default::default())))
}

#[derive(Clone)]
struct Caller(bench::Client);

impl Connection for Caller {
    async fn open(port: u16) -> Result<Self> {
        let network = network(TcpStream::connect(("127.0.0.1", port)).await?, Side::Client)?;
        let mut system = RpcSystem::new(network, None);
        let bench = system.bootstrap(Side::Server);
        spawn_local(system);
        Ok(Self(bench))
    }

    async fn call(&mut self, call: Call) -> Result<()> {
        match call {
            Call::Echo(payload) => {
                let mut request = self.0.echo_request();
                request.get().set_argument(payload.as_str());
                let answer = request.send().promise.await?;
                assert_eq!(answer.get()?.get_value()?.to_str()?.len(), payload.len());
            }
            Call::Stream(objects) => {
                let mut request = self.0.stream_request();
                request.get().set_objects(objects as u64);
                let answer = request.send().promise.await?;
                // The fields are read where the others decode them.
                let list = answer.get()?.get_objects()?;
                let right = list.iter().enumerate().filter(|(i, it)| it.get_i() == *i as u64 && it.get_on());
                assert_eq!(right.count(), objects);
            }
        }
        Ok(())
    }
}
