//! A client that breaks the protocol, breaks off or ends its side harms nobody but itself.

mod support;

use bytes::BytesMut;
use libfast_model::ServerOptions;
use libfast_protocol::{Status, Version, encode};
use libfast_rpc::{Client, Request, Server};
use serde_json::{Value, json};
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use support::{Bare, LONG, blocking, until};
use tokio::sync::Semaphore;

/// A server whose requests of `gate` wait until they are let through, and how many of them began and ended.
struct Gated {
    server: Server,
    address: String,
    gate: Arc<Semaphore>,
    begun: Arc<AtomicU64>,
    ended: Arc<AtomicU64>,
}

impl Gated {
    async fn start() -> Self {
        let mut options = ServerOptions::default();
        options.listen = "127.0.0.1:0".into();
        let server = Server::new(options).unwrap();
        let (gate, begun, ended) =
            (Arc::new(Semaphore::new(0)), Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let shared = (gate.clone(), begun.clone(), ended.clone());
        let wait = move |request: Request| {
            let (gate, begun, ended) = shared.clone();
            async move {
                begun.fetch_add(1, Ordering::SeqCst);
                gate.acquire().await.expect("it is never closed").forget();
                // A caller that is gone makes this fail, and nothing else.
                let _ = request.send(&json!("through")).await;
                ended.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        };
        server.method("gate", wait).unwrap();
        server.method("echo", |request: Request| async move { request.args::<Value>() }).unwrap();
        let address = server.start().await.unwrap().to_string();
        Self { server, address, gate, begun, ended }
    }

    async fn begun(&self, count: u64) {
        until("the requests run", || self.begun.load(Ordering::SeqCst) == count).await;
    }

    /// The handlers end on their own time, whatever became of their connection.
    async fn all_end(&self, count: u64) {
        self.gate.add_permits(count as usize);
        until("the handlers end", || self.ended.load(Ordering::SeqCst) == count).await;
        tokio::time::timeout(LONG, self.server.connections_closed()).await.unwrap();
        assert_eq!(self.server.in_flight(), 0);
    }

    /// Three requests of one client run while another has one; then the first client does something.
    async fn survives(&self, misdeed: impl FnOnce(Bare) + Send + 'static) {
        let mut culprit = Bare::connect(&self.address);
        (1..=3).for_each(|id| culprit.send(id, "gate", "[]"));
        let mut other = Bare::connect(&self.address);
        other.send(1, "gate", "[]");
        self.begun(4).await;
        blocking(move || misdeed(culprit)).await;
        until("the culprit's connection is closed", || self.server.connections() == 1).await;
        self.gate.add_permits(3 + 1);
        blocking(move || {
            let frames = [other.next(), other.next()].map(|frame| frame.expect("an answer"));
            assert_eq!(frames.map(|frame| frame.status), [Status::Data, Status::End]);
        })
        .await;
        self.all_end(4).await;
        assert_eq!(Client::new(&self.address).unwrap().call("echo", [1]).await.unwrap()[0].text(), "[1]");
    }
}

#[tokio::test]
async fn requests_of_one_connection_run_at_the_same_time() {
    let gated = Gated::start().await;
    let client = Client::new(&gated.address).unwrap();
    client.ready(LONG).await.unwrap();
    let calls: Vec<_> = (0..3).map(|_| client.stream("gate", [0; 0])).collect();
    gated.begun(3).await;
    gated.gate.add_permits(3);
    for call in calls {
        assert_eq!(call.collect().await.unwrap()[0].text(), "\"through\"");
    }
}

#[tokio::test]
async fn an_end_from_a_client_ends_its_connection_only() {
    Gated::start()
        .await
        .survives(|mut peer| {
            peer.say(Status::End, 2, r#"{"d":[]}"#);
            peer.until_ended();
        })
        .await;
}

#[tokio::test]
async fn an_id_that_is_in_use_ends_its_connection_only() {
    Gated::start()
        .await
        .survives(|mut peer| {
            peer.send(2, "echo", "[]");
            peer.until_ended();
        })
        .await;
}

#[tokio::test]
async fn bytes_that_are_no_fast_end_their_connection_only() {
    let mut frame = BytesMut::new();
    encode(&mut frame, Version::V2, Status::Data, 9, br#"{"m":{"name":"echo"},"d":[]}"#);
    let mut bad_checksum = frame.clone();
    bad_checksum[10] ^= 1;
    let half = frame[..frame.len() - 1].to_vec();
    for bytes in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), bad_checksum.to_vec(), half] {
        Gated::start()
            .await
            .survives(move |mut peer| {
                peer.stream.write_all(&bytes).unwrap();
                peer.stream.shutdown(Shutdown::Write).unwrap();
                peer.until_ended();
            })
            .await;
    }
}

#[tokio::test]
async fn a_client_that_resets_or_closes_ends_its_connection_only() {
    Gated::start()
        .await
        .survives(|peer| {
            socket2::SockRef::from(&peer.stream).set_linger(Some(Duration::ZERO)).unwrap();
        })
        .await;
}

/// Whatever came in the same read: a peer that breaks the protocol gets nothing more done.
#[tokio::test]
async fn what_follows_a_violation_is_not_run() {
    let gated = Gated::start().await;
    let mut bytes = BytesMut::new();
    let mut put = |status, id| {
        encode(&mut bytes, Version::V2, status, id, br#"{"m":{"name":"gate"},"d":[]}"#);
    };
    for (status, id) in [(Status::Data, 1), (Status::End, 1), (Status::Data, 2), (Status::Data, 3)] {
        put(status, id);
    }
    let mut peer = Bare::connect(&gated.address);
    peer.stream.write_all(&bytes).unwrap();
    blocking(move || peer.until_ended()).await;
    gated.all_end(1).await;
    assert_eq!(gated.begun.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_reset_while_a_request_runs_does_not_hinder_the_stop() {
    let gated = Gated::start().await;
    let mut peer = Bare::connect(&gated.address);
    peer.send(1, "gate", "[]");
    gated.begun(1).await;
    socket2::SockRef::from(&peer.stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(peer);
    tokio::time::timeout(LONG, gated.server.stop(LONG)).await.unwrap();
    gated.all_end(1).await;
}

/// Many requests, or one that takes many reads, and the end of the client's side right behind them.
#[tokio::test]
async fn everything_received_before_the_end_of_the_stream_is_answered() {
    let gated = Gated::start().await;
    let large = format!("[\"{}\"]", "x".repeat(4 << 20));
    for (requests, args) in [(100, "[7]".to_owned()), (1, large)] {
        let mut peer = Bare::connect(&gated.address);
        blocking(move || {
            (1..=requests).for_each(|id| peer.send(id, "echo", &args));
            peer.stream.shutdown(Shutdown::Write).unwrap();
            let frames: Vec<_> = std::iter::from_fn(|| peer.next()).collect();
            let ends = frames.iter().filter(|frame| frame.status == Status::End).count();
            assert_eq!((ends, frames.len()), (requests as usize, 2 * requests as usize));
        })
        .await;
    }
    // One that still runs when the end is seen.
    let mut peer = Bare::connect(&gated.address);
    peer.send(1, "gate", "[]");
    peer.stream.shutdown(Shutdown::Write).unwrap();
    gated.begun(1).await;
    gated.gate.add_permits(1);
    blocking(move || assert_eq!(peer.requests(2)[1].status, Status::End)).await;
    tokio::time::timeout(LONG, gated.server.connections_closed()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_may_be_used_again_as_soon_as_its_end_is_seen() {
    let gated = Gated::start().await;
    let mut peer = Bare::connect(&gated.address);
    blocking(move || {
        for _ in 0..5_000 {
            peer.send(0, "echo", "[]");
            assert_eq!(peer.requests(2)[1].status, Status::End);
        }
    })
    .await;
}

/// Two hundred calls over two connections, half of which fail: the server is told that the last is gone when it is.
#[tokio::test]
async fn failed_calls_keep_no_connection() {
    let gated = Gated::start().await;
    let clients = [(); 2].map(|()| Client::new(&gated.address).unwrap());
    for i in 0..100 {
        for client in &clients {
            let called = client.call(if i % 2 == 0 { "echo" } else { "nope" }, [i]).await;
            assert_eq!(called.is_ok(), i % 2 == 0);
        }
    }
    let server = gated.server.clone();
    let closed = tokio::spawn(async move { server.connections_closed().await });
    for (client, left) in clients.into_iter().zip([1, 0]) {
        assert!(!closed.is_finished());
        client.close(LONG).await;
        drop(client);
        until("the connection is closed", || gated.server.connections() == left).await;
    }
    tokio::time::timeout(LONG, closed).await.unwrap().unwrap();
}

/// Clients that come while the server stops find nobody, or a connection that ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_come_while_a_server_stops_do_no_harm() {
    for _ in 0..50 {
        let gated = Gated::start().await;
        let address = gated.address.clone();
        let coming = tokio::task::spawn_blocking(move || {
            while let Ok(stream) = TcpStream::connect(&address) {
                drop(stream);
            }
        });
        until("they come", || gated.server.connections() > 0 || coming.is_finished()).await;
        gated.server.stop(Duration::ZERO).await;
        tokio::time::timeout(LONG, coming).await.unwrap().unwrap();
        tokio::time::timeout(LONG, gated.server.connections_closed()).await.unwrap();
    }
}

/// One thread serves all. What is sent never has to wait: much of it must not keep others waiting nevertheless.
#[tokio::test]
async fn a_stream_of_large_values_lets_others_have_their_turn() {
    let server = Server::new(ServerOptions::default()).unwrap();
    let (turns, between) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let (counted, seen) = (turns.clone(), between.clone());
    let flood = move |request: Request| {
        let (counted, seen) = (counted.clone(), seen.clone());
        async move {
            let value = format!("\"{}\"", "x".repeat(64 << 10));
            let before = counted.load(Ordering::SeqCst);
            // Fewer than there are units in the budget of a task.
            for _ in 0..64 {
                request.send_text(value.as_bytes()).await?;
            }
            seen.store(counted.load(Ordering::SeqCst) - before, Ordering::SeqCst);
            Ok(())
        }
    };
    server.method("flood", flood).unwrap();
    let address = server.start().await.unwrap().to_string();
    let other = tokio::spawn(async move {
        loop {
            turns.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    });
    let client = Client::new(&address).unwrap();
    let values = tokio::time::timeout(LONG, client.call("flood", [0; 0])).await.unwrap().unwrap();
    assert_eq!(values.len(), 64);
    // 4 MiB, in pieces of 64 KiB.
    assert!(between.load(Ordering::SeqCst) >= 32, "{between:?} turns of another");
    other.abort();
}
