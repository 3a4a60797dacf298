//! Servers that say nothing any more: gone, standing still, or only slow.

mod support;

use libfast_model::{ClientOptions, ErrorKind};
use libfast_protocol::Status;
use libfast_rpc::Client;
use std::sync::mpsc;
use std::time::Duration;
use support::script::Script;
use support::{Bare, LONG};

/// A client that soon loses patience, and whose calls have all the time.
fn impatient(script: &Script) -> Client {
    Client::with_options(&script.address, impatience()).unwrap()
}

fn impatience() -> ClientOptions {
    let pairs =
        [("ping_after_ms", "40"), ("ping_timeout_ms", "40"), ("timeout_ms", "0"), ("idempotent", "false")];
    ClientOptions::from_pairs(pairs).unwrap()
}

/// Answers the first call, and the question for news that comes after it.
fn greet(peer: &mut Bare, knows: bool) {
    assert_eq!(peer.next().unwrap().method().unwrap(), "m");
    peer.say(Status::End, 1, r#"{"d":[]}"#);
    let watch = peer.next().unwrap();
    assert_eq!(watch.method().unwrap(), "_fast.watch");
    match knows {
        true => peer.say(Status::Data, watch.msgid, r#"{"d":[{"state":"serving","later":1}]}"#),
        false => peer.say(
            Status::Error,
            watch.msgid,
            r#"{"d":{"name":"FastError","message":"unsupported RPC method","info":{}}}"#,
        ),
    }
}

#[tokio::test]
async fn a_server_that_answers_neither_calls_nor_pings_is_given_up() {
    let script = Script::once(|mut peer| {
        greet(&mut peer, true);
        assert_eq!(peer.next().unwrap().method().unwrap(), "slow");
        let ping = peer.next().unwrap();
        assert_eq!((ping.method().unwrap().as_str(), ping.status), ("_fast.ping", Status::Data));
        assert!(peer.next().is_none(), "the client has hung up");
    });
    let client = impatient(&script);
    client.call("m", [0; 0]).await.unwrap();
    let error = tokio::time::timeout(LONG, client.call("slow", [0; 0])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.message().contains("40 ms"), "{error}");
    script.finish().await;
}

/// It cannot answer a question that has yet to reach it, behind a request that takes many times as long.
#[tokio::test]
async fn a_server_that_is_still_being_sent_a_request_is_waited_for() {
    const PAUSE: Duration = Duration::from_millis(20);
    let script = Script::once(|mut peer| {
        peer.hold_little();
        greet(&mut peer, true);
        let large = peer.next_slowly(PAUSE).unwrap();
        let ping = peer.next_slowly(PAUSE).unwrap();
        assert_eq!(ping.method().unwrap(), "_fast.ping");
        peer.say(Status::End, ping.msgid, r#"{"d":[]}"#);
        peer.say(Status::End, large.msgid, r#"{"d":["done"]}"#);
        peer.until_ended();
    });
    let mut options = impatience();
    // Shorter than the request is on its way, and longer than a busy machine makes the server pause.
    options.ping_timeout_ms = 300;
    let client = Client::with_options(&script.address, options).unwrap();
    client.call("m", [0; 0]).await.unwrap();
    let large = client.call("large", ["x".repeat(4 << 20)]);
    let values = tokio::time::timeout(LONG, large).await.unwrap().unwrap();
    assert_eq!(values[0].text(), r#""done""#);
    drop(client);
    script.finish().await;
}

/// Its system takes small requests for a long time.
#[tokio::test]
async fn a_server_that_stands_still_is_given_up_although_more_is_sent_to_it() {
    let (hung_up, wait) = mpsc::channel::<()>();
    let script = Script::once(move |mut peer| {
        greet(&mut peer, true);
        wait.recv().unwrap();
    });
    let mut options = impatience();
    // Longer than its system takes to acknowledge them.
    options.ping_timeout_ms = 300;
    let client = Client::with_options(&script.address, options).unwrap();
    client.call("m", [0; 0]).await.unwrap();
    let first = client.stream("m", [0; 0]);
    let call_on = async {
        loop {
            drop(client.stream("m", [0; 0]));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let error = tokio::select! {
        ended = tokio::time::timeout(LONG, first.collect()) => ended.unwrap().unwrap_err(),
        () = call_on => unreachable!("it goes on for ever"),
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.message().contains("not even whether it is there, for 300 ms"), "{error}");
    hung_up.send(()).unwrap();
    script.finish().await;
}

/// However long the call takes, and also if the server has no such method.
#[tokio::test]
async fn a_slow_server_that_answers_pings_is_waited_for() {
    let script = Script::once(|mut peer| {
        greet(&mut peer, true);
        let slow = peer.next().unwrap();
        for round in 0..10 {
            let ping = peer.next().unwrap();
            assert_eq!(ping.method().unwrap(), "_fast.ping");
            match round % 2 {
                0 => peer.say(Status::End, ping.msgid, r#"{"d":[]}"#),
                _ => peer.say(Status::Error, ping.msgid, r#"{"d":{"name":"FastError","message":"no"}}"#),
            }
        }
        peer.say(Status::End, slow.msgid, r#"{"d":["done"]}"#);
    });
    let mut options = impatience();
    // Only an answer brings the next question.
    options.ping_timeout_ms = 20_000;
    let client = Client::with_options(&script.address, options).unwrap();
    client.call("m", [0; 0]).await.unwrap();
    let values = tokio::time::timeout(LONG, client.call("slow", [0; 0])).await.unwrap().unwrap();
    assert_eq!(values.len(), 1);
    script.finish().await;
}

/// A server of old may be busy with one thing at a time, and is left in peace.
#[tokio::test]
async fn a_server_that_knows_nothing_of_pings_gets_none() {
    let (go_on, wait) = mpsc::channel::<()>();
    let script = Script::once(move |mut peer| {
        greet(&mut peer, false);
        assert_eq!(peer.next().unwrap().method().unwrap(), "slow");
        wait.recv().unwrap();
        peer.say(Status::End, 3, r#"{"d":["done"]}"#);
        assert!(peer.next().is_none(), "nothing else came");
    });
    let client = impatient(&script);
    client.call("m", [0; 0]).await.unwrap();
    let mut slow = client.stream("slow", [0; 0]);
    // Many times what it would take to be given up.
    assert!(tokio::time::timeout(Duration::from_millis(400), slow.next()).await.is_err());
    go_on.send(()).unwrap();
    assert_eq!(slow.collect().await.unwrap().len(), 1);
    client.close(Duration::ZERO).await;
    script.finish().await;
}

/// A client whose reader takes its time must not take that for the server's silence.
#[tokio::test]
async fn a_stream_that_is_not_read_is_no_silence() {
    let (go_on, wait) = mpsc::channel::<()>();
    let script = Script::once(move |mut peer| {
        greet(&mut peer, true);
        let stream = peer.next().unwrap();
        let value = format!(r#"{{"d":["{}"]}}"#, "x".repeat(8192));
        peer.say(Status::Data, stream.msgid, &value);
        wait.recv().unwrap();
        peer.say(Status::End, stream.msgid, r#"{"d":[]}"#);
    });
    let mut options = ClientOptions::default();
    (options.ping_after_ms, options.ping_timeout_ms, options.timeout_ms) = (40, 40, 0);
    options.stream_buffer_bytes = 4096;
    let client = Client::with_options(&script.address, options).unwrap();
    client.call("m", [0; 0]).await.unwrap();
    let stream = client.stream("stream", [0; 0]);
    tokio::time::sleep(Duration::from_millis(400)).await;
    go_on.send(()).unwrap();
    assert_eq!(tokio::time::timeout(LONG, stream.collect()).await.unwrap().unwrap().len(), 1);
    script.finish().await;
}
