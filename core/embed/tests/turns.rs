//! Who does the I/O of blocking calls.

mod common;

use bytes::Bytes;
use common::{MANY, call_one_by_one, pair};
use libfast_embed::{CallSettings, Event, Next, Queue};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes, so that a defect fails instead of hanging.
const LONG: Duration = Duration::from_secs(20);

/// A program that only looks, and never waits, gets its answer.
#[test]
fn who_only_looks_gets_on() {
    let (_server, queue, client) = pair();
    call_one_by_one(&client, MANY);
    let call = client.call("echo", Bytes::from_static(b"[1]"), &CallSettings::default()).unwrap();
    let started = Instant::now();
    let value = loop {
        match call.next(Some(Duration::ZERO)).unwrap() {
            Next::Again => assert!(started.elapsed() < LONG),
            value => break value,
        }
    };
    assert!(matches!(value, Next::Value(value) if value == "[1]"));
    queue.close();
}

/// Nobody calls, and yet the connection is looked after.
#[test]
fn the_end_of_an_idle_connection_is_noticed() {
    let (server, queue, client) = pair();
    call_one_by_one(&client, MANY);
    assert!(client.stats().unwrap().contains(r#""state":"ready""#), "{}", client.stats().unwrap());
    server.stop(None).unwrap();
    let started = Instant::now();
    while client.stats().unwrap().contains(r#""state":"ready""#) {
        assert!(started.elapsed() < LONG, "{}", client.stats().unwrap());
        thread::yield_now();
    }
    queue.close();
}

/// Blocking threads, pipelined blocking calls and calls through a queue, on one client.
#[test]
fn all_kinds_of_calls_share_a_client() {
    let (_server, queue, client) = pair();
    let completions = Queue::new();
    let settings = CallSettings::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| call_one_by_one(&client, MANY));
        }
        scope.spawn(|| {
            let args = || Bytes::from_static(b"[2]");
            let calls: Vec<_> = (0..MANY).map(|_| client.call("echo", args(), &settings).unwrap()).collect();
            for call in calls {
                assert!(matches!(call.next(Some(LONG)).unwrap(), Next::Value(value) if value == "[2]"));
            }
        });
        scope.spawn(|| {
            let start = |tag| client.start(&completions, tag, "echo", "[3]".into(), &settings, true).unwrap();
            let _calls: Vec<_> = (0..MANY as u64).map(start).collect();
            let mut done = 0;
            while done < MANY {
                let events = completions.poll(64, Some(LONG)).unwrap();
                assert!(!events.is_empty(), "{done} done");
                done += events.iter().filter(|e| matches!(e, Event::Done { error: None, .. })).count();
            }
        });
    });
    // And once more alone.
    call_one_by_one(&client, MANY);
    queue.close();
}
