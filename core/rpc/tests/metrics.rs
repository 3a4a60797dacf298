//! What scrapers see of clients and servers.

mod support;

use libfast_model::{ClientOptions, Concurrency, METRIC_OTHER, Metric, RemoteError, ServerOptions};
use libfast_rpc::{Client, Metrics, Request, Server};
use libfast_testkit::Nobody;
use prometheus_parse::{Sample, Scrape, Value};
use std::io::Write;
use std::time::Duration;
use support::script::Script;
use support::{Bare, LONG, blocking, until};

const NONE: [u8; 0] = [];

/// A server on a free port with metrics of its own.
async fn serve(metrics: &Metrics, configure: impl FnOnce(&mut ServerOptions)) -> (Server, String) {
    let mut options = ServerOptions::default();
    options.listen = "127.0.0.1:0".into();
    configure(&mut options);
    let server = Server::with_metrics(options, metrics).unwrap();
    server.method("add", |r: Request| async move { r.args::<(i64, i64)>().map(|(a, b)| a + b) }).unwrap();
    let fail = |r: Request| async move {
        let (name,) = r.args::<(String,)>()?;
        Err::<(), _>(libfast_model::Error::from_remote(RemoteError::new(name, "on purpose")))
    };
    server.method("fail", fail).unwrap();
    let hang = |r: Request| async move {
        r.cancelled().await;
        Ok(())
    };
    server.method("hang", hang).unwrap();
    let address = server.start().await.unwrap().to_string();
    (server, address)
}

fn call(address: &str, metrics: &Metrics) -> Client {
    let mut options = ClientOptions::default();
    // Only calls are looked at.
    options.watch_servers = false;
    options.timeout_ms = LONG.as_millis() as u64;
    Client::with_metrics(address, options, metrics).unwrap()
}

fn scrape(metrics: &Metrics) -> Vec<Sample> {
    Scrape::parse(metrics.text().lines().map(|line| Ok(line.to_owned()))).unwrap().samples
}

/// The value of the one series of that name with at least these labels; 0 if there is none.
fn value(metrics: &Metrics, name: &str, labels: &[(&str, &str)]) -> f64 {
    let samples = scrape(metrics);
    let fits = |sample: &&Sample| {
        sample.metric == name && labels.iter().all(|(name, value)| sample.labels.get(name) == Some(value))
    };
    let found: Vec<_> = samples.iter().filter(fits).collect();
    assert!(found.len() <= 1, "{name} {labels:?}: {found:?}");
    found.first().map_or(0.0, |sample| match sample.value {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => value,
        _ => panic!("{name} has no single value"),
    })
}

