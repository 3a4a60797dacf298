//! What still moves when a queue, a call or the runtime ends. Tests that shut the runtime down take turns.

use bytes::Bytes;
use libfast_embed::{CallSettings, Client, Config, Event, Next, Queue, Server};
use libfast_model::ErrorKind;
use std::collections::HashSet;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

/// Longer than anything here takes, so that a defect fails instead of hanging.
const LONG: Duration = Duration::from_secs(20);

fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn args() -> Bytes {
    Bytes::from_static(b"[]")
}

/// Runs `body` on a thread of its own and fails if it hangs.
fn in_time<T: Send + 'static>(what: &str, body: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    std::thread::spawn(move || sender.send(body()));
    receiver.recv_timeout(LONG).unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// A server whose method `hang` goes to a queue that nobody polls.
fn serve() -> (Server, Arc<Queue>, String) {
    let (server, queue) = (Server::new(&Config::default()).unwrap(), Queue::new());
    server.handle("hang", &queue, 0).unwrap();
    let address = server.start().unwrap();
    (server, queue, address)
}

fn settings(timeout: Option<Duration>) -> CallSettings {
    CallSettings { timeout: Some(timeout), ..CallSettings::default() }
}

fn readable(queue: &Queue) -> bool {
    let fd = queue.fd().unwrap();
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid entry.
    unsafe { libc::poll(&mut poll, 1, 0) == 1 }
}

/// The descriptor is made after a poll that took exactly what was there.
#[test]
fn a_late_descriptor_is_readable_when_something_comes() {
    let _turn = turn();
    let queue = Queue::new();
    queue.wake();
    assert_eq!(queue.poll(1, None).unwrap().len(), 1);
    queue.fd().unwrap();
    queue.wake();
    assert!(readable(&queue));
    assert_eq!(queue.poll(8, Some(Duration::ZERO)).unwrap().len(), 1);
    assert!(queue.poll(8, Some(Duration::ZERO)).unwrap().is_empty() && !readable(&queue));
}

#[test]
fn a_blocking_call_ends_with_the_runtime() {
    let _turn = turn();
    for timeout in [None, Some(LONG)] {
        let (_server, queue, address) = serve();
        let client = Client::new(&address, &Config::default()).unwrap();
        let call = client.call("hang", args(), &settings(timeout)).unwrap();
        let waiting = std::thread::spawn(move || call.next(None).map(|_| ()).unwrap_err().kind());
        // The request is there, so the call waits for its answer.
        let requests = queue.poll(1, Some(LONG)).unwrap();
        assert!(matches!(requests[..], [Event::Request { .. }]));
        let started = Instant::now();
        libfast_embed::shutdown(LONG).unwrap();
        let kind = in_time("the call ends", move || waiting.join()).expect("no panic");
        assert_eq!(kind, ErrorKind::Closed);
        assert!(started.elapsed() < LONG);
    }
}

#[test]
fn a_wait_for_a_client_to_be_ready_ends_with_the_runtime() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let client = Client::new(&format!("dir://{}/none", folder.path().display()), &Config::default()).unwrap();
    let (sender, receiver) = channel();
    let waiting = std::thread::spawn(move || {
        sender.send(()).unwrap();
        client.ready(LONG).unwrap_err().kind()
    });
    receiver.recv().unwrap();
    libfast_embed::shutdown(LONG).unwrap();
    assert_eq!(in_time("the wait ends", move || waiting.join()).expect("no panic"), ErrorKind::Closed);
}

/// Who frees a queue closes it and waits for the threads that poll it.
#[test]
fn a_queue_can_be_closed_after_a_shutdown() {
    let _turn = turn();
    for _ in 0..20 {
        let queue = Queue::new();
        let polled = queue.clone();
        let (sender, receiver) = channel();
        let polling = std::thread::spawn(move || {
            sender.send(()).unwrap();
            polled.poll(1, None).unwrap_err().kind()
        });
        receiver.recv().unwrap();
        std::thread::yield_now();
        libfast_embed::shutdown(LONG).unwrap();
        queue.close();
        assert_eq!(in_time("the poll ends", move || polling.join()).unwrap(), ErrorKind::Closed);
    }
}

