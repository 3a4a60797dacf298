//! Clients that get on with nothing are given up, those that are slow are not.

mod support;

use libfast_model::ServerOptions;
use libfast_rpc::{Metrics, Request, Server};
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use support::{Bare, LONG, blocking, until};

/// A server with an echo and with a stream without an end.
async fn serve(set: impl FnOnce(&mut ServerOptions)) -> (Server, String, Metrics) {
    let metrics = Metrics::new();
    let mut options = ServerOptions::default();
    options.listen = ":0".into();
    set(&mut options);
    let server = Server::with_metrics(options, &metrics).unwrap();
    server.method("echo", |request: Request| async move { request.args::<serde_json::Value>() }).unwrap();
    let flood = |request: Request| async move {
        loop {
            request.send(&"x".repeat(10_000)).await?;
        }
        #[allow(unreachable_code, reason = "it gives the block its type")]
        Ok(())
    };
    server.method("flood", flood).unwrap();
    let address = server.start().await.unwrap().to_string();
    (server, address, metrics)
}

fn stalled(metrics: &Metrics, direction: &str) -> String {
    let name = format!("fast_server_stalled_connections_total{{direction=\"{direction}\"}} ");
    let text = metrics.text();
    text.lines().find_map(|line| line.strip_prefix(&name)).expect("it is there").to_owned()
}

/// A request as it is sent.
fn frame(id: u32) -> Vec<u8> {
    let mut out = bytes::BytesMut::new();
    let payload = br#"{"m":{"name":"echo"},"d":[1]}"#;
    libfast_protocol::encode(
        &mut out,
        libfast_protocol::Version::V2,
        libfast_protocol::Status::Data,
        id,
        payload,
    );
    out.to_vec()
}

#[tokio::test]
async fn a_message_that_does_not_get_whole_costs_its_connection() {
    let (server, address, metrics) = serve(|options| options.receive_timeout_ms = 300).await;
    // One that says nothing at all is just idle.
    let mut idle = Bare::connect(&address);
    let mut slow = Bare::connect(&address);
    let ended = blocking(move || {
        let begun = Instant::now();
        slow.stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        // A byte now and then is no progress.
        for byte in frame(1) {
            if slow.stream.write_all(&[byte]).is_err() {
                break;
            }
            if let Ok(0) = slow.stream.read(&mut [0; 1]) {
                break;
            }
        }
        begun.elapsed()
    });
    assert!(ended.await >= Duration::from_millis(300));
    until("it is closed", || server.connections() == 1).await;
    assert_eq!((stalled(&metrics, "received").as_str(), stalled(&metrics, "sent").as_str()), ("1", "0"));
    let answer = blocking(move || {
        idle.send(1, "echo", "[1]");
        idle.next()
    });
    assert!(answer.await.is_some());
}

/// The time counts for each message, not for the connection.
#[tokio::test]
async fn messages_cut_in_two_are_served_as_long_as_each_gets_whole() {
    let (server, address, _) = serve(|options| options.receive_timeout_ms = 2_000).await;
    let mut bare = Bare::connect(&address);
    let answered = blocking(move || {
        let frame = frame(1);
        let begun = Instant::now();
        // Each piece ends one message and begins the next, so that a part of one is there all the time.
        let (head, tail) = frame.split_at(20);
        bare.stream.write_all(head).unwrap();
        let mut answered = 0;
        while begun.elapsed() < Duration::from_millis(2_500) {
            bare.stream.write_all(&[tail, head].concat()).unwrap();
            while bare.next().expect("it is open").status != libfast_protocol::Status::End {}
            answered += 1;
        }
        answered
    });
    assert!(answered.await > 1);
    drop(server);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed() {
    let (server, address, metrics) = serve(|options| options.send_timeout_ms = 300).await;
    let mut bare = Bare::connect(&address);
    bare.send(1, "flood", "[]");
    until("it runs", || server.in_flight() == 1).await;
    until("it is closed", || server.connections() == 0).await;
    assert_eq!((stalled(&metrics, "received").as_str(), stalled(&metrics, "sent").as_str()), ("0", "1"));
    // The system does not keep what it did not take.
    let ended = blocking(move || std::io::copy(&mut bare.stream, &mut std::io::sink()));
    assert_eq!(ended.await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

/// So slow that the kernel does not call the socket writable for much longer than the limit.
#[tokio::test]
async fn a_client_that_takes_little_is_not() {
    let (server, address, metrics) = serve(|options| options.send_timeout_ms = 400).await;
    let mut bare = Bare::connect(&address);
    socket2::SockRef::from(&bare.stream).set_recv_buffer_size(65_536).unwrap();
    bare.send(1, "flood", "[]");
    let read = blocking(move || {
        let begun = Instant::now();
        let mut chunk = vec![0; 16_384];
        while begun.elapsed() < Duration::from_millis(2_000) {
            bare.stream.read_exact(&mut chunk).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        bare
    });
    let bare = read.await;
    assert_eq!((server.connections(), stalled(&metrics, "sent").as_str()), (1, "0"));
    drop(bare);
    tokio::time::timeout(LONG, server.connections_closed()).await.unwrap();
}
