//! Many calls on one connection, and calls that nobody waits for any more.

mod support;

use libfast_model::Error;
use libfast_protocol::{Frame, Status};
use libfast_rpc::{Call, Client};
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};
use support::Bare;
use support::script::{Script, drain, told};

const HUNDRED: usize = 100;

fn say_end(peer: &mut Bare, id: u32, values: &str) {
    peer.say(Status::End, id, &format!(r#"{{"d":[{values}]}}"#));
}

/// Answers every request with its own arguments, until the client goes.
fn echo(mut peer: Bare) {
    while let Some(request) = peer.next() {
        let payload: Value = serde_json::from_slice(&request.payload).unwrap();
        peer.say(Status::End, request.msgid, &json!({"d": payload["d"]}).to_string());
    }
}

/// A hundred calls wait, one has got a value, and the server does something that ends them all.
async fn all_fail(end: impl FnOnce(&mut Bare) + Send + 'static) -> Vec<(&'static str, Value)> {
    let first = move |mut peer: Bare| {
        peer.requests(HUNDRED);
        peer.say(Status::Data, 50, r#"{"d":["only"]}"#);
        // Which says that the value has come: a reset may overtake what was sent before it.
        peer.requests(1);
        end(&mut peer);
    };
    let script = Script::start(vec![Box::new(first), Box::new(echo)]);
    let client = script.client().await;
    let told = failures(&client).await;
    // A client that lives on makes a new connection.
    for i in 0..5 {
        assert_eq!(client.call("again", [i]).idempotent(true).await.unwrap()[0].text(), i.to_string());
    }
    client.close(Duration::ZERO).await;
    script.finish().await;
    told
}

/// Makes the hundred calls, one more when the value has come, and gives what their errors tell.
async fn failures(client: &Client) -> Vec<(&'static str, Value)> {
    let mut calls: Vec<Call> = (0..HUNDRED).map(|i| client.stream("m", [i])).collect();
    assert_eq!(calls[49].next().await.unwrap().unwrap().text(), "\"only\"");
    calls.push(client.stream("m", [0; 0]));
    let mut all = Vec::new();
    for (i, call) in calls.into_iter().enumerate() {
        let (values, error) = drain(call).await;
        assert_eq!(values.len(), 0, "call {i}");
        let error = error.expect("it fails");
        assert_eq!(told(&error).1["rpcMsgid"], json!(i + 1));
        all.push(told(&error));
    }
    all
}

fn are_all(told: &[(&str, Value)], cause: &str, reason: Value) {
    for (found, info) in told {
        assert_eq!((*found, &info["fastReason"], &info["rpcMethod"]), (cause, &reason, &json!("m")));
    }
}

#[tokio::test]
async fn all_calls_fail_with_an_undecodable_frame() {
    let told = all_fail(|peer| {
        peer.stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        peer.until_ended();
    })
    .await;
    are_all(&told, "FastProtocolError", json!("unsupported_version"));
}

#[tokio::test]
async fn all_calls_fail_with_the_end_of_the_stream() {
    are_all(&all_fail(|_| ()).await, "FastProtocolError", Value::Null);
}

#[tokio::test]
async fn all_calls_fail_with_a_reset() {
    let told = all_fail(|peer| {
        socket2::SockRef::from(&peer.stream).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    are_all(&told, "FastTransportError", Value::Null);
}

#[tokio::test]
async fn all_calls_fail_when_their_client_is_closed_and_later_ones_too() {
    let script = Script::once(|mut peer| {
        peer.requests(HUNDRED);
        peer.say(Status::Data, 50, r#"{"d":["only"]}"#);
        peer.until_ended();
    });
    let client = script.client().await;
    let mut calls: Vec<Call> = (0..HUNDRED).map(|i| client.stream("m", [i])).collect();
    assert_eq!(calls[49].next().await.unwrap().unwrap().text(), "\"only\"");
    client.close(Duration::ZERO).await;
    calls.extend((0..5).map(|i| client.stream("late", [i])));
    for call in calls {
        let (values, error) = drain(call).await;
        assert_eq!((values.len(), told(&error.unwrap()).0), (0, "FastTransportError"));
    }
    script.finish().await;
}

#[tokio::test]
async fn answers_in_any_order_find_their_calls() {
    let script = Script::once(|mut peer| {
        let mut ids: Vec<u32> = peer.requests(HUNDRED).iter().map(|request| request.msgid).collect();
        fastrand::Rng::with_seed(7).shuffle(&mut ids);
        for id in ids {
            peer.say(Status::Data, id, &format!(r#"{{"d":[{id}]}}"#));
            say_end(&mut peer, id, "");
        }
        peer.until_ended();
    });
    let client = script.client().await;
    let calls: Vec<Call> = (0..HUNDRED).map(|_| client.stream("m", [0; 0])).collect();
    for (i, call) in calls.into_iter().enumerate() {
        assert_eq!(drain(call).await.0, [(i + 1).to_string()]);
    }
    client.close(Duration::ZERO).await;
    script.finish().await;
}

/// At once, or after the first value: the request is made all the same, and what comes for it disturbs nobody.
#[tokio::test]
async fn what_comes_for_a_call_that_was_given_up_is_dropped() {
    let script = Script::once(|mut peer| {
        let requests: Vec<Frame> = peer.requests(2);
        peer.say(Status::Data, 2, r#"{"d":["first"]}"#);
        let third = peer.requests(1)[0].msgid;
        peer.say(Status::Data, 1, r#"{"d":["late"]}"#);
        peer.say(Status::Error, 1, r#"{"d":{"name":"Late","message":"not wanted"}}"#);
        peer.say(Status::Data, 2, r#"{"d":["late"]}"#);
        say_end(&mut peer, 2, "null");
        say_end(&mut peer, third, "3");
        assert_eq!(requests[0].method().as_deref(), Some("given up"));
        echo(peer);
    });
    let client = script.client().await;
    drop(client.stream("given up", [0; 0]));
    let mut call = client.stream("later", [0; 0]);
    assert_eq!(call.next().await.unwrap().unwrap().text(), "\"first\"");
    drop(call);
    assert_eq!(drain(client.stream("m", [0; 0])).await.0, ["3"]);
    // After its end a call is just over.
    let mut call = client.stream("m", [5]);
    assert_eq!(call.next().await.unwrap().unwrap().text(), "5");
    assert!(call.next().await.is_none());
    drop(call);
    assert_eq!(drain(client.stream("m", [6])).await.0, ["6"]);
    client.close(Duration::ZERO).await;
    script.finish().await;
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_the_timeout_and_not_before() {
    let script = Script::once(|mut peer| {
        peer.requests(1);
        peer.until_ended();
    });
    let client = script.client().await;
    let since = Instant::now();
    let (_, error) = drain(client.call("m", [0; 0]).timeout(Duration::from_millis(400)).stream()).await;
    assert!(since.elapsed() >= Duration::from_millis(400));
    assert_eq!(told(&error.unwrap()), ("TimeoutError", json!({"timeout":400,"rpcMethod":"m","rpcMsgid":1})));
    client.close(Duration::ZERO).await;
    script.finish().await;
}

/// Every third with a value, every fourth with an error, at most a hundred at a time.
#[tokio::test]
async fn ten_thousand_calls_a_hundred_at_a_time() {
    const CALLS: usize = 10_000;
    let script = Script::once(|mut peer| {
        let (mut waiting, mut most) = (Vec::new(), 0);
        for _ in 0..CALLS {
            waiting.push(peer.next().unwrap());
            most = most.max(waiting.len());
            // Once all are there, one goes for one that comes; the rest goes at the end.
            if waiting.len() == HUNDRED {
                answer(&mut peer, &waiting.remove(0));
            }
        }
        waiting.iter().for_each(|request| answer(&mut peer, request));
        assert_eq!(most, HUNDRED);
        peer.until_ended();
    });
    let client = script.client().await;
    let (mut values, mut errors, mut both) = (0, 0, 0);
    let mut running = std::collections::VecDeque::new();
    for i in 0..CALLS + HUNDRED {
        if i < CALLS {
            running.push_back(client.stream("m", [i]));
        }
        if i >= HUNDRED - 1
            && let Some(call) = running.pop_front()
        {
            let (found, error): (Vec<String>, Option<Error>) = drain(call).await;
            values += found.len();
            errors += usize::from(error.is_some());
            both += usize::from(error.is_some() && !found.is_empty());
        }
    }
    assert_eq!((values, errors, both, running.len()), (3334, 2500, 834, 0));
    client.close(Duration::ZERO).await;
    script.finish().await;
}

fn answer(peer: &mut Bare, request: &Frame) {
    let payload: Value = serde_json::from_slice(&request.payload).unwrap();
    let (id, i) = (request.msgid, payload["d"][0].as_u64().unwrap());
    if i % 3 == 0 {
        peer.say(Status::Data, id, r#"{"d":[1]}"#);
    }
    match i % 4 {
        0 => peer.say(Status::Error, id, r#"{"d":{"name":"Fourth","message":"m"}}"#),
        _ => say_end(peer, id, ""),
    }
}
