//! What a server makes of the time that its callers still wait.

mod support;

use libfast_model::{ClientOptions, ErrorKind, ServerOptions};
use libfast_protocol::{Body, Frame, Status};
use libfast_rpc::{Client, Metrics, Request, Server};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{Bare, LONG, blocking, script::Script};

/// No arguments.
const NONE: [u8; 0] = [];

fn options() -> ServerOptions {
    let mut options = ServerOptions::default();
    options.listen = ":0".into();
    options
}

/// A server whose methods count how often they run; `left` answers how long its caller waits, in milliseconds.
async fn serve(metrics: &Metrics) -> (Server, String, Arc<AtomicUsize>) {
    let server = Server::with_metrics(options(), metrics).unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    let counted = ran.clone();
    let left = move |request: Request| {
        let counted = counted.clone();
        async move {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(request.remaining().map(|left| left.as_millis() as u64))
        }
    };
    server.method("left", left).unwrap();
    // A handler that holds up the requests behind it until their callers are gone.
    let slow = |request: Request| {
        std::thread::sleep(request.remaining().unwrap_or_default());
        request.end().unwrap();
    };
    server.handle("slow", Arc::new(slow)).unwrap();
    let address = server.start().await.unwrap().to_string();
    (server, address, ran)
}

fn request(dl: Option<&str>, method: &str) -> String {
    let x = dl.map_or(String::new(), |dl| format!(r#","x":{{"dl":{dl}}}"#));
    format!(r#"{{"m":{{"uts":1,"name":"{method}"{x}}},"d":[]}}"#)
}

fn error(frame: &Frame) -> (&str, &str) {
    match &frame.body {
        Body::Error(error) => (&error.name, &error.info),
        Body::Values(values) => panic!("{values:?}"),
    }
}

#[tokio::test]
async fn handlers_know_how_long_their_callers_wait() {
    let (_server, address, _) = serve(&Metrics::new()).await;
    let mut options = ClientOptions::default();
    options.timeout_ms = 20_000;
    let client = Client::with_options(&address, options.clone()).unwrap();
    // From the second call on: the first finds out that this server understands it.
    let begun = Instant::now();
    let left = loop {
        match client.call("left", NONE).await.unwrap().as_slice() {
            [left] => break left.parse::<u64>().unwrap(),
            _ => assert!(begun.elapsed() < LONG),
        }
    };
    assert!((1..=20_000).contains(&left), "{left}");
    let left = client.call("left", NONE).timeout(Duration::from_secs(3000)).await.unwrap();
    assert!((2_900_000..=3_000_000).contains(&left[0].parse::<u64>().unwrap()));

    // Nobody says anything: a client without a limit, one that is told not to, and programs that know nothing of it.
    options.timeout_ms = 0;
    let client = Client::with_options(&address, options.clone()).unwrap();
    assert!(client.call("left", NONE).await.unwrap().is_empty());
    (options.timeout_ms, options.send_deadline) = (20_000, false);
    let client = Client::with_options(&address, options).unwrap();
    assert!(client.call("left", NONE).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_run() {
    let metrics = Metrics::new();
    let (_server, address, ran) = serve(&metrics).await;
    blocking(move || {
        let mut bare = Bare::connect(&address);
        bare.say(Status::Data, 1, &request(Some("0"), "left"));
        let frame = bare.next().unwrap();
        assert_eq!((frame.msgid, error(&frame)), (1, ("FastDeadlineExceeded", r#"{"processed":false}"#)));
        bare.say(Status::Data, 2, &request(Some("-1"), "left"));
        assert_eq!(error(&bare.next().unwrap()).0, "FastDeadlineExceeded");
        // The connection and its ids go on, for those who wait and those who do not say.
        bare.say(Status::Data, 1, &request(Some("20000"), "left"));
        assert_eq!([bare.next().unwrap().status, bare.next().unwrap().status], [Status::Data, Status::End]);
        bare.say(Status::Data, 1, &request(None, "left"));
        assert_eq!(bare.next().unwrap().status, Status::End);
    })
    .await;
    assert_eq!(ran.load(Ordering::Relaxed), 2);
    let text = metrics.text();
    assert!(text.contains("fast_server_refused_requests_total{reason=\"expired\"} 2"), "{text}");
}

/// They come together, so that those behind the slow one have waited when it is their turn.
#[tokio::test]
async fn what_expires_behind_a_slow_handler_is_not_run() {
    let (_server, address, ran) = serve(&Metrics::new()).await;
    blocking(move || {
        let mut bare = Bare::connect(&address);
        let mut together = bytes::BytesMut::new();
        for (id, dl, method) in [(1, "50", "slow"), (2, "50", "left"), (3, "20000", "left")] {
            let payload = request(Some(dl), method);
            let version = libfast_protocol::Version::V2;
            libfast_protocol::encode(&mut together, version, Status::Data, id, payload.as_bytes());
        }
        std::io::Write::write_all(&mut bare.stream, &together).unwrap();
        let mut ends: Vec<_> = (0..4).map(|_| bare.next().unwrap()).collect();
        ends.sort_by_key(|frame| frame.msgid);
        let shown: Vec<_> = ends.iter().map(|frame| (frame.msgid, frame.status)).collect();
        let expected = [(1, Status::End), (2, Status::Error), (3, Status::Data), (3, Status::End)];
        assert_eq!(shown, expected);
        assert_eq!(error(&ends[1]).0, "FastDeadlineExceeded");
    })
    .await;
    assert_eq!(ran.load(Ordering::Relaxed), 1);
}

/// A call that is repeated has less time left.
#[tokio::test]
async fn a_client_says_what_is_left_and_takes_the_refusal_for_a_timeout() {
    let told = Arc::new(Mutex::new(None));
    let seen = told.clone();
    let script = Script::once(move |mut bare| {
        let request = loop {
            let request = bare.next().expect("a request");
            if request.deadline_ms().is_some() {
                break request;
            }
            match request.method().is_some_and(|name| name == "_fast.watch") {
                true => {
                    let serving = r#"{"m":{"uts":1,"name":"_fast.watch"},"d":[{"state":"serving"}]}"#;
                    bare.say(Status::Data, request.msgid, serving);
                }
                false => bare.say(Status::End, request.msgid, r#"{"m":{"uts":1,"name":"a"},"d":[]}"#),
            }
        };
        *seen.lock().unwrap() = request.deadline_ms();
        let refusal = r#"{"m":{"uts":1,"name":"a"},"d":{"name":"FastDeadlineExceeded","message":"late","info":{"processed":false}}}"#;
        bare.say(Status::Error, request.msgid, refusal);
        bare.until_ended();
    });
    let begun = Instant::now();
    let mut options = ClientOptions::default();
    options.timeout_ms = LONG.as_millis() as u64;
    let client = Client::with_options(&script.address, options).unwrap();
    let error = loop {
        match client.call("a", NONE).await {
            Ok(_) => assert!(begun.elapsed() < LONG),
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), &*error.remote().unwrap().name), (ErrorKind::Timeout, "FastDeadlineExceeded"));
    assert!(begun.elapsed() < LONG);
    let told = told.lock().unwrap().expect("the client says how long it waits");
    assert!((1..=LONG.as_millis() as u64).contains(&told), "{told}");
    drop(client);
    script.finish().await;
}
