//! Calls while no endpoint is there: what fails at once, what waits, and for how long.

mod support;

use libfast_model::{ClientOptions, ErrorKind, Progress, ServerOptions};
use libfast_rpc::{Client, Metrics, Request, Server};
use libfast_testkit::Nobody;
use socket2::{Domain, Socket, Type};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use support::{LONG, until};

const NONE: [u8; 0] = [];

async fn serve(pairs: &[(&str, &str)]) -> (Server, String) {
    let server = Server::new(ServerOptions::from_pairs(pairs.iter().copied()).unwrap()).unwrap();
    server.method("m", |_: Request| async { Ok(7) }).unwrap();
    let address = server.start().await.unwrap().to_string();
    (server, address)
}

fn client(target: &str, metrics: &Metrics, pairs: &[(&str, &str)]) -> Client {
    let options = ClientOptions::from_pairs(pairs.iter().copied()).unwrap();
    Client::with_metrics(target, options, metrics).unwrap()
}

fn waiting(metrics: &Metrics) -> u64 {
    support::metric(metrics, "fast_client_waiting_calls")
}

/// A listener whose queue is full: the system answers no further connection, and nobody refuses it.
struct Full {
    address: String,
    _listener: Socket,
    _queued: Vec<Socket>,
}

fn full() -> Full {
    let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let listener = socket();
    listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let queued = (0..4).map(|_| {
        let queued = socket();
        queued.set_nonblocking(true).unwrap();
        let _ = queued.connect(&address);
        queued
    });
    let queued = queued.collect();
    Full { address: address.as_socket().unwrap().to_string(), _listener: listener, _queued: queued }
}

#[tokio::test]
async fn a_call_fails_at_once_where_nobody_listens_and_says_so() {
    let nobody = Nobody::new().unwrap();
    let address = nobody.address();
    let client = client(&address, &Metrics::new(), &[("timeout_ms", "0")]);
    let error = tokio::time::timeout(LONG, client.call("m", NONE)).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.endpoint()), (ErrorKind::Connect, address.as_str()));
    assert!(error.message().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_call_that_waits_is_answered_by_the_server_that_comes() {
    let (nobody, metrics) = (Nobody::new().unwrap(), Metrics::new());
    let address = nobody.address();
    let client = client(&address, &metrics, &[("timeout_ms", "0")]);
    let call = tokio::spawn(client.call("m", NONE).wait_for_ready(true).into_future());
    until("it waits", || waiting(&metrics) == 1).await;
    // What failed meanwhile is nothing to it.
    until("a try has failed", || metrics.text().contains(r#"reason="refused""#)).await;
    let (_server, _) = serve(&[("listen", &address)]).await;
    assert_eq!(tokio::time::timeout(LONG, call).await.unwrap().unwrap().unwrap()[0].text(), "7");
    assert_eq!(waiting(&metrics), 0);
}

#[tokio::test]
async fn a_call_that_waits_is_answered_by_the_provider_that_is_listed_then() {
    let folder = tempfile::tempdir().unwrap();
    let (target, metrics) = (format!("dir://{}/calc", folder.path().display()), Metrics::new());
    let client = client(&target, &metrics, &[("timeout_ms", "0"), ("wait_for_ready", "true")]);
    let error = client.call("m", NONE).wait_for_ready(false).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoEndpoint, "{error}");
    let call = tokio::spawn(client.call("m", NONE).into_future());
    until("it waits", || waiting(&metrics) == 1).await;
    let _serving = serve(&[("announce", &target)]).await;
    assert_eq!(tokio::time::timeout(LONG, call).await.unwrap().unwrap().unwrap()[0].text(), "7");
}

#[tokio::test]
async fn a_call_that_waits_has_its_time_only() {
    let (nobody, pairs) = (Nobody::new().unwrap(), [("timeout_ms", "100"), ("wait_for_ready", "true")]);
    let client = client(&nobody.address(), &Metrics::new(), &pairs);
    let error = tokio::time::timeout(LONG, client.call("m", NONE)).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::Timeout, Progress::NotStarted));
    assert!(error.message().contains("ready") && error.message().contains("refused"), "{error}");
}