#[test]
fn a_blocking_call_can_be_abandoned_by_another_thread() {
    let _turn = turn();
    let (_server, queue, address) = serve();
    let client = Client::new(&address, &Config::default()).unwrap();
    let call = Arc::new(client.call("hang", args(), &settings(None)).unwrap());
    let pulled = call.clone();
    let waiting = std::thread::spawn(move || pulled.next(None).map(|_| ()).unwrap_err().kind());
    let requests = queue.poll(1, Some(LONG)).unwrap();
    assert!(matches!(requests[..], [Event::Request { .. }]));
    let abandoned = call.clone();
    in_time("abandoning does not wait", move || abandoned.abandon());
    assert_eq!(in_time("the call ends", move || waiting.join()).unwrap(), ErrorKind::Abandoned);
    assert_eq!(call.next(None).unwrap_err().kind(), ErrorKind::Abandoned);
    assert!(client.stats().unwrap().contains(r#""in_flight":0"#));
}

/// A handler that does not wait is told that it may go on, but not once for each value.
#[test]
fn a_handler_does_not_hear_for_each_value_that_its_caller_is_ready() {
    let _turn = turn();
    let (server, queue) = (Server::new(&Config::default()).unwrap(), Queue::new());
    server.handle("flood", &queue, 0).unwrap();
    let address = server.start().unwrap();
    let client = Client::new(&address, &Config::default()).unwrap();
    client.ready(LONG).unwrap();
    let call = client.call("flood", args(), &settings(Some(LONG))).unwrap();
    let events = queue.poll(1, Some(LONG)).unwrap();
    let [Event::Request { request, .. }] = &events[..] else { panic!("{events:?}") };
    let value = format!("\"{}\"", "x".repeat(1 << 20));
    let mut late = 0;
    for _ in 0..40 {
        late += u32::from(!request.send(value.as_bytes()).unwrap());
    }
    assert!(late > 10, "{late}");
    request.end(None).unwrap();
    while matches!(call.next(None).unwrap(), Next::Value(_)) {}
    let events = queue.poll(100, Some(LONG)).unwrap();
    // Once for each time that its caller had caught up, which the kernel's buffers may let it do more than once.
    assert!(events.iter().all(|event| matches!(event, Event::Writable { .. })));
    assert!(
        (1..=late as usize / 3).contains(&events.len()),
        "{} events for {late} late values",
        events.len()
    );
}

/// The limit is below the mark at which handlers are told to wait, so nothing but the limit makes this one wait.
#[test]
fn a_handler_that_was_refused_is_told_when_to_try_again() {
    let _turn = turn();
    let mut config = Config::default();
    config.set("write_limit_bytes", "4096").unwrap();
    let (server, queue) = (Server::new(&config).unwrap(), Queue::new());
    server.handle("flood", &queue, 0).unwrap();
    let address = server.start().unwrap();
    // It reads when it is asked for values, and keeps few.
    let mut few = Config::default();
    few.set("stream_buffer_bytes", "4096").unwrap();
    let client = Client::new(&address, &few).unwrap();
    client.ready(LONG).unwrap();
    let call = client.call("flood", args(), &settings(None)).unwrap();
    let events = queue.poll(1, Some(LONG)).unwrap();
    let [Event::Request { request, .. }] = &events[..] else { panic!("{events:?}") };
    let value = format!("\"{}\"", "x".repeat(1000));
    let mut sent = 0;
    let refused = loop {
        match request.send(value.as_bytes()) {
            Ok(_) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind(), ErrorKind::Overload);
    assert_eq!(request.end(Some(value.as_bytes())).unwrap_err().kind(), ErrorKind::Overload);
    assert!(!request.wait_writable(Duration::from_millis(20)).unwrap(), "nothing was read meanwhile");
    let reading = std::thread::spawn(move || {
        let mut came = 0;
        while matches!(call.next(None).unwrap(), Next::Value(_)) {
            came += 1;
        }
        came
    });
    while let Err(error) = request.end(Some(value.as_bytes())) {
        assert_eq!(error.kind(), ErrorKind::Overload, "{error}");
        let events = queue.poll(1, Some(LONG)).unwrap();
        assert!(matches!(events[..], [Event::Writable { .. }]), "{events:?}");
    }
    assert_eq!(in_time("the call ends", move || reading.join()).unwrap(), sent + 1);
}

#[test]
fn who_must_not_wait_is_woken_when_the_last_connection_closes() {
    let _turn = turn();
    let (server, queue, address) = serve();
    let woken = Waker::from(Arc::new(Woken(queue.clone())));
    assert!(server.poll_connections_closed(&woken).unwrap());
    let mut connection = TcpStream::connect(&address).unwrap();
    connection.write_all(&request(1)).unwrap();
    let events = queue.poll(1, Some(LONG)).unwrap();
    assert!(matches!(events[..], [Event::Request { .. }]), "{events:?}");
    server.stop_accepting().unwrap();
    assert!(!server.wait_connections_closed(Duration::from_millis(10)).unwrap());
    assert!(!server.poll_connections_closed(&woken).unwrap());
    let [Event::Request { request, .. }] = &events[..] else { unreachable!() };
    assert!(!request.is_half_closed());
    connection.shutdown(Shutdown::Write).unwrap();
    request.end(None).unwrap();
    while !server.poll_connections_closed(&woken).unwrap() {
        let events = queue.poll(1, Some(LONG)).unwrap();
        assert!(!events.is_empty(), "nobody woke it");
    }
    assert!(server.wait_connections_closed(LONG).unwrap());
}

struct Woken(Arc<Queue>);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.wake();
    }
}

/// A call that nobody can hear of any more is not kept.
#[test]
fn calls_of_a_closed_queue_are_let_go() {
    let _turn = turn();
    let (_server, _requests, address) = serve();
    let client = Client::new(&address, &Config::default()).unwrap();
    client.ready(LONG).unwrap();
    let queue = Queue::new();
    let soon = settings(Some(Duration::from_millis(200)));
    let calls: Vec<_> =
        (0..10).map(|tag| client.start(&queue, tag, "hang", args(), &soon, true).unwrap()).collect();
    let started = queue.poll(1, Some(Duration::from_millis(10))).unwrap();
    assert!(started.is_empty(), "{started:?}");
    queue.close();
    let late = client.start(&queue, 11, "hang", args(), &settings(None), true).unwrap();
    let deadline = Instant::now() + LONG;
    while !client.stats().unwrap().contains(r#""in_flight":0"#) {
        assert!(Instant::now() < deadline, "{}", client.stats().unwrap());
        std::thread::yield_now();
    }
    drop((calls, late));
}

/// Many requests come at once and are cancelled while they are handed out.
#[test]
fn a_request_comes_before_its_cancellation_and_is_cancelled_once() {
    let _turn = turn();
    for _ in 0..20 {
        let (server, queue, address) = serve();
        let mut requests = Vec::new();
        for id in 1..=1000u32 {
            requests.extend(request(id));
        }
        let mut client = TcpStream::connect(&address).unwrap();
        client.write_all(&requests).unwrap();
        let mut events = queue.poll(1, Some(LONG)).unwrap();
        server.stop(Some(Duration::ZERO)).unwrap();
        drop(server);
        queue.wake();
        while !matches!(events.last(), Some(Event::Wake)) {
            events.extend(queue.poll(1, Some(LONG)).unwrap());
        }
        let (mut known, mut cancelled) = (HashSet::new(), HashSet::new());
        for event in &events {
            match event {
                Event::Request { request, .. } => assert!(known.insert(request.id())),
                Event::Cancelled { id, .. } => assert!(known.contains(id) && cancelled.insert(*id)),
                _ => {}
            }
        }
        assert!(!known.is_empty());
    }
}

/// A request of `hang` on the wire.
fn request(id: u32) -> Vec<u8> {
    let payload = br#"{"m":{"name":"hang"},"d":[]}"#;
    let mut message = vec![2, 1, 1];
    message.extend(id.to_be_bytes());
    message.extend(CHECKSUM.to_be_bytes());
    message.extend((payload.len() as u32).to_be_bytes());
    message.extend(payload);
    message
}

/// CRC-16/ARC of its payload.
const CHECKSUM: u32 = 44071;
