//! Rate limits and clients that are turned away, changed while a server runs.

mod support;

use libfast_model::{ClientOptions, Error, ErrorKind, Progress, ServerOptions};
use libfast_rpc::{Client, Metrics, Server};
use std::time::Duration;
use support::{LONG, blocking, until};

/// No arguments.
const NONE: [u8; 0] = [];

async fn serve(rate_limits: &str) -> (Server, Client) {
    serve_counted(rate_limits, &Metrics::new()).await
}

async fn serve_counted(rate_limits: &str, metrics: &Metrics) -> (Server, Client) {
    let mut options = ServerOptions::default();
    (options.listen, options.rate_limits) = (":0".into(), rate_limits.into());
    let server = Server::with_metrics(options, metrics).unwrap();
    for method in ["a", "b"] {
        server.method(method, |_| async { Ok(()) }).unwrap();
    }
    server.start().await.unwrap();
    let client = client_of(&server, "");
    (server, client)
}

fn client_of(server: &Server, name: &str) -> Client {
    let mut options = ClientOptions::default();
    (options.timeout_ms, options.retries) = (LONG.as_millis() as u64, 0);
    options.client_name = name.into();
    Client::with_options(&server.address().unwrap().to_string(), options).unwrap()
}

/// The name of the error of a refusal, which ran nothing, and when to come again.
fn refusal(error: &Error) -> (&str, Option<u64>) {
    assert_eq!((error.kind(), error.progress()), (ErrorKind::Overload, Progress::NotStarted), "{error}");
    let remote = error.remote().unwrap();
    let info: serde_json::Value = serde_json::from_str(&remote.info).unwrap();
    assert_eq!(info["processed"], false);
    (&remote.name, info.get("retryAfterMs").map(|ms| ms.as_u64().unwrap()))
}

#[tokio::test]
async fn a_burst_goes_through_and_the_rest_is_told_when_to_come_again() {
    let (_server, client) = serve("method=a rate=0.001 burst=3").await;
    for _ in 0..3 {
        client.call("a", NONE).await.unwrap();
    }
    let error = client.call("a", NONE).await.unwrap_err();
    let (name, again) = refusal(&error);
    assert_eq!(name, "FastRateLimited");
    assert!((900_000..=1_000_000).contains(&again.unwrap()), "{again:?}");
    assert!(error.message().contains("method=a rate=0.001 burst=3"), "{error}");
    client.call("b", NONE).await.unwrap();
}

#[tokio::test]
async fn each_limit_counts_what_it_refuses() {
    let metrics = Metrics::new();
    let (server, client) = serve_counted("method=a rate=0 burst=1; client=* rate=0 burst=3", &metrics).await;
    client.call("a", NONE).await.unwrap();
    for method in ["a", "a", "b", "b", "b"] {
        let _ = client.call(method, NONE).await;
    }
    // Another rate is the same limit to who watches it.
    server.set_rate_limits("method=a rate=0 burst=0; rate=0 burst=0").unwrap();
    for method in ["a", "b"] {
        assert_eq!(refusal(&client.call(method, NONE).await.unwrap_err()).0, "FastRateLimited");
    }
    let text = metrics.text();
    for (limit, refused) in [("method=a", 3), ("client=*", 1), ("all", 1)] {
        let line = format!("fast_server_rate_limited_requests_total{{limit=\"{limit}\"}} {refused}\n");
        assert!(text.contains(&line), "{line} in {text}");
    }
}

