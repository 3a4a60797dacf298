//! A server made with fast-rpc. Its own client makes one call at a time, so the floor's client makes the load.

#![forbid(unsafe_code)]

use fast_rpc::protocol::{FastMessage, FastMessageData};
use libfast_bench::Order;
use libfast_bench_peers::multi_thread;
use serde_json::json;
use slog::{Discard, Logger, o};
use std::io::{Error, ErrorKind};
use tokio_01::net::TcpListener;
use tokio_01::prelude::Stream as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Order::Server = Order::read()? else {
        return Err("there is a server only; let the floor's client make the load".into());
    };
    let listener = TcpListener::bind(&"127.0.0.1:0".parse()?)?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        libfast_bench::serve_until_input_ends(port);
        std::process::exit(0);
    });
    // Without a logger of its own, each message would be formatted for a standard one.
    let log = Logger::root(Discard, o!());
    let serve = listener.incoming().map_err(|error| eprintln!("fast_rpc: {error}")).for_each(move |socket| {
        if let Err(error) = socket.set_nodelay(true) {
            eprintln!("fast_rpc: {error}");
        }
        tokio_01::spawn(fast_rpc::server::make_task(socket, answer, Some(&log)))
    });
    if multi_thread() {
        tokio_01::run(serve);
    } else {
        tokio_01::runtime::current_thread::run(serve);
    }
    Ok(())
}

fn answer(message: &FastMessage, _: &Logger) -> Result<Vec<FastMessage>, Error> {
    let argument = message.data.d.get(0).ok_or_else(|| Error::new(ErrorKind::InvalidInput, "no argument"))?;
    let name = &message.data.m.name;
    let data = |value| FastMessage::data(message.id, FastMessageData::new(name.clone(), json!([value])));
    Ok(match argument.as_u64() {
        Some(objects) => (0..objects).map(|i| data(json!({"i": i, "on": true}))).collect(),
        None => vec![data(json!({"value": argument}))],
    })
}
