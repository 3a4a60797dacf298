//! The pages of `fastserve`, over HTTP from a running process.

use super::support::*;
use prometheus_parse::{Scrape, Value};
use serde_json::Value as Json;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Status line with headers, and body.
fn ask(server: &Fastserve, method: &str, path: &str, accept: &str) -> (String, String) {
    let pages = server.line.split_whitespace().nth(5).unwrap().trim_start_matches("http://");
    let mut stream = TcpStream::connect(pages).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: here\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[test]
fn metrics_are_read_by_a_parser_of_prometheus() {
    let server = Fastserve::start(&[]);
    run("fastcall", &[server.address(), "echo", "[1]"]).data();
    let (head, body) = ask(&server, "GET", "/metrics", "*/*");
    assert!(head.starts_with("http/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
    let scrape = Scrape::parse(body.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let completed = scrape.samples.iter().find(|sample| {
        let labels = [sample.labels.get("rpcMethod"), sample.labels.get("component")];
        sample.metric == "fast_requests_completed" && labels == [Some("echo"), Some("fastserve")]
    });
    assert_eq!(completed.unwrap().value, Value::Counter(1.0));
    let duration = "rpc_server_call_duration_seconds";
    let timed =
        scrape.samples.iter().find(|s| s.metric == duration && s.labels.get("rpc_method") == Some("echo"));
    let Value::Histogram(buckets) = &timed.unwrap().value else { panic!("{timed:?}") };
    assert_eq!((buckets.len(), buckets.last().unwrap().count), (21, 1.0));

    let (head, body) = ask(&server, "GET", "/metrics", "application/openmetrics-text; version=1.0.0");
    assert!(
        head.contains("application/openmetrics-text; version=1.0.0") && body.ends_with("# EOF\n"),
        "{head}"
    );
}

#[test]
fn the_snapshot_shows_what_runs() {
    let server = Fastserve::start(&[]);
    let mut caller = start(tool("fastcall").args([server.address(), "sleep", r#"[{"ms":60000}]"#]));
    let shown = until("the call is shown", || {
        let (head, body) = ask(&server, "GET", "/kang/snapshot", "*/*");
        assert!(head.starts_with("http/1.1 200") && head.contains("application/json"), "{head}");
        let shown: Json = serde_json::from_str(&body).unwrap();
        shown["fastrequest"]["1/1"].is_object().then_some(shown)
    });
    caller.kill().unwrap();
    caller.wait().unwrap();
    assert_eq!(shown["service"]["name"], "fastserve");
    assert_eq!(
        shown["service"]["ident"].as_str().unwrap().rsplit_once('/').unwrap().1,
        server.id().to_string()
    );
    assert_eq!(shown["stats"]["nRequestsStarted"], 1);
    let request = &shown["fastrequest"]["1/1"];
    assert_eq!(
        [&request["rpcmethod"], &request["rpcargs"][0]["ms"]],
        [&Json::from("sleep"), &Json::from(60000)]
    );
}

#[test]
fn whatever_else_is_asked_for_is_answered_and_changes_nothing() {
    let server = Fastserve::start(&[]);
    let (head, body) = ask(&server, "GET", "/nonsense", "*/*");
    assert!(
        head.starts_with("http/1.1 404") && body.contains("/metrics") && body.contains("/kang/snapshot"),
        "{body}"
    );
    let (head, body) = ask(&server, "HEAD", "/metrics", "*/*");
    assert!(
        head.starts_with("http/1.1 200") && !head.contains("content-length: 0") && body.is_empty(),
        "{head}"
    );
    let (head, _) = ask(&server, "POST", "/metrics", "*/*");
    assert!(head.starts_with("http/1.1 405"), "{head}");
    // Longer than any head may be. What becomes of its answer is the business of the two kernels.
    let pages = server.line.split_whitespace().nth(5).unwrap().trim_start_matches("http://");
    let _ = TcpStream::connect(pages).unwrap().write_all(format!("GET /{}", "x".repeat(1 << 20)).as_bytes());
    let (head, _) = ask(&server, "GET", "/metrics", "*/*");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(run("fastcall", &[server.address(), "echo", "[1]"]).data(), "{\"value\":1}\n");
}
