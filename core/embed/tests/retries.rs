//! Calls of a foreign program that are repeated.

mod common;

use bytes::Bytes;
use libfast_embed::{CallSettings, Client, Config, Next};
use libfast_testkit::Nobody;
use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A repetition that waits is woken although its caller's own thread drives everything.
#[test]
fn a_call_is_repeated_after_its_pause_while_its_caller_waits() {
    let (_server, queue, good) = common::serve();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let bad = listener.local_addr().unwrap();
    let hung_up = Arc::<AtomicBool>::default();
    let told = hung_up.clone();
    let hangs_up = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // A request has come, so it may have run.
        assert!(stream.read(&mut [0; 65_536]).unwrap() > 0);
        told.store(true, Ordering::SeqCst);
    });
    let mut config = Config::default();
    for (name, value) in [("idempotent", "true"), ("policy", "round_robin"), ("affinity", "all")] {
        config.set(name, value).unwrap();
    }
    let client = Client::new(&format!("{good},{bad}"), &config).unwrap();
    let mut settings = CallSettings::default();
    settings.set("affinity", "alice").unwrap();
    while !hung_up.load(Ordering::SeqCst) {
        let call = client.call("echo", Bytes::from("[7]"), &settings).unwrap();
        assert!(matches!(call.next(None).unwrap(), Next::Value(value) if value == "[7]"));
        assert!(matches!(call.next(None).unwrap(), Next::End));
    }
    hangs_up.join().unwrap();
    queue.close();
}

/// The other endpoint accepts and says nothing; only a timer tells that the call takes long.
#[test]
fn a_call_is_hedged_while_its_caller_waits() {
    let (_server, queue, good) = common::serve();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = Config::default();
    let options =
        [("policy", "round_robin"), ("hedge_ms", "5"), ("hedge_percent", "100"), ("timeout_ms", "20000")];
    for (name, value) in options {
        config.set(name, value).unwrap();
    }
    let client = Client::new(&format!("{good},{}", silent.local_addr().unwrap()), &config).unwrap();
    let mut settings = CallSettings::default();
    settings.set("idempotent", "true").unwrap();
    settings.set("hedge", "true").unwrap();
    for _ in 0..6 {
        let call = client.call("echo", Bytes::from("[7]"), &settings).unwrap();
        assert!(matches!(call.next(None).unwrap(), Next::Value(value) if value == "[7]"));
        assert!(matches!(call.next(None).unwrap(), Next::End));
    }
    queue.close();
}

/// Nobody listens at first.
#[test]
fn a_call_that_waits_for_an_endpoint_is_woken_when_one_is_there() {
    let nobody = Nobody::new().unwrap();
    let address = nobody.address();
    let client = Client::new(&address, &Config::default()).unwrap();
    let mut settings = CallSettings::default();
    settings.set("wait_for_ready", "true").unwrap();
    let call = client.call("m", Bytes::from("[]"), &settings).unwrap();
    let serving = thread::spawn(move || {
        let listener = TcpListener::bind(address).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 65_536]).unwrap() > 0, "the request");
    });
    let error = call.next(None).unwrap_err();
    assert_eq!(error.kind(), libfast_model::ErrorKind::ConnectionLost, "it was sent: {error}");
    serving.join().unwrap();
}
