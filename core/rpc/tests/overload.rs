//! A server that gets more than it can do: what it refuses, what waits, and whose turn it is.

mod support;

use libfast_model::{ClientOptions, Concurrency, ErrorKind, Progress, ServerOptions};
use libfast_protocol::Status;
use libfast_rpc::{Client, Metrics, Request, Server, burst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::{Bare, LONG, blocking, metric, script::drain, until};

/// No arguments.
const NONE: [u8; 0] = [];

type Kept = Arc<Mutex<Vec<Request>>>;

/// A server that keeps the requests of `keep` until a test answers them.
struct Busy {
    server: Server,
    address: String,
    kept: Kept,
    metrics: Metrics,
}

impl Busy {
    async fn start(set: impl FnOnce(&mut ServerOptions)) -> Self {
        let (metrics, kept) = (Metrics::new(), Kept::default());
        let mut options = ServerOptions::default();
        options.listen = ":0".into();
        set(&mut options);
        let server = Server::with_metrics(options, &metrics).unwrap();
        let keep = kept.clone();
        server.handle("keep", Arc::new(move |request| keep.lock().unwrap().push(request))).unwrap();
        let address = server.start().await.unwrap().to_string();
        Self { server, address, kept, metrics }
    }

    /// A client of its own connection, which is there, so that calls leave at once. It does not repeat what is refused.
    async fn client(&self) -> Client {
        let mut options = ClientOptions::default();
        (options.timeout_ms, options.retries) = (LONG.as_millis() as u64, 0);
        let client = Client::with_options(&self.address, options).unwrap();
        client.ready(LONG).await.unwrap();
        client
    }

    async fn running(&self, count: usize) {
        until("they run", || self.kept.lock().unwrap().len() == count).await;
    }

    /// Answers the request that has run longest.
    fn answer(&self, value: &str) {
        let request = self.kept.lock().unwrap().remove(0);
        request.end_with(&value).unwrap();
    }

    fn metric(&self, line: &str) -> String {
        let text = self.metrics.text();
        let found = text.lines().find_map(|known| known.strip_prefix(line));
        found.unwrap_or_else(|| panic!("{line} in {text}")).trim().to_owned()
    }

    fn waiting(&self) -> String {
        self.metric("fast_server_waiting_requests{rpc_system_name=\"fast\"}")
    }
}

#[tokio::test]
async fn what_finds_no_room_is_refused_with_when_to_come_again() {
    let busy = Busy::start(|options| options.max_inflight = 1).await;
    let client = busy.client().await;
    let first = client.call("keep", NONE).stream();
    busy.running(1).await;
    let error = client.call("keep", NONE).await.unwrap_err();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::Overload, Progress::NotStarted));
    let remote = error.remote().unwrap();
    assert_eq!(remote.name, "FastOverloaded");
    assert_eq!(remote.info, r#"{"processed":false,"retryAfterMs":100}"#);
    busy.answer("1");
    assert_eq!(drain(first).await.0, ["\"1\""]);
    assert_eq!(busy.metric("fast_server_refused_requests_total{reason=\"overloaded\"}"), "1");
    assert_eq!(busy.server.in_flight(), 0);
}

#[tokio::test]
async fn one_connection_has_a_bound_of_its_own() {
    let busy = Busy::start(|options| options.max_inflight_per_connection = 2).await;
    let (one, other) = (busy.client().await, busy.client().await);
    let calls = [one.call("keep", NONE).stream(), one.call("keep", NONE).stream()];
    busy.running(2).await;
    assert_eq!(one.call("keep", NONE).await.unwrap_err().kind(), ErrorKind::Overload);
    let another = other.call("keep", NONE).stream();
    busy.running(3).await;
    (0..3).for_each(|_| busy.answer("x"));
    for call in calls.into_iter().chain([another]) {
        assert_eq!(drain(call).await.0, ["\"x\""]);
    }
    assert_eq!(busy.metric("fast_server_refused_requests_total{reason=\"connection\"}"), "1");
}

