//! Calls that a thread makes in a burst.

use bytes::{Bytes, BytesMut};
use libfast_embed::{CallSettings, Client, Config, Event, Queue, Server, burst};
use std::sync::Arc;
use std::time::Duration;

const LONG: Option<Duration> = Some(Duration::from_secs(20));

fn serve() -> (Server, Arc<Queue>, Client) {
    let (server, requests) = (Server::new(&Config::default()).unwrap(), Queue::new());
    server.handle("echo", &requests, 0).unwrap();
    let client = Client::new(&server.start().unwrap(), &Config::default()).unwrap();
    client.ready(LONG.unwrap()).unwrap();
    (server, requests, client)
}

fn answer(requests: &Queue, most: usize) -> usize {
    let mut answered = 0;
    for event in requests.poll(most, LONG).unwrap() {
        if let Event::Request { request, .. } = event {
            request.end(Some(b"1")).unwrap();
            answered += 1;
        }
    }
    answered
}

#[test]
fn they_leave_when_it_is_over() {
    let (_server, requests, client) = serve();
    let (queue, settings) = (Queue::new(), CallSettings::default());
    let start = |tag| client.start(&queue, tag, "echo", Bytes::from_static(b"[1]"), &settings, true).unwrap();
    let calls: Vec<_> = burst(|| {
        // One within another changes nothing.
        let calls = burst(|| (0..20).map(start).collect());
        assert!(requests.poll(1, Some(Duration::from_millis(50))).unwrap().is_empty());
        calls
    });
    let mut answered = 0;
    while answered < calls.len() {
        answered += answer(&requests, 64);
    }
    let mut done = 0;
    while done < calls.len() {
        for event in queue.poll(64, LONG).unwrap() {
            assert!(matches!(event, Event::Done { error: None, .. }), "{event:?}");
            done += 1;
        }
    }
}

/// What a thread waits for cannot leave later.
#[test]
fn a_call_that_is_waited_for_leaves_at_once_and_much_does() {
    let (_server, requests, client) = serve();
    let (queue, settings) = (Queue::new(), CallSettings::default());
    let large = Bytes::from(format!("[\"{}\"]", "x".repeat(20_000)));
    let _calls = burst(|| {
        let small = client.start(&queue, 1, "echo", Bytes::from_static(b"[1]"), &settings, true).unwrap();
        let large = client.start(&queue, 2, "echo", large, &settings, true).unwrap();
        assert_eq!(answer(&requests, 1) + answer(&requests, 1), 2);
        let held = client.start(&queue, 3, "echo", Bytes::from_static(b"[1]"), &settings, true).unwrap();
        let waited = client.call("echo", Bytes::from_static(b"[2]"), &settings).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut answered = 0;
                while answered < 2 {
                    answered += answer(&requests, 1);
                }
            });
            assert_eq!(waited.collect(&mut BytesMut::new(), LONG).unwrap().unwrap(), "[1]");
        });
        [small, large, held]
    });
}
