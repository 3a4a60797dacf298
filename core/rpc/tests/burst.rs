//! What one thread sends in a row leaves together, whether the runtime runs or not.

mod support;

use libfast_model::ServerOptions;
use libfast_rpc::{Call, Client, Request, Server, burst};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, mpsc};
use support::script::Script;
use support::{Bare, LONG, blocking};

const MANY: usize = 500;

fn start(client: &Client) -> Call {
    client.start("echo", b"[1]".as_slice().into(), client.call_options())
}

/// The one thread of this runtime does not drive the connection while it waits here.
#[tokio::test]
async fn the_requests_of_a_burst_leave_at_its_end() {
    let (tell, told) = mpsc::channel();
    let script = Script::once(move |mut peer: Bare| {
        for count in [MANY, 2, 1] {
            tell.send(peer.requests(count).len()).unwrap();
        }
    });
    let client = script.client().await;
    let calls = burst(|| {
        // A part of the one around it.
        let first = burst(|| start(&client));
        let others: Vec<_> = (1..MANY).map(|_| start(&client)).collect();
        (first, others)
    });
    assert_eq!(told.recv_timeout(LONG), Ok(MANY));

    let kept = Mutex::new(Vec::new());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        burst(|| {
            kept.lock().unwrap().extend([start(&client), start(&client)]);
            std::panic::resume_unwind(Box::new("in a burst"));
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(told.recv_timeout(LONG), Ok(2), "they are sent although the burst panicked");

    let last = burst(|| start(&client));
    assert_eq!(told.recv_timeout(LONG), Ok(1), "no burst goes on after a panic");
    drop((calls, kept, last));
}

/// Answers that are completed outside of the runtime.
#[tokio::test]
async fn the_answers_of_a_burst_leave_at_its_end() {
    let mut options = ServerOptions::default();
    options.listen = "127.0.0.1:0".into();
    let server = Server::new(options).unwrap();
    let (give, requests) = mpsc::channel();
    let give = Mutex::new(give);
    server
        .handle("echo", Arc::new(move |request: Request| give.lock().unwrap().send(request).unwrap()))
        .unwrap();
    let address = server.start().await.unwrap().to_string();
    let (tell, told) = mpsc::channel();
    let peer = std::thread::spawn(move || {
        let mut peer = Bare::connect(&address);
        (1..=MANY as u32).for_each(|id| peer.send(id, "echo", "[1]"));
        tell.send(peer.requests(MANY).len()).unwrap();
        peer
    });
    let requests = blocking(move || requests.iter().take(MANY).collect::<Vec<_>>()).await;
    // All but one: the last that is owed is written by itself.
    burst(|| requests[1..].iter().for_each(|request| request.end().unwrap()));
    requests[0].end().unwrap();
    assert_eq!(told.recv_timeout(LONG), Ok(MANY));
    drop(peer.join().unwrap());
    server.stop(LONG).await;
}
