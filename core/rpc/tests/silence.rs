//! Idempotent calls whose server falls silent: each gets a second attempt elsewhere, and the first one goes on.

mod support;

use libfast_model::{ClientOptions, ErrorKind, ServerOptions};
use libfast_protocol::{Frame, Status};
use libfast_rpc::{Client, Metrics, Request, Server};
use support::script::Script;
use support::{Bare, LONG, endpoint};

const NONE: [u8; 0] = [];

/// A server whose methods `m` and `slow` answer at once.
async fn serve() -> (Server, String) {
    let server = Server::new(ServerOptions::default()).unwrap();
    server.method("m", |_: Request| async { Ok("other") }).unwrap();
    server.method("slow", |_: Request| async { Ok("other") }).unwrap();
    let address = server.start().await.unwrap().to_string();
    (server, address)
}

/// Calls in turns, and gives nobody up for as long as these tests last.
fn client(target: &str, metrics: &Metrics, idempotent: &str) -> Client {
    let pairs = [
        ("policy", "round_robin"),
        ("ping_after_ms", "60000"),
        ("ping_timeout_ms", "60000"),
        ("timeout_ms", "0"),
        ("idempotent", idempotent),
    ];
    Client::with_metrics(target, ClientOptions::from_pairs(pairs).unwrap(), metrics).unwrap()
}

