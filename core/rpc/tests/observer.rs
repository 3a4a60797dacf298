//! What an observer hears of a call.

mod support;

use libfast_model::ClientOptions;
use libfast_rpc::{Call, CallEvent, CallObserver, Client};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use support::script::Script;
use support::*;

type Heard = Arc<Mutex<Vec<String>>>;

/// A call whose events are written down.
fn observed(client: &Client, args: String, heard: &Heard) -> Call {
    let heard = heard.clone();
    let mut options = client.call_options();
    options.observer = Some(CallObserver::new(move |event| {
        let text = match event {
            CallEvent::Failed { error } => format!("Failed {}", error.kind().name()),
            other => format!("{other:?}"),
        };
        heard.lock().unwrap().push(text);
    }));
    client.start("m", args.into(), options)
}

fn take(heard: &Heard) -> Vec<String> {
    std::mem::take(&mut heard.lock().unwrap())
}

/// Reads one request and answers it with END. Returns the length of its message.
fn answer(stream: &mut TcpStream) -> usize {
    let mut header = [0; 15];
    stream.read_exact(&mut header).unwrap();
    let mut payload = vec![0; u32::from_be_bytes(header[11..].try_into().unwrap()) as usize];
    stream.read_exact(&mut payload).unwrap();
    let id = u32::from_be_bytes(header[3..7].try_into().unwrap());
    let mut out = bytes::BytesMut::new();
    libfast_protocol::encode(
        &mut out,
        libfast_protocol::Version::V2,
        libfast_protocol::Status::End,
        id,
        br#"{"m":{"name":"m"},"d":[]}"#,
    );
    stream.write_all(&out).unwrap();
    header.len() + payload.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_is_told_step_by_step() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (good, bad) = (listener.local_addr().unwrap(), "127.0.0.1:1");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        [answer(&mut stream), answer(&mut stream)]
    });
    let mut options = ClientOptions::default();
    // In turn, so that the one that nobody listens on is tried in one of two calls.
    options.policy = libfast_model::Policy::RoundRobin;
    // The server below answers two requests, and these are the calls.
    options.watch_servers = false;
    options.timeout_ms = LONG.as_millis() as u64;
    let client = Client::with_options(&format!("{bad},{good}"), options).unwrap();
    let heard = Heard::default();
    let mut events = Vec::new();
    for _ in 0..2 {
        observed(&client, "[1]".into(), &heard).collect().await.unwrap();
        events.push(take(&heard));
    }
    let lengths = server.join().unwrap();
    let address = |text: &str| format!("{:?}", text.parse::<libfast_model::Address>().unwrap());
    let (good, bad) = (address(&good.to_string()), address(bad));
    for (call, (events, length)) in events.iter().zip(lengths).enumerate() {
        let mut expected = vec![
            format!("Picked {{ endpoint: {good} }}"),
            format!("Connected {{ endpoint: {good}, reused: {} }}", call > 0),
            format!("Sent {{ id: {}, bytes: {length} }}", call + 1),
        ];
        if events.len() > 3 {
            expected.splice(0..0, [format!("Picked {{ endpoint: {bad} }}"), "Failed FAST_E_CONNECT".into()]);
        }
        assert_eq!(*events, expected);
    }
    assert!(events.iter().any(|events| events.len() > 3), "nobody tried {bad}: {events:?}");
}

/// What counts is the socket, not the buffer before it.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_sent_when_its_last_byte_is() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = ClientOptions::default();
    options.max_frame_bytes = 256 << 20;
    options.timeout_ms = LONG.as_millis() as u64;
    let client = Client::with_options(&listener.local_addr().unwrap().to_string(), options).unwrap();
    client.ready(LONG).await.unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let heard = Heard::default();
    let call = observed(&client, format!("[\"{}\"]", "x".repeat(64 << 20)), &heard);
    let events = take(&heard);
    assert_eq!(events.len(), 2, "no socket takes 64 MiB at once: {events:?}");
    let server = std::thread::spawn(move || answer(&mut stream));
    call.collect().await.unwrap();
    assert_eq!(take(&heard), [format!("Sent {{ id: 1, bytes: {} }}", server.join().unwrap())]);
}

/// Also if nobody looks before the connection is lost: what left, left.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_lost_behind_the_socket_was_sent() {
    let server = Script::once(|mut peer| {
        let methods = [(); 2].map(|()| peer.next().unwrap().method().unwrap());
        assert_eq!(methods.map(|method| method.to_string()), ["m", "other"]);
    });
    let mut options = ClientOptions::default();
    options.watch_servers = false;
    options.retries = 0;
    let client = Client::with_options(&server.address, options).unwrap();
    client.ready(LONG).await.unwrap();
    let heard = Heard::default();
    let call = observed(&client, "[1]".into(), &heard);
    client.call("other", [0; 0]).await.unwrap_err();
    call.collect().await.unwrap_err();
    let events = take(&heard);
    assert!(events[2].starts_with("Sent { id: 1,") && events[3] == "Failed FAST_E_CONN_LOST", "{events:?}");
    server.finish().await;
}