/// Users of node-fast scrape exactly these.
#[tokio::test]
async fn legacy_names_have_their_labels_and_buckets() {
    let metrics = Metrics::new();
    let (_server, address) = serve(&metrics, |options| {
        options.metrics_legacy_names = true;
        options.metrics_labels = "component=server".into();
    })
    .await;
    let mut options = ClientOptions::default();
    // Only calls are looked at.
    options.watch_servers = false;
    options.metrics_legacy_names = true;
    options.metrics_labels = "component=client,rpcMethod=never".into();
    let client = Client::with_metrics(&address, options, &metrics).unwrap();
    client.call("add", (1, 2)).await.unwrap();
    let text = metrics.text();
    for line in [
        "# HELP fast_client_requests_completed count of fast client requests completed",
        "# TYPE fast_client_requests_completed counter",
        r#"fast_client_requests_completed{rpcMethod="add",component="client"} 1"#,
        "# TYPE fast_requests_completed counter",
        r#"fast_requests_completed{rpcMethod="add",component="server"} 1"#,
        "# TYPE fast_client_request_time_seconds histogram",
        r#"fast_client_request_time_seconds_count{rpcMethod="add",component="client",buckets_version="1"} 1"#,
        r#"fast_server_request_time_seconds_count{rpcMethod="add",component="server",buckets_version="1"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(!text.contains("never"), "{text}");
    let buckets = |le: &str| {
        let end = format!(r#"le="{le}",rpcMethod="add",component="client",buckets_version="1"}} 1"#);
        text.lines()
            .any(|line| line.starts_with("fast_client_request_time_seconds_bucket{") && line.ends_with(&end))
    };
    assert!(buckets("100.0") && buckets("+Inf"), "{text}");
    let count = text.lines().filter(|line| {
        line.starts_with("fast_client_request_time_seconds_bucket{") && line.contains(r#"rpcMethod="add""#)
    });
    assert_eq!(count.count(), 31);
    // Whole milliseconds, cut off.
    let sum = value(&metrics, "fast_client_request_time_seconds_sum", &[]);
    assert_eq!((sum * 1000.0).fract(), 0.0, "{sum}");
}

/// Each row of the table is there once there is something to tell, with the labels that the table promises.
#[tokio::test]
async fn every_metric_of_the_table_is_exposed_with_its_labels() {
    let metrics = Metrics::new();
    let configure = |options: &mut ServerOptions| {
        (options.metrics_legacy_names, options.concurrency) = (true, Concurrency::Auto);
    };
    let (server, address) = serve(&metrics, configure).await;
    let nobody = Nobody::new().unwrap();
    let dead = nobody.address();
    let mut options = ClientOptions::default();
    // Only calls are looked at.
    options.watch_servers = false;
    options.metrics_legacy_names = true;
    let client = Client::with_metrics(&format!("{address},{dead}"), options, &metrics).unwrap();
    // Endpoints are drawn at random, until the dead one has been tried.
    while value(&metrics, "fast_client_retries_total", &[("reason", "FAST_E_CONNECT")]) == 0.0 {
        client.call("add", (1, 2)).await.unwrap();
    }
    Bare::connect(&address).stream.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    let refused = [("side", "server"), ("reason", "unsupported_version")];
    until("the violation is counted", || value(&metrics, "fast_protocol_errors_total", &refused) == 1.0)
        .await;
    assert!(value(&metrics, "fast_client_connect_failures_total", &[("reason", "refused")]) >= 1.0);
    repeat_nothing_and_eject_at_once(&address, &metrics).await;
    let options = ClientOptions::from_pairs([("connection_idle_ms", "10")]).unwrap();
    let idle = Client::with_metrics(&address, options, &metrics).unwrap();
    idle.ready(LONG).await.unwrap();
    until("it is closed", || {
        value(&metrics, "fast_client_retired_connections_total", &[("reason", "idle")]) == 1.0
    })
    .await;
    // Its label is `all`: the parser of this test takes no equals sign in a value.
    server.set_rate_limits("rate=0 burst=0").unwrap();
    assert!(idle.call("add", (1, 2)).await.is_err());
    let registry = tempfile::tempdir().unwrap();
    let target = format!("dir://{}/nobody", registry.path().display());
    let _client = Client::with_metrics(&target, ClientOptions::default(), &metrics).unwrap();

    let samples = scrape(&metrics);
    for row in Metric::TABLE {
        let series: Vec<_> = samples.iter().filter(|sample| sample.metric == row.name).collect();
        assert!(!series.is_empty(), "{} is not exposed", row.name);
        for sample in series {
            let mut found: Vec<_> = sample.labels.keys().map(String::as_str).collect();
            let mut promised = row.labels.to_vec();
            found.sort_unstable();
            promised.sort_unstable();
            assert_eq!(found, promised, "{}", row.name);
        }
    }
    assert!(metrics.open_metrics_text().ends_with("\n# EOF\n"));
}

/// Calls a server that hangs up, beside one that answers.
async fn repeat_nothing_and_eject_at_once(good: &str, metrics: &Metrics) {
    let script = Script::once(|mut bare| drop(bare.next()));
    let options = [
        ("policy", "round_robin"),
        ("idempotent", "true"),
        ("retry_percent", "0"),
        ("retries_per_second", "0"),
        ("eject_failures", "1"),
    ];
    let options = ClientOptions::from_pairs(options).unwrap();
    let client = Client::with_metrics(&format!("{good},{}", script.address), options, metrics).unwrap();
    let (_, port) = script.address.rsplit_once(':').unwrap();
    let denied = [("server_port", port), ("reason", "FAST_E_CONN_LOST")];
    while value(metrics, "fast_client_retries_denied_total", &denied) == 0.0 {
        let _ = client.call("add", (1, 2)).await;
    }
    while value(metrics, "fast_client_ejections_total", &[("server_port", port)]) == 0.0 {
        let _ = client.call("add", (1, 2)).await;
    }
    script.finish().await;
}

#[tokio::test]
async fn calls_are_recorded_by_how_they_ended() {
    let metrics = Metrics::new();
    let (server, address) = serve(&metrics, |_| {}).await;
    let client = call(&address, &metrics);
    client.call("add", (1, 2)).await.unwrap();
    client.call("fail", ("Boom",)).await.unwrap_err();
    client.call("nope", NONE).await.unwrap_err();
    // `()` is no array, which the client refuses before it chooses a server.
    client.call("add", ()).await.unwrap_err();
    client.call("hang", NONE).timeout(Duration::from_millis(20)).await.unwrap_err();
    drop(client.stream("hang", NONE));
    let count = |side: &str, method, error_type| {
        let name = format!("rpc_{side}_call_duration_seconds_count");
        value(&metrics, &name, &[("rpc_method", method), ("error_type", error_type)])
    };
    for (method, error_type) in [
        ("add", ""),
        ("fail", "Boom"),
        ("nope", "FastError"),
        ("add", "FAST_E_INVALID"),
        ("hang", "FAST_E_TIMEOUT"),
        ("hang", "FAST_E_ABANDONED"),
    ] {
        assert_eq!(count("client", method, error_type), 1.0, "{method} {error_type}\n{}", metrics.text());
    }
    for (method, error_type) in [("add", ""), ("fail", "Boom"), (METRIC_OTHER, "FastError")] {
        assert_eq!(count("server", method, error_type), 1.0, "{method} {error_type}\n{}", metrics.text());
    }
    until("both requests run", || {
        value(&metrics, "fast_server_in_flight_requests", &[("rpc_method", "hang")]) == 2.0
    })
    .await;
    assert_eq!(value(&metrics, "fast_server_connections", &[("state", "open")]), 1.0);
    let (_, port) = address.rsplit_once(':').unwrap();
    let ready = [("server_address", "127.0.0.1"), ("server_port", port), ("state", "ready")];
    assert_eq!(value(&metrics, "fast_client_connections", &ready), 1.0);
    server.stop(Duration::ZERO).await;
    assert_eq!(count("server", "hang", "FAST_E_CONN_LOST"), 2.0);
    for gauge in ["fast_server_in_flight_requests", "fast_client_in_flight_requests"] {
        assert_eq!(value(&metrics, gauge, &[("rpc_method", "hang")]), 0.0, "{gauge}");
    }
    assert_eq!(value(&metrics, "fast_server_connections", &[("state", "open")]), 0.0);
    drop(client);
    until("the connection is not counted any more", || {
        value(&metrics, "fast_client_connections", &ready) == 0.0
    })
    .await;
}

#[tokio::test]
async fn messages_and_bytes_agree_between_both_sides() {
    let metrics = Metrics::new();
    let (_server, address) = serve(&metrics, |_| {}).await;
    let client = call(&address, &metrics);
    for _ in 0..10 {
        client.call("add", (1, 2)).await.unwrap();
    }
    for (sender, receiver, status, messages) in [
        ("client", "server", "data", 10.0),
        ("server", "client", "data", 10.0),
        ("server", "client", "end", 10.0),
    ] {
        let sent = [("side", sender), ("direction", "sent"), ("status", status)];
        let received = [("side", receiver), ("direction", "received"), ("status", status)];
        assert_eq!(value(&metrics, "fast_messages_total", &sent), messages);
        assert_eq!(value(&metrics, "fast_messages_total", &received), messages);
        let bytes = value(&metrics, "fast_message_bytes_total", &sent);
        assert!(bytes > 10.0 * 15.0 && bytes == value(&metrics, "fast_message_bytes_total", &received));
    }
}

/// Names are the peers' choice, and a page that grows with them is a way to fill somebody's memory.
#[tokio::test]
async fn unknown_and_missing_methods_do_not_grow_the_page() {
    let metrics = Metrics::new();
    let (_server, address) = serve(&metrics, |options| options.metrics_legacy_names = true).await;
    let first = address.clone();
    let mut bare = blocking(move || {
        let mut bare = Bare::connect(&first);
        bare.send(1, "", "[]");
        bare.send(2, "unknown", "[]");
        bare.next().unwrap();
        bare.next().unwrap();
        bare
    })
    .await;
    let before = metrics.text().lines().count();
    blocking(move || {
        for id in 3..1000 {
            bare.send(id, if id % 2 == 0 { "" } else { "unknown-" }, "[]");
            bare.send(id + 10_000, &format!("unknown-{id}"), "[]");
            bare.next().unwrap();
            bare.next().unwrap();
        }
    })
    .await;
    assert_eq!(metrics.text().lines().count(), before, "{}", metrics.text());
    let other = [("rpc_method", METRIC_OTHER), ("error_type", "FastError")];
    assert_eq!(value(&metrics, "rpc_server_call_duration_seconds_count", &other), 2.0 + 2.0 * 997.0);
    assert_eq!(value(&metrics, "fast_requests_completed", &[("rpcMethod", METRIC_OTHER)]), 2.0 + 2.0 * 997.0);
}

#[tokio::test]
async fn nothing_is_recorded_that_is_not_wanted() {
    let metrics = Metrics::new();
    let (_server, address) = serve(&metrics, |options| options.metrics = false).await;
    let mut options = ClientOptions::default();
    // Only calls are looked at.
    options.watch_servers = false;
    options.metrics = false;
    let client = Client::with_metrics(&address, options, &metrics).unwrap();
    client.call("add", (1, 2)).await.unwrap();
    assert_eq!(scrape(&metrics).len(), 1, "{}", metrics.text());
}

#[tokio::test]
async fn labels_that_cannot_be_are_refused_at_once() {
    let mut options = ServerOptions::default();
    options.metrics_labels = "component".into();
    let error = Server::new(options).err().unwrap();
    assert!(error.message().contains("metrics_labels") && error.message().contains("name=value"), "{error}");
}