/// Nobody refuses, and the deadline is far.
#[tokio::test]
async fn a_connection_that_takes_too_long_is_not_waited_for() {
    let full = full();
    let pairs = [("timeout_ms", "0"), ("connect_timeout_ms", "60000"), ("connect_wait_ms", "50")];
    let client = client(&full.address, &Metrics::new(), &pairs);
    let error = tokio::time::timeout(LONG, client.call("m", NONE)).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.endpoint()), (ErrorKind::Connect, full.address.as_str()));
    assert!(error.message().contains("`connect_wait_ms` of 50 ms"), "{error}");
    let stats: serde_json::Value = serde_json::from_str(&client.stats()).unwrap();
    assert_eq!(stats["endpoints"][0]["failures"], 0, "impatience is no fault of the server: {stats}");
}

#[tokio::test]
async fn only_so_many_calls_wait_and_one_more_goes_elsewhere_or_fails() {
    // More than attempts that a call has.
    let (full, metrics) = ([(); 3].map(|()| full()), Metrics::new());
    let pairs = [
        ("timeout_ms", "0"),
        ("connect_timeout_ms", "60000"),
        ("connect_wait_ms", "60000"),
        ("connect_wait_calls", "2"),
    ];
    let alone = client(&full[0].address, &metrics, &pairs);
    let mut calls = [(); 2].map(|()| alone.stream("m", NONE));
    assert_eq!(waiting(&metrics), 2);
    let error = tokio::time::timeout(LONG, alone.call("m", NONE)).await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::Overload, Progress::NotStarted));
    assert!(error.message().contains("`connect_wait_calls` of 2"), "{error}");
    let nobody = Nobody::new().unwrap();
    calls[0] = Client::new(&nobody.address()).unwrap().stream("m", NONE);
    drop(calls);
    assert!(waiting(&metrics) == 0, "whoever is gone waits no more");

    let (_server, good) = serve(&[]).await;
    let all = full.iter().fold(good, |all, full| format!("{all},{}", full.address));
    let all = client(&all, &metrics, &[&pairs[..], &[("policy", "round_robin"), ("retries", "2")]].concat());
    // Until the good one is connected.
    while all.call("m", NONE).timeout(Duration::from_millis(100)).await.is_err() {}
    let stuck: Vec<_> = (0..4).map(|_| all.stream("m", NONE)).collect();
    assert_eq!(waiting(&metrics), 2, "of {}", stuck.len());
    for _ in 0..4 {
        tokio::time::timeout(LONG, all.call("m", NONE)).await.unwrap().unwrap();
    }
}

struct Sentinel;

impl Wake for Sentinel {
    fn wake(self: Arc<Self>) {}
}

/// Each in a task of its own, of which nothing must be kept: the outage may last.
#[tokio::test]
async fn calls_that_waited_in_vain_leave_nothing_behind() {
    let nobody = Nobody::new().unwrap();
    let client = client(&nobody.address(), &Metrics::new(), &[("timeout_ms", "0"), ("retries", "0")]);
    while !client.call("m", NONE).await.unwrap_err().message().contains("`connects_per_second`") {}
    let mut sentinels = Vec::new();
    for _ in 0..10_000 {
        let sentinel = Arc::new(Sentinel);
        sentinels.push(Arc::downgrade(&sentinel));
        let mut call = client.call("m", NONE).wait_for_ready(true).stream();
        let waker = Waker::from(sentinel);
        assert!(call.poll_next_value(&mut Context::from_waker(&waker)).is_pending());
        drop(call);
        tokio::task::yield_now().await;
    }
    // A try to connect that is under way has some.
    let kept = || sentinels.iter().filter(|sentinel| sentinel.strong_count() > 0).count();
    until("few wakers are kept", || kept() < 100).await;
}