#[tokio::test]
async fn limits_change_while_the_server_runs() {
    let (server, client) = serve("").await;
    client.call("a", NONE).await.unwrap();
    server.set_rate_limits("method=a rate=0 burst=0").unwrap();
    // One that lets nothing through does not say when to come again.
    assert_eq!(refusal(&client.call("a", NONE).await.unwrap_err()), ("FastRateLimited", None));
    server.set_rate_limits("method=a rate=0 burst=1; client=* rate=0 burst=2").unwrap();
    client.call("a", NONE).await.unwrap();
    client.call("b", NONE).await.unwrap();
    assert!(client.call("b", NONE).await.is_err());
    // What cannot be read changes nothing.
    assert_eq!(server.set_rate_limits("method=a").unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(server.rate_limits(), "method=a rate=0 burst=1; client=* rate=0 burst=2");
    assert!(client.call("b", NONE).await.is_err());
    server.set_rate_limits("").unwrap();
    client.call("b", NONE).await.unwrap();
    client.call("a", NONE).await.unwrap();
}

/// A client says its name once the first answer has come.
#[tokio::test]
async fn a_limit_of_one_client_by_address_or_by_name_is_not_for_others() {
    let (server, client) = serve("client=10.1.2.3 rate=0 burst=0; client=reports rate=0 burst=0").await;
    client.call("a", NONE).await.unwrap();
    let reports = client_of(&server, "reports");
    let mut answered = 0;
    let error = loop {
        match reports.call("a", NONE).await {
            Ok(_) => answered += 1,
            Err(error) => break error,
        }
    };
    assert!(answered >= 1);
    assert_eq!(refusal(&error).0, "FastRateLimited");
    client.call("a", NONE).await.unwrap();
    server.set_rate_limits("client=127.0.0.1 method=a rate=0 burst=0").unwrap();
    assert!(client.call("a", NONE).await.is_err());
    client.call("b", NONE).await.unwrap();
}

#[tokio::test]
async fn an_address_that_was_kicked_is_not_served_for_that_time() {
    let metrics = Metrics::new();
    let (server, client) = serve_counted("", &metrics).await;
    client.call("a", NONE).await.unwrap();
    assert!(server.kick("", LONG).is_err() && server.kick("x", Duration::MAX).is_err());
    server.kick("127.0.0.1", Duration::from_secs(3600)).unwrap();
    let error = client.call("a", NONE).await.unwrap_err();
    let (name, again) = refusal(&error);
    assert_eq!(name, "FastKicked");
    assert!((3_500_000..=3_600_000).contains(&again.unwrap()), "{again:?}");
    assert!(error.message().contains("127.0.0.1"), "{error}");
    let [(kicked, left)] = &server.kicked()[..] else { panic!("{:?}", server.kicked()) };
    assert!(kicked == "127.0.0.1" && *left <= Duration::from_secs(3600));
    // It gets no new connection.
    client.close(Duration::ZERO).await;
    until("it is gone", || server.connections() == 0).await;
    let address = server.address().unwrap().to_string();
    let read = blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        std::io::Read::read(&mut stream, &mut [0; 1]).unwrap_or(0)
    });
    assert_eq!(read.await, 0, "it is closed at once");
    let counted = r#"fast_server_refused_connections_total{reason="kicked"} 1"#;
    assert!(metrics.text().contains(counted), "{}", metrics.text());
    server.kick("127.0.0.1", Duration::ZERO).unwrap();
    assert!(server.kicked().is_empty());
    client_of(&server, "").call("a", NONE).await.unwrap();
}

#[tokio::test]
async fn a_name_that_was_kicked_is_not_served() {
    let (server, client) = serve("").await;
    server.kick("reports", LONG).unwrap();
    let reports = client_of(&server, "reports");
    let error = loop {
        if let Err(error) = reports.call("a", NONE).await {
            break error;
        }
    };
    assert_eq!(refusal(&error).0, "FastKicked");
    client.call("a", NONE).await.unwrap();
}

#[test]
fn a_limit_that_cannot_be_read_is_named_at_the_start() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _context = runtime.enter();
    let mut options = ServerOptions::default();
    options.rate_limits = "method=a".into();
    let error = Server::new(options).err().unwrap();
    assert!(error.message().contains("rate_limits") && error.message().contains("no rate"), "{error}");
}
