//! A server of libfast that stops while node-fast's client calls on. That client knows nothing of draining.

use super::frames::LONG;
use super::process::{Process, node};
use libfast::{Request, Server, ServerOptions};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const ROUNDS: usize = 10;

/// What became of the client's calls, by number.
#[derive(Deserialize)]
struct Said {
    answered: BTreeSet<u64>,
    /// The connection ended before their answers.
    lost: BTreeSet<u64>,
    failed: Vec<serde_json::Value>,
}

/// The numbers of the calls that a server answered.
type Handled = Arc<Mutex<BTreeSet<u64>>>;

async fn serve(pause: Duration) -> (Server, Handled) {
    let mut options = ServerOptions::default();
    options.listen = "127.0.0.1:0".into();
    // A client that calls on would be served so long.
    options.drain_grace_ms = 50;
    let server = Server::new(options).expect("they are valid");
    let handled = Handled::default();
    let noted = handled.clone();
    let count = move |request: Request| {
        let noted = noted.clone();
        async move {
            let (number,): (u64,) = request.args()?;
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            noted.lock().expect("no panic").insert(number);
            Ok(json!({ "number": number }))
        }
    };
    server.method("count", count).expect("a new method");
    server.start().await.expect("a free port");
    (server, handled)
}

#[test]
fn a_server_that_drains_loses_no_call_of_node_fast_that_it_has_answered() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut client = Process::start(&mut node("caller.js"));
    let (mut calls, mut lost) = (0, 0);
    for round in 0..ROUNDS {
        // At once, or while calls run when the server stops.
        let pause = Duration::from_millis(if round % 2 == 0 { 0 } else { 3 });
        let (server, handled) = runtime.block_on(serve(pause));
        let address = server.address().expect("it listens").to_string();
        let ask = json!({ "address": address, "in_flight": 16 });
        writeln!(client.input, "{ask}").expect("the client reads");
        let asked = Instant::now();
        while handled.lock().expect("no panic").len() < 200 {
            assert!(asked.elapsed() < LONG, "the client calls");
            std::thread::yield_now();
        }
        runtime.block_on(async { tokio::time::timeout(LONG, server.stop(LONG)).await.expect("it ends") });
        let said: Said = serde_json::from_str(&client.line()).expect("what became of its calls");
        let handled = std::mem::take(&mut *handled.lock().expect("no panic"));
        assert!(said.failed.is_empty(), "{:?}", said.failed);
        let missing: Vec<_> = handled.difference(&said.answered).collect();
        assert!(missing.is_empty(), "answered, and never heard of: {missing:?}");
        assert!(said.lost.is_disjoint(&handled), "what is said to be lost was not run");
        calls += said.answered.len();
        lost += said.lost.len();
    }
    println!("{ROUNDS} drains, {calls} calls answered, {lost} not taken any more and not run");
}
