//! Which calls are repeated, and what their failures say about an endpoint.

mod support;

use libfast_model::{ClientOptions, ErrorKind, Progress, ServerOptions};
use libfast_protocol::Status;
use libfast_rpc::{Client, Metrics, Request, Server};
use libfast_testkit::Nobody;
use std::net::TcpListener;
use std::time::Duration;
use support::script::Script;
use support::{LONG, endpoint, until};

/// A server whose method `m` answers with its own address, and whose method `stream` sends one value and goes on until nobody
/// listens any more.
async fn serve() -> (Server, String) {
    let mut options = ServerOptions::default();
    options.listen = "127.0.0.1:0".into();
    let server = Server::new(options).unwrap();
    let stream = |request: Request| async move {
        request.send(&1).await?;
        request.cancelled().await;
        Ok::<(), libfast_model::Error>(())
    };
    server.method("stream", stream).unwrap();
    let address = server.start().await.unwrap().to_string();
    let own = address.clone();
    server
        .method("m", move |_: Request| {
            let own = own.clone();
            async move { Ok(own) }
        })
        .unwrap();
    (server, address)
}

fn client(target: &str, pairs: &[(&str, &str)]) -> Client {
    let mut options = ClientOptions::default();
    options.timeout_ms = LONG.as_millis() as u64;
    for (name, value) in pairs {
        options.set(name, value).unwrap();
    }
    Client::with_options(target, options).unwrap()
}

const NONE: [u8; 0] = [];
const NO_BUDGET: [(&str, &str); 2] = [("retry_percent", "0"), ("retries_per_second", "0")];

/// A server that reads one request and hangs up.
fn hangs_up() -> Script {
    Script::once(|mut bare| drop(bare.next().expect("a request")))
}

/// The client's first call by turns goes to one of both; it is made until the one at `address` was picked.
async fn call_until_picked(client: &Client, address: &str) -> libfast_model::Result<Vec<libfast_rpc::Value>> {
    loop {
        let ended = client.call("m", NONE).await;
        if endpoint(client, address)["picks"].as_u64() > Some(0) {
            return ended;
        }
    }
}

#[tokio::test]
async fn a_call_that_may_have_run_is_repeated_after_a_pause_if_it_is_idempotent() {
    let ((_server, good), bad) = (serve().await, hangs_up());
    let client =
        client(&format!("{good},{}", bad.address), &[("idempotent", "true"), ("policy", "round_robin")]);
    let values = call_until_picked(&client, &bad.address).await.unwrap();
    assert_eq!(values[0].text(), format!("{good:?}"));
    assert_eq!(endpoint(&client, &bad.address)["failures"], 1);
    bad.finish().await;
}

#[tokio::test]
async fn without_budget_the_call_fails_with_its_own_error_and_says_why() {
    let ((_server, good), bad) = (serve().await, hangs_up());
    let options = [&NO_BUDGET[..], &[("idempotent", "true"), ("policy", "round_robin")]].concat();
    let client = client(&format!("{good},{}", bad.address), &options);
    let error = call_until_picked(&client, &bad.address).await.unwrap_err();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::ConnectionLost, Progress::Unknown));
    assert_eq!(error.endpoint(), bad.address);
    assert!(error.message().contains("`retry_percent`"), "{error}");
    bad.finish().await;
}

/// What was never sent is no burden to anybody.
#[tokio::test]
async fn what_was_never_sent_is_repeated_without_budget() {
    let (_server, good) = serve().await;
    let nobody = Nobody::new().unwrap();
    let dead = nobody.address();
    let options = [&NO_BUDGET[..], &[("policy", "round_robin")]].concat();
    let client = client(&format!("{good},{dead}"), &options);
    call_until_picked(&client, &dead).await.unwrap();
}

