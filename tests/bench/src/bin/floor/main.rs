//! The floor: the least that speaks Fast. One thread, no checks beyond the protocol's own, no features.
//!
//! It parses each envelope with serde_json, takes the checksum with a table, keeps a hash map of calls, and writes once for
//! each read. What libfast does besides must cost nothing next to it.

#![forbid(unsafe_code)]

mod client;
mod server;

use libfast_bench::Workload;
use libfast_bench::program::{Load, Program, Result, connect, run, serve_each};
use std::process::ExitCode;
use tokio::net::TcpStream;

struct Floor;

impl Program for Floor {
    const NAME: &'static str = "floor";
    type Link = TcpStream;

    async fn serve(host: &str) -> Result<()> {
        serve_each(host, server::connection).await
    }

    async fn open(port: u16, _: &'static Workload) -> Result<TcpStream> {
        connect(port).await
    }

    async fn work(stream: TcpStream, load: Load) -> Result<()> {
        Ok(client::connection(stream, &load).await?)
    }
}

fn main() -> ExitCode {
    run::<Floor>()
}
