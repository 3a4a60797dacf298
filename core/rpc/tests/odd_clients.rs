//! Servers against clients that are slow, hostile or gone, played with bare sockets.

mod support;

use libfast_model::ServerOptions;
use libfast_protocol::Status;
use libfast_rpc::{Request, Server};
use serde_json::json;
use std::mem::ManuallyDrop;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::{Bare, LONG, blocking, until};

fn options() -> ServerOptions {
    let mut options = ServerOptions::default();
    options.listen = "127.0.0.1:0".into();
    options
}

/// Adds `big [n]`, which answers with `n` values of 64 KiB, as fast as they are taken. Gives a number that is above 0 once
/// the client has kept it waiting.
fn add_big(server: &Server) -> Arc<AtomicU64> {
    let waits = Arc::new(AtomicU64::new(0));
    let counted = waits.clone();
    let big = move |request: Request| {
        let counted = counted.clone();
        async move {
            let (n,) = request.args::<(u64,)>()?;
            for _ in 0..n {
                if !request.try_send(&"x".repeat(65_536))? {
                    // Whoever else has something to do about it gets to wait, too.
                    for _ in 0..100 {
                        tokio::task::yield_now().await;
                    }
                    counted.fetch_add(1, Ordering::Relaxed);
                    request.writable().await;
                }
            }
            Ok(())
        }
    };
    server.method("big", big).unwrap();
    waits
}

async fn idle(server: &Server) {
    until("the server lets go of the connection", || server.in_flight() == 0 && server.connections() == 0)
        .await;
}

/// The end of the stream comes while the server waits for the socket to take more.
#[tokio::test]
async fn a_client_that_ends_its_side_in_the_middle_of_an_answer_gets_all_of_it() {
    let server = Server::new(options()).unwrap();
    let waits = add_big(&server);
    let address = server.start().await.unwrap().to_string();
    let mut client = Bare::connect(&address);
    client.send(1, "big", "[320]");
    until("the answer fills the buffers on the way", || waits.load(Ordering::Relaxed) > 0).await;
    client.stream.shutdown(Shutdown::Write).unwrap();
    let bytes = blocking(move || {
        let mut bytes = 0;
        loop {
            let frame = client.next().expect("the end of the answer comes before that of the stream");
            bytes += frame.payload.len();
            if frame.status == Status::End {
                return bytes;
            }
        }
    });
    assert!(bytes.await > 320 * 65_536);
    idle(&server).await;
}

/// Requests wait until the client takes its answers, which it never does.
#[test]
fn stop_gets_rid_of_a_client_that_does_not_read() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    // Not dropped on failure: that would wait for a thread that spins.
    let runtime = ManuallyDrop::new(runtime);
    runtime.block_on(async {
        let server = Server::new(options()).unwrap();
        let waits = add_big(&server);
        let address = server.start().await.unwrap().to_string();
        let mut client = Bare::connect(&address);
        client.send(1, "big", "[1000]");
        until("the answer fills the buffers on the way", || waits.load(Ordering::Relaxed) > 0).await;
        client.send(2, "big", "[1000]");
        until("the second request is taken", || server.in_flight() == 2).await;
        server.stop(Duration::ZERO).await;
    });
    let metrics = runtime.metrics();
    let deadline = Instant::now() + LONG;
    while metrics.num_alive_tasks() > 0 {
        assert!(Instant::now() < deadline, "something still serves the connection");
        std::thread::yield_now();
    }
    drop(ManuallyDrop::into_inner(runtime));
}

/// In the part of a handler that runs before it returns its future.
#[tokio::test]
async fn a_handler_that_panics_at_once_fails_only_its_call() {
    let server = Server::new(options()).unwrap();
    server
        .method("first", |request: Request| {
            let (text,) = request.args::<(String,)>().unwrap();
            async move { Ok(text) }
        })
        .unwrap();
    let address = server.start().await.unwrap().to_string();
    blocking(move || {
        let mut client = Bare::connect(&address);
        client.send(1, "first", "[1]");
        client.send(2, "first", r#"["a"]"#);
        let mut ends = Vec::new();
        while ends.len() < 2 {
            let frame = client.next().unwrap();
            if frame.status != Status::Data {
                ends.push((frame.msgid, frame.status));
            }
        }
        ends.sort_by_key(|(id, _)| *id);
        assert_eq!(ends, [(1, Status::Error), (2, Status::End)]);
    })
    .await;
    idle(&server).await;
}

/// A client that has seen the end of its call may use the room that it took.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_not_counted_any_more_when_its_end_arrives() {
    let server = Server::new(options()).unwrap();
    server.method("echo", |_| async { Ok(json!(1)) }).unwrap();
    let address = server.start().await.unwrap().to_string();
    let served = server.clone();
    blocking(move || {
        let mut client = Bare::connect(&address);
        for _ in 0..20_000 {
            client.send(1, "echo", "[]");
            while client.next().unwrap().status != Status::End {}
            assert_eq!(served.in_flight(), 0);
        }
    })
    .await;
    idle(&server).await;
}