/// The endpoint is the only one, and there is nothing wrong with it. That is no repetition.
#[tokio::test]
async fn what_was_never_sent_over_a_connection_that_broke_goes_over_another_one() {
    let (hang_up, wait) = std::sync::mpsc::channel::<()>();
    let script = Script::start(vec![
        Box::new(move |bare: support::Bare| {
            wait.recv().unwrap();
            drop(bare);
        }),
        Box::new(|mut bare: support::Bare| {
            let id = bare.next().expect("the request that was not sent before").msgid;
            bare.say(Status::End, id, r#"{"d":["second"]}"#);
            bare.until_ended();
        }),
    ]);
    let client = client(&script.address, &[("watch_servers", "false"), ("retries", "0")]);
    client.ready(LONG).await.unwrap();
    // More than the system takes for a server that reads nothing, so that the second one waits behind it.
    let sent = client.stream("first", ["x".repeat(15 << 20)]);
    let unsent = client.stream("second", NONE);
    hang_up.send(()).unwrap();
    assert_eq!(unsent.collect().await.unwrap()[0].text(), r#""second""#);
    assert_eq!(sent.collect().await.unwrap_err().progress(), Progress::Unknown);
    assert_eq!(endpoint(&client, &script.address)["failures"], 1, "that of the call that was under way");
    drop(client);
    script.finish().await;
}

/// What waits to be sent over a connection that lives is sent, and run, although nobody waits for it any more.
#[tokio::test]
async fn a_call_that_times_out_before_it_is_sent_may_run_later() {
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let script = Script::once(move |mut bare| {
        wait.recv().unwrap();
        let requests = bare.requests(2);
        assert_eq!(requests[1].method().as_deref(), Some("second"));
        bare.say(Status::End, requests[0].msgid, r#"{"d":["first"]}"#);
        bare.until_ended();
    });
    let client = script.client().await;
    // More than the system takes for a server that reads nothing.
    let first = client.stream("first", ["x".repeat(15 << 20)]);
    let error = client.call("second", NONE).timeout(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!((error.kind(), error.progress()), (ErrorKind::Timeout, Progress::Unknown), "{error}");
    go_on.send(()).unwrap();
    assert_eq!(first.collect().await.unwrap()[0].text(), r#""first""#);
    assert_eq!(endpoint(&client, &script.address)["failures"], 0, "it was never asked");
    drop(client);
    script.finish().await;
}

/// A request that is still on its way cannot be answered, and says nothing; one that is there says that no answer came.
#[tokio::test]
async fn a_call_that_times_out_is_held_against_the_endpoint_if_that_has_all_of_it() {
    let (hang_up, wait) = std::sync::mpsc::channel::<()>();
    let reads_nothing = Script::once(move |bare| {
        wait.recv().unwrap();
        drop(bare);
    });
    let client = reads_nothing.client().await;
    let large = ["x".repeat(15 << 20)];
    let calls = [(client.call("small", NONE), 1), (client.call("large", large), 1)];
    for (call, failures) in calls {
        let error = call.timeout(Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert_eq!(endpoint(&client, &reads_nothing.address)["failures"], failures);
    }
    hang_up.send(()).unwrap();
    drop(client);
    reads_nothing.finish().await;
}

/// The server breaks the protocol right behind an answer, and whoever got that calls on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_after_a_protocol_error_goes_over_another_connection() {
    const ROUNDS: usize = 200;
    let answer = |mut bare: support::Bare| {
        use std::io::Write;
        let id = bare.next().expect("a request").msgid;
        let mut out = bytes::BytesMut::new();
        for status in [Status::End, Status::Data] {
            let payload = br#"{"m":{"uts":1,"name":"m"},"d":[1]}"#;
            libfast_protocol::encode(&mut out, libfast_protocol::Version::V2, status, id, payload);
        }
        bare.stream.write_all(&out).unwrap();
        bare.until_ended();
    };
    let scripts = (0..ROUNDS).map(|_| Box::new(answer) as Box<dyn FnOnce(support::Bare) + Send>);
    let script = Script::start(scripts.collect());
    let mut options = ClientOptions::default();
    (options.timeout_ms, options.watch_servers) = (LONG.as_millis() as u64, false);
    options.connects_per_second = 0;
    let client = Client::with_options(&script.address, options).unwrap();
    for round in 0..ROUNDS {
        let values = client.call("m", NONE).await.unwrap_or_else(|error| panic!("call {round}: {error}"));
        assert_eq!(values.len(), 1);
    }
    script.finish().await;
}

#[tokio::test]
async fn a_server_that_refuses_says_for_how_long() {
    let (_server, good) = serve().await;
    let full = Script::once(|mut bare| {
        let id = bare.next().expect("a request").msgid;
        let info =
            r#"{"name":"FastOverloaded","message":"full","info":{"processed":false,"retryAfterMs":7000}}"#;
        bare.say(Status::Error, id, &format!(r#"{{"m":{{"name":"m"}},"d":{info}}}"#));
        bare.until_ended();
    });
    let client = client(&format!("{good},{}", full.address), &[("policy", "round_robin")]);
    call_until_picked(&client, &full.address).await.unwrap();
    let known = endpoint(&client, &full.address);
    let latency = known["latency_us"].as_f64().unwrap();
    // It is forgotten with time.
    assert!((5e6..=7e6).contains(&latency), "{known}");
    assert_eq!((&known["health"], &known["ejections"]), (&"ready".into(), &0.into()));
    drop(client);
    full.finish().await;
}

#[tokio::test]
async fn a_stream_is_load_as_long_as_it_runs() {
    let (_server, address) = serve().await;
    let client = client(&address, &[]);
    let mut stream = client.stream("stream", NONE);
    stream.next().await.unwrap().unwrap();
    assert_eq!(endpoint(&client, &address)["in_flight"], 1);
    drop(stream);
    let known = endpoint(&client, &address);
    assert_eq!((&known["in_flight"], &known["failures"]), (&0.into(), &0.into()));
}

#[tokio::test]
async fn what_ends_on_this_side_is_not_held_against_the_endpoint() {
    // It accepts and says nothing.
    let silent = Script::once(|mut bare| bare.until_ended());
    let client = silent.client().await;
    let abandoned = client.stream("m", NONE);
    until("it is under way", || endpoint(&client, &silent.address)["in_flight"] == 1).await;
    drop(abandoned);
    let no_connection = self::client("127.0.0.1:1", &[]);
    let mut options = no_connection.call_options();
    options.timeout = Some(Duration::ZERO);
    let error = no_connection.start("m", "[]".into(), options).collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    for (client, address) in [(&client, silent.address.as_str()), (&no_connection, "127.0.0.1:1")] {
        let known = endpoint(client, address);
        assert_eq!((&known["failures"], &known["in_flight"]), (&0.into(), &0.into()), "{known}");
    }
    drop(client);
    silent.finish().await;
}

#[tokio::test]
async fn stats_tell_that_an_endpoint_is_ejected_and_until_when() {
    let ((_server, good), bad) = (serve().await, hangs_up());
    let options = [("policy", "round_robin"), ("eject_failures", "1"), ("eject_ms", "60000")];
    let client = client(&format!("{good},{}", bad.address), &options);
    call_until_picked(&client, &bad.address).await.unwrap_err();
    // Who picks next decides.
    while endpoint(&client, &bad.address)["health"] != "ejected" {
        let _ = client.call("m", NONE).await;
    }
    let known = endpoint(&client, &bad.address);
    let left = known["ejected_ms"].as_u64().expect("it is ejected");
    assert!((1..=60_000).contains(&left), "{known}");
    assert_eq!(known["ejections"], 1);
    assert_eq!(endpoint(&client, &good)["ejected_ms"], serde_json::Value::Null);
    bad.finish().await;
}

/// It has empty caches.
#[tokio::test]
async fn a_new_process_at_an_old_address_begins_slowly() {
    let old = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = old.local_addr().unwrap().to_string();
    let metrics = Metrics::new();
    let client = Client::with_metrics(&address, ClientOptions::default(), &metrics).unwrap();
    client.ready(LONG).await.unwrap();
    assert_eq!(endpoint(&client, &address)["warm_percent"], 100);
    // The connection, which was not accepted yet, goes with its socket.
    drop(old);
    until("the client finds that nobody listens", || metrics.text().contains(r#"reason="refused""#)).await;
    let _new = TcpListener::bind(&address).unwrap();
    client.ready(LONG).await.unwrap();
    assert!(endpoint(&client, &address)["warm_percent"].as_u64() < Some(100));
}

/// Who owns a key follows from the addresses alone.
#[tokio::test]
async fn the_same_key_goes_to_the_same_endpoint_from_every_client() {
    let servers = [serve().await, serve().await, serve().await];
    let target = servers.each_ref().map(|(_, address)| address.as_str()).join(",");
    let clients = [(); 3].map(|()| client(&target, &[("policy", "hash")]));
    let mut owners = std::collections::HashSet::new();
    for key in ["alice", "bob", "carol", "dave", "é", "6", "7", "8", "9", "10", "11", "12"] {
        let mut owner = None;
        for client in &clients {
            let values = client.call("m", NONE).affinity(key).await.unwrap();
            let answered = values[0].text().to_owned();
            assert_eq!(owner.get_or_insert(answered.clone()), &answered, "{key}");
        }
        owners.extend(owner);
    }
    assert!(owners.len() > 1, "{owners:?}");
    let own = client(&target, &[("policy", "hash"), ("affinity", "alice")]);
    let by_option = own.call("m", NONE).await.unwrap();
    let by_call = clients[0].call("m", NONE).affinity("alice").await.unwrap();
    assert_eq!(by_option[0].text(), by_call[0].text());
}
