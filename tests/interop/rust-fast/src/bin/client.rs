//! A rust-fast client: reads cases and prints answers as `../node-fast/client.js` does. The crate makes one call at a time
//! and has no timeout, no way to abandon a call and one version; a case that needs these is answered
//! `{"unsupported": why}`. Each call counts its ids from 0, as the crate's own tests do.

use fast_rpc::client::{receive, send};
use fast_rpc::protocol::FastMessageId;
use serde_json::{json, Value};
use std::io::{stdin, BufRead, ErrorKind};
use std::net::{Shutdown, TcpStream};

fn unsupported(task: &Value) -> Option<&'static str> {
    let calls = task["calls"].as_array().expect("a case has calls");
    if task["version"] != 2 {
        return Some("it sends version 2 only");
    }
    if calls.len() > 1 {
        return Some("its client makes one call at a time");
    }
    if calls.iter().any(|call| !call["timeout"].is_null()) {
        return Some("its client has no timeout");
    }
    if calls.iter().any(|call| call["abandon"] == true) {
        return Some("its client cannot abandon a call");
    }
    if calls.iter().any(|call| call["ignore_null"] == true) {
        return Some("its client always hands out null");
    }
    None
}

fn call(stream: &mut TcpStream, call: &Value, half_close: bool) -> Value {
    let mut values = Vec::new();
    let mut ids = FastMessageId::new();
    let method = call["method"].as_str().expect("a call has a method").to_owned();
    let answered = send(method, call["args"].clone(), &mut ids, stream).and_then(|_| {
        if half_close {
            stream.shutdown(Shutdown::Write)?;
        }
        receive(stream, |message| {
            values.extend(message.data.d.as_array().cloned().unwrap_or_default());
            Ok(())
        })
    });
    // An error of the server and one of its own making are the same type: a text.
    let error = answered.err().map(|error| {
        let kind = match error.kind() {
            ErrorKind::Other => "text",
            _ => "lost",
        };
        json!({ "kind": kind, "name": "", "message": error.to_string(), "info": {}, "context": null })
    });
    json!({ "values": values, "error": error })
}

fn run(task: &Value) -> Value {
    if let Some(why) = unsupported(task) {
        return json!({ "unsupported": why });
    }
    let mut stream =
        TcpStream::connect(task["address"].as_str().expect("a case has an address")).expect("a server");
    let then = task["then"].as_array().cloned().unwrap_or_default();
    let calls = task["calls"].as_array().expect("a case has calls").iter().chain(&then);
    let answers: Vec<_> = calls.map(|one| call(&mut stream, one, task["half_close"] == true)).collect();
    let order: Vec<_> = (0..answers.len()).collect();
    json!({ "answers": answers, "order": order })
}

fn main() {
    for line in stdin().lock().lines() {
        match serde_json::from_str(&line.expect("text")) {
            Ok(task) => println!("{}", run(&task)),
            // What the crate's parser does not take, its client cannot send.
            Err(_) => println!("{}", json!({ "unsupported": "its JSON parser refuses lone surrogates" })),
        }
    }
}