/// Answers what is called until that is `slow`, and news; then there is a question whether it is there.
fn serve_until_asked(peer: &mut Bare) -> (Frame, Frame) {
    let slow = loop {
        let frame = peer.next().unwrap();
        match &*frame.method().unwrap() {
            "slow" => break frame,
            "_fast.watch" => peer.say(Status::Data, frame.msgid, r#"{"d":[{"state":"serving"}]}"#),
            _ => peer.say(Status::End, frame.msgid, r#"{"d":["first"]}"#),
        }
    };
    let ping = peer.next().unwrap();
    assert_eq!(ping.method().unwrap(), "_fast.ping");
    (slow, ping)
}

/// Calls until the script is known to be a server that answers such questions, and its turn is next.
async fn get_to_know(client: &Client) {
    let mut answers = Vec::new();
    while answers.len() < 20 || answers.last().is_none_or(|last| last == r#""first""#) {
        answers.push(client.call("m", NONE).await.unwrap()[0].text().to_owned());
    }
    assert!(answers.iter().any(|answer| answer == r#""first""#));
}

fn hedges(metrics: &Metrics) -> [u64; 3] {
    let series = |outcome| format!("fast_client_hedges_total{{reason=\"silent\",outcome=\"{outcome}\"}}");
    ["won", "lost", "denied"].map(|outcome| support::metric(metrics, &series(outcome)))
}

#[tokio::test]
async fn an_idempotent_call_goes_elsewhere_long_before_its_server_is_given_up() {
    let ((_server, good), metrics) = (serve().await, Metrics::new());
    let frozen = Script::once(|mut peer| {
        serve_until_asked(&mut peer);
        peer.until_ended();
    });
    let client = client(&format!("{good},{}", frozen.address), &metrics, "true");
    get_to_know(&client).await;
    let values = tokio::time::timeout(LONG, client.call("slow", NONE)).await.unwrap().unwrap();
    assert_eq!(values[0].text(), r#""other""#);
    assert_eq!(hedges(&metrics), [1, 0, 0]);
    let known = endpoint(&client, &frozen.address);
    assert_eq!((&known["failures"], &known["in_flight"]), (&1.into(), &0.into()), "{known}");
    drop(client);
    frozen.finish().await;
}

/// It might run twice.
#[tokio::test]
async fn a_call_that_is_not_idempotent_waits() {
    let ((_server, good), metrics) = (serve().await, Metrics::new());
    let (asked, mut was_asked) = tokio::sync::mpsc::unbounded_channel();
    let frozen = Script::once(move |mut peer| {
        serve_until_asked(&mut peer);
        asked.send(()).unwrap();
        peer.until_ended();
    });
    let client = client(&format!("{good},{}", frozen.address), &metrics, "false");
    get_to_know(&client).await;
    let mut call = client.stream("slow", NONE);
    tokio::time::timeout(LONG, was_asked.recv()).await.unwrap().unwrap();
    // Twice what an idempotent one would have waited.
    assert!(tokio::time::timeout(std::time::Duration::from_millis(600), call.next()).await.is_err());
    assert_eq!(call.abandoned().kind(), ErrorKind::Abandoned);
    assert_eq!(hedges(&metrics), [0; 3]);
    drop((call, client));
    frozen.finish().await;
}

/// One that was silent is as good as any as soon as something comes from it.
#[tokio::test]
async fn a_server_that_speaks_again_is_not_in_doubt() {
    let ((_server, good), metrics) = (serve().await, Metrics::new());
    let (thaw, frozen_until) = std::sync::mpsc::channel::<()>();
    let frozen = Script::once(move |mut peer| {
        let (_, ping) = serve_until_asked(&mut peer);
        frozen_until.recv().unwrap();
        peer.say(Status::End, ping.msgid, r#"{"d":[]}"#);
        while let Some(frame) = peer.next() {
            peer.say(Status::End, frame.msgid, r#"{"d":["first"]}"#);
        }
    });
    let client = client(&format!("{good},{}", frozen.address), &metrics, "true");
    get_to_know(&client).await;
    tokio::time::timeout(LONG, client.call("slow", NONE)).await.unwrap().unwrap();
    assert_eq!(hedges(&metrics), [1, 0, 0]);
    thaw.send(()).unwrap();
    let heard =
        async { while client.call("m", NONE).idempotent(false).await.unwrap()[0].text() != r#""first""# {} };
    tokio::time::timeout(LONG, heard).await.unwrap();
    for _ in 0..4 {
        client.call("m", NONE).await.unwrap();
    }
    assert_eq!(hedges(&metrics), [1, 0, 0]);
    drop(client);
    frozen.finish().await;
}

/// A method that takes long is no fault of its server, which says that it is there.
#[tokio::test]
async fn a_call_whose_server_is_there_is_waited_for() {
    let ((_server, good), metrics) = (serve().await, Metrics::new());
    let busy = Script::once(|mut peer| {
        let (slow, mut ping) = serve_until_asked(&mut peer);
        for _ in 0..2 {
            peer.say(Status::End, ping.msgid, r#"{"d":[]}"#);
            ping = peer.next().unwrap();
            assert_eq!(ping.method().unwrap(), "_fast.ping");
        }
        peer.say(Status::End, slow.msgid, r#"{"d":["first"]}"#);
        peer.until_ended();
    });
    let client = client(&format!("{good},{}", busy.address), &metrics, "true");
    get_to_know(&client).await;
    let values = tokio::time::timeout(LONG, client.call("slow", NONE)).await.unwrap().unwrap();
    assert_eq!((values[0].text(), hedges(&metrics)), (r#""first""#, [0; 3]));
    drop(client);
    busy.finish().await;
}

/// A large request on its way keeps small ones behind it waiting, and the question with them: that is no silence of the server.
#[tokio::test]
async fn calls_behind_a_large_request_wait_for_a_server_that_takes_it() {
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(20);
    let ((_server, good), metrics) = (serve().await, Metrics::new());
    let busy = Script::once(|mut peer| {
        peer.hold_little();
        while let Some(frame) = peer.next_slowly(PAUSE) {
            match &*frame.method().unwrap() {
                "_fast.watch" => peer.say(Status::Data, frame.msgid, r#"{"d":[{"state":"serving"}]}"#),
                _ => peer.say(Status::End, frame.msgid, r#"{"d":["first"]}"#),
            }
        }
    });
    let client = client(&format!("{good},{}", busy.address), &metrics, "true");
    get_to_know(&client).await;
    let mut calls = vec![client.stream("slow", ["x".repeat(4 << 20)])];
    calls.extend((0..10).map(|_| client.stream("m", NONE)));
    let mut behind = 0;
    for call in calls {
        let values = tokio::time::timeout(LONG, call.collect()).await.unwrap().unwrap();
        behind += usize::from(values[0].text() == r#""first""#);
    }
    assert!(behind > 1, "some of the small ones");
    let known = endpoint(&client, &busy.address);
    assert_eq!((hedges(&metrics), &known["failures"]), ([0; 3], &0.into()), "{known}");
    drop(client);
    busy.finish().await;
}

/// With nobody else there the first attempt is all there is, and its answer counts when it comes.
#[tokio::test]
async fn the_first_attempt_goes_on() {
    let (thaw, frozen_until) = std::sync::mpsc::channel::<()>();
    let (asked, mut was_asked) = tokio::sync::mpsc::unbounded_channel();
    let frozen = Script::once(move |mut peer| {
        let (slow, _) = serve_until_asked(&mut peer);
        asked.send(()).unwrap();
        frozen_until.recv().unwrap();
        peer.say(Status::End, slow.msgid, r#"{"d":["late"]}"#);
        peer.until_ended();
    });
    let metrics = Metrics::new();
    let client = client(&frozen.address, &metrics, "true");
    for _ in 0..20 {
        client.call("m", NONE).await.unwrap();
    }
    let mut call = client.stream("slow", NONE);
    was_asked.recv().await.unwrap();
    assert!(tokio::time::timeout(std::time::Duration::from_millis(600), call.next()).await.is_err());
    thaw.send(()).unwrap();
    let value = tokio::time::timeout(LONG, call.next()).await.unwrap().unwrap().unwrap();
    assert_eq!((value.text(), hedges(&metrics)), (r#""late""#, [0; 3]));
    drop((call, client));
    frozen.finish().await;
}