/// Requests that come together are counted together, and as exactly as if they came one by one.
#[tokio::test]
async fn a_burst_fills_the_room_to_the_last_place() {
    const ROOM: usize = 1000;
    let busy = Busy::start(|options| {
        options.max_inflight = ROOM as u64;
        options.max_inflight_per_connection = 2 * ROOM as u64;
    })
    .await;
    let counting = busy.server.clone();
    let count = move |request: Request| request.end_with(&counting.in_flight()).unwrap();
    busy.server.handle("count", Arc::new(count)).unwrap();
    let (one, other) = (busy.client().await, busy.client().await);
    assert_eq!(drain(one.call("count", NONE).stream()).await.0, ["1"]);

    let clients = [&one, &other].into_iter().cycle().take(ROOM + 200);
    let calls: Vec<_> = burst(|| clients.map(|client| client.call("keep", NONE).stream()).collect());
    let in_flight = "fast_server_in_flight_requests{rpc_method=\"keep\"}";
    let refused = "fast_server_refused_requests_total{reason=\"overloaded\"}";
    until("the others are refused", || metric(&busy.metrics, refused) == 200).await;
    busy.running(ROOM).await;
    assert_eq!(busy.server.in_flight(), ROOM as u64);
    assert_eq!(metric(&busy.metrics, in_flight), ROOM as u64);

    (0..ROOM).for_each(|_| busy.answer("x"));
    for call in calls {
        drain(call).await;
    }
    assert_eq!((busy.server.in_flight(), metric(&busy.metrics, in_flight)), (0, 0));
    assert_eq!(drain(one.call("count", NONE).stream()).await.0, ["1"]);
}

/// Room for two, and for four that wait.
async fn two_at_once() -> Busy {
    Busy::start(|options| {
        (options.concurrency, options.concurrency_wait_ms) = (Concurrency::Fixed(2), LONG.as_millis() as u64);
    })
    .await
}

#[tokio::test]
async fn those_beyond_the_limit_wait_for_their_turn() {
    let busy = two_at_once().await;
    let client = busy.client().await;
    let first: Vec<_> = (0..2).map(|_| client.call("keep", NONE).stream()).collect();
    busy.running(2).await;
    let third = client.call("keep", NONE).stream();
    until("one waits", || busy.waiting() == "1").await;
    let kang = busy.server.kang();
    assert!(kang.contains("QUEUED"), "{kang}");
    assert_eq!(busy.kept.lock().unwrap().len(), 2);
    assert_eq!(busy.metric("fast_server_concurrency_limit{rpc_system_name=\"fast\"}"), "2");
    busy.answer("a");
    busy.running(2).await;
    assert_eq!(busy.waiting(), "0");
    busy.answer("b");
    busy.answer("c");
    for call in first {
        assert_eq!(drain(call).await.1.map(|error| error.to_string()), None);
    }
    assert_eq!(drain(third).await.0, ["\"c\""]);
}

