//! The floor: the least that speaks Fast. One thread, no checks beyond the protocol's own, no features.
//!
//! It parses each envelope with serde_json, takes the checksum with a table, keeps a hash map of calls, and writes once for
//! each read. What libfast does besides must cost nothing next to it.

#![forbid(unsafe_code)]

mod client;
mod codec;
mod server;

use libfast_bench::Order;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match Order::read()? {
        Order::Server => runtime.block_on(server::serve())?,
        Order::Client { port, workload, duration } => {
            println!("{}", runtime.block_on(client::run(port, workload, duration))?);
        }
    }
    Ok(())
}
