//! A rust-fast server with the demo methods, as far as the crate allows: a handler gives all its answers at once or an error
//! that is only a text. Prints `listening HOST:PORT`.

use fast_rpc::protocol::{FastMessage, FastMessageData};
use fast_rpc::server::make_task;
use serde_json::{json, Value};
use slog::{o, Discard, Logger};
use std::io::{Error, ErrorKind};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::prelude::*;

fn answer(message: &FastMessage) -> Result<Vec<Value>, Error> {
    let refuse = |why: &str| Err(Error::new(ErrorKind::Other, why));
    let Value::Array(args) = &message.data.d else { return refuse("arguments are no array") };
    let in_value = |value: &Value| json!({ "value": value });
    match message.data.m.name.as_str() {
        "echo" => Ok(args.iter().map(in_value).collect()),
        "bare" => Ok(args.clone()),
        "yes" => match args[0]["count"].as_u64() {
            Some(count) => Ok((0..count).map(|_| in_value(&args[0]["value"])).collect()),
            None => refuse("count must be an integer in range [1, 102400]"),
        },
        "fastbench" => {
            Ok(args[0]["echo"].as_array().map_or(vec![], |list| list.iter().map(in_value).collect()))
        }
        "sleep" => {
            std::thread::sleep(Duration::from_millis(args[0]["ms"].as_u64().unwrap_or(0)));
            Ok(vec![])
        }
        "fail" => refuse(args[0]["message"].as_str().unwrap_or("bad arguments")),
        name => refuse(&format!("Unsupported function: {name}")),
    }
}

fn handle(message: &FastMessage, _: &Logger) -> Result<Vec<FastMessage>, Error> {
    let frame = |value| {
        let data = FastMessageData::new(message.data.m.name.clone(), json!([value]));
        FastMessage::data(message.id, data)
    };
    Ok(answer(message)?.into_iter().map(frame).collect())
}

fn main() {
    let log = Logger::root(Discard, o!());
    let listener = TcpListener::bind(&"127.0.0.1:0".parse().unwrap()).expect("a free port");
    println!("listening {}", listener.local_addr().expect("it is bound"));
    let serve = listener
        .incoming()
        .map_err(|error| eprintln!("accept: {error}"))
        .for_each(move |socket| tokio::spawn(make_task(socket, handle, Some(&log))));
    tokio::run(serve);
}