/// Nothing ends meanwhile: they are told in time all the same.
#[tokio::test]
async fn nobody_waits_long_and_too_many_do_not_wait() {
    let busy = Busy::start(|options| options.concurrency = Concurrency::Fixed(2)).await;
    let client = busy.client().await;
    let running: Vec<_> = (0..2).map(|_| client.call("keep", NONE).stream()).collect();
    busy.running(2).await;
    let late: Vec<_> = (0..5).map(|_| client.call("keep", NONE).stream()).collect();
    for call in late {
        let error = drain(call).await.1.expect("it is refused");
        assert_eq!((error.kind(), error.progress()), (ErrorKind::Overload, Progress::NotStarted));
        assert_eq!(error.remote().unwrap().info, r#"{"processed":false,"retryAfterMs":100}"#);
    }
    assert_eq!(busy.metric("fast_server_refused_requests_total{reason=\"queue\"}"), "5");
    assert_eq!((busy.waiting().as_str(), busy.server.in_flight()), ("0", 2));
    busy.answer("a");
    busy.answer("b");
    for call in running {
        assert!(drain(call).await.1.is_none());
    }
}

/// All that wait are of one client; another one's request takes a place from it, and its turn is next but one.
#[tokio::test]
async fn one_client_does_not_take_the_places_of_others() {
    let busy = two_at_once().await;
    let (greedy, modest) = (busy.client().await, busy.client().await);
    let calls: Vec<_> = (0..6).map(|_| greedy.call("keep", NONE).stream()).collect();
    until("four wait", || busy.waiting() == "4").await;
    let call = modest.call("keep", NONE).stream();
    until("one gives way", || busy.metric("fast_server_refused_requests_total{reason=\"queue\"}") == "1")
        .await;
    busy.answer("greedy");
    busy.answer("greedy");
    until("it runs", || busy.kept.lock().unwrap().len() == 2).await;
    busy.answer("2");
    busy.answer("2");
    assert_eq!(drain(call).await.0, ["\"2\""]);
    drop(calls);
}

/// What has sent its first value is paced by its reader: such streams do not keep others from running.
#[tokio::test]
async fn an_answer_under_way_takes_no_place() {
    let busy = two_at_once().await;
    let client = busy.client().await;
    let streams: Vec<_> = (0..2).map(|_| client.call("keep", NONE).stream()).collect();
    busy.running(2).await;
    let streaming: Vec<_> = busy.kept.lock().unwrap().drain(..).collect();
    streaming.iter().for_each(|request| assert!(request.try_send(&1).unwrap()));
    let call = client.call("keep", NONE).stream();
    busy.running(1).await;
    busy.answer("x");
    assert_eq!(drain(call).await.0, ["\"x\""]);
    streaming.iter().for_each(|request| request.end().unwrap());
    for stream in streams {
        assert_eq!(drain(stream).await.0, ["1"]);
    }
}

/// Handlers go on with what nobody waits for; its places are free.
#[tokio::test]
async fn a_client_that_is_gone_keeps_no_place() {
    let busy = two_at_once().await;
    let mut gone = Bare::connect(&busy.address);
    (1..=4).for_each(|id| gone.send(id, "keep", "[]"));
    until("two wait", || busy.waiting() == "2").await;
    socket2::SockRef::from(&gone.stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(gone);
    until("it is gone", || busy.server.connections() == 0).await;
    assert_eq!((busy.waiting().as_str(), busy.server.in_flight()), ("0", 0));
    let client = busy.client().await;
    let calls: Vec<_> = (0..2).map(|_| client.call("keep", NONE).stream()).collect();
    // Those of the client that is gone are kept, too.
    busy.running(4).await;
    let requests: Vec<_> = busy.kept.lock().unwrap().drain(..).collect();
    let ended = requests.iter().filter(|request| request.end().is_ok()).count();
    assert_eq!(ended, 2);
    for call in calls {
        assert!(drain(call).await.1.is_none());
    }
}

#[tokio::test]
async fn what_expires_while_it_waits_is_not_run() {
    let busy = two_at_once().await;
    let mut bare = Bare::connect(&busy.address);
    (1..=2).for_each(|id| bare.send(id, "keep", "[]"));
    busy.running(2).await;
    bare.say(Status::Data, 3, r#"{"m":{"name":"keep","x":{"dl":1}},"d":[]}"#);
    until("it waits", || busy.waiting() == "1").await;
    let came = Instant::now();
    until("its caller does not any more", || came.elapsed() > Duration::from_millis(2)).await;
    busy.answer("a");
    let errors = move || std::iter::from_fn(|| bare.next()).find(|frame| frame.status == Status::Error);
    let refused = blocking(errors).await.expect("an error");
    assert_eq!(refused.msgid, 3);
    assert!(std::str::from_utf8(&refused.payload).unwrap().contains("FastDeadlineExceeded"));
    assert_eq!(busy.kept.lock().unwrap().len(), 1, "it did not run");
}

#[tokio::test]
async fn an_automatic_limit_lets_ordinary_calls_through() {
    let busy = Busy::start(|options| options.concurrency = Concurrency::Auto).await;
    let server_side = busy.kept.clone();
    busy.server.method("echo", |request: Request| async move { request.args::<(u64,)>() }).unwrap();
    let client = busy.client().await;
    for round in 0..50u64 {
        let calls: Vec<_> = (0..20).map(|n| client.call("echo", (round * 20 + n,)).stream()).collect();
        for call in calls {
            assert!(drain(call).await.1.is_none());
        }
    }
    let limit: u32 = busy.metric("fast_server_concurrency_limit{rpc_system_name=\"fast\"}").parse().unwrap();
    assert!((20..=1000).contains(&limit) && server_side.lock().unwrap().is_empty(), "{limit}");
}
