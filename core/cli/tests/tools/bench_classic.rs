//! `fastbench WORKLOAD HOST PORT`: what scripts for older releases rely on, line by line.

use super::support::*;
use libfast::{Request, Server, ServerOptions};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// Takes the place of the ports that it has otherwise, of which there is only one on a machine.
const FREE_PORTS: [&str; 4] = ["-k", "0", "-p", "0"];

/// The output of a run that must succeed.
fn classic(server: &Fastserve, options: &[&str], workload: &str) -> String {
    let (host, port) = server.address().rsplit_once(':').unwrap();
    let ended = run("fastbench", &[&FREE_PORTS, options, &[workload, host, port]].concat());
    assert!(ended.code() == 0 && complaints(&ended).is_empty(), "{ended:?}");
    ended.stdout
}

/// What it said besides where its pages are.
fn complaints(ended: &Ended) -> Vec<&str> {
    ended.stderr.lines().filter(|line| !line.starts_with("fastbench: http://")).collect()
}

/// The body of a page.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    body.to_owned()
}

/// The line with each number written as `N`.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    for c in line.chars() {
        match c.is_ascii_digit() {
            true if shape.ends_with('N') => {}
            true => shape.push('N'),
            false => shape.push(c),
        }
    }
    shape
}

/// The number at the beginning of a value of the summary.
fn value(line: &str) -> f64 {
    assert!(line.len() > 27 && line.as_bytes()[26] == b' ' && line.as_bytes()[27] != b' ', "{line:?}");
    let number = line[27..].trim_end_matches('s').split([' ', '%']).next().unwrap();
    number.parse().unwrap_or_else(|_| panic!("{line:?}"))
}

const SUMMARY: [&str; 8] = [
    "-----------------------------------",
    "total runtime:             N.Ns",
    "total requests completed:  N (N issued)",
    "total unexpected errors:   N",
    "error rate:                N.N%",
    "maximum concurrency:       N",
    "request throughput:        N requests per second",
    "estimated average latency: N us",
];

#[test]
fn each_line_is_as_it_always_was() {
    let server = Fastserve::start(&[]);
    let output = classic(&server, &["-c", "12", "-n", "60"], "sync");
    let lines: Vec<_> = output.lines().collect();
    let banner = r#"N-N-NTN:N:N.NZ (N) pid N: running workload "sync" for N requests"#;
    assert_eq!(shape(lines[0]), banner);
    assert_eq!(lines[1], format!("established 2 connections to {}", server.address()));
    let shapes: Vec<_> = lines[2..].iter().map(|line| shape(line)).collect();
    assert_eq!(shapes, SUMMARY);
    let values: Vec<_> = lines[3..].iter().map(|line| value(line)).collect();
    let [runtime, completed, errors, error_rate, concurrency, throughput, latency] = values[..] else {
        panic!()
    };
    assert_eq!((completed, errors, error_rate, concurrency), (60.0, 0.0, 0.0, 12.0));
    assert_eq!(lines[4], "total requests completed:  60 (60 issued)");
    assert!((throughput - completed / runtime).abs() <= 1.0, "{output}");
    assert!((latency - runtime * 1e6 / (completed / concurrency)).abs() <= 1.0, "{output}");
}

#[test]
fn the_banner_says_when_it_ends_and_time_ends_it() {
    let server = Fastserve::start(&[]);
    for (options, expected) in [
        (&["-d", "1"][..], "for 1000 milliseconds"),
        (&["--nrequests=2", "--duration=60"], "for 2 requests or 60000 milliseconds"),
        (&["--count=3", "-n3", "--interval", "0"], "for 3 requests"),
    ] {
        let output = classic(&server, options, "sleep150");
        assert!(output.lines().next().unwrap().ends_with(&format!("\"sleep150\" {expected}")), "{output}");
    }
    // It does not wait for answers then: one of 150 ms is under way when the second is over.
    let output = classic(&server, &["-d", "1", "-c", "2"], "sleep150");
    let (runtime, completed) = (value(output.lines().nth(3).unwrap()), value(output.lines().nth(4).unwrap()));
    assert!(runtime >= 1.0 && (1.0..=12.0).contains(&completed), "{output}");
    let issued = [1.0, 2.0].map(|under_way| format!("{completed} ({} issued)", completed + under_way));
    assert!(issued.iter().any(|line| output.contains(line)), "{output}");
}

#[test]
fn it_reports_on_the_way_and_ends_with_results_when_interrupted() {
    let server = Fastserve::start(&[]);
    let (host, port) = server.address().rsplit_once(':').unwrap();
    let mut child = start(tool("fastbench").args(FREE_PORTS).args(["-i", "20ms", "sync", host, port]));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let banner = lines.next().unwrap();
    assert!(banner.ends_with("\"sync\" until killed (type CTRL-C for results)"), "{banner}");
    assert!(banner.contains(&format!(" pid {}: ", child.id())), "{banner}");
    assert_eq!(lines.next().unwrap(), format!("established 1 connections to {host}:{port}"));
    let mut completed = 0;
    while completed == 0 {
        let line = lines.next().unwrap();
        assert_eq!(shape(&line.replace(' ', "")), "N.Nmsn".replace('n', "Ncompleted,Nfailed"), "{line}");
        assert!(line.len() >= 25 && line.is_char_boundary(13) && &line[18..19] == ".", "{line:?}");
        completed += line.split_whitespace().nth(2).unwrap().parse::<u64>().unwrap();
    }
    signal(child.id(), Signal::INT);
    let rest: Vec<_> = lines.filter(|line| !line.ends_with("failed")).collect();
    assert_eq!(rest.iter().map(|line| shape(line)).collect::<Vec<_>>(), SUMMARY);
    assert!(value(&rest[2]) >= completed as f64, "{rest:?}");
    assert_eq!(finish(child).code(), 0);
}

/// Answers with three values, the last of which is not what was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_the_echo_is_an_error() {
    let server = Server::new(ServerOptions::default()).unwrap();
    let method = |request: Request| async move {
        let (argument,): (serde_json::Value,) = request.args()?;
        for echo in argument["echo"].as_array().unwrap().iter().skip(1) {
            request.send(&serde_json::json!({ "value": echo })).await?;
        }
        Ok(())
    };
    server.method("fastbench", method).unwrap();
    let address = server.start().await.unwrap().to_string();
    let (host, port) = address.rsplit_once(':').unwrap();
    for (options, code) in [(&["-n", "4"][..], 1), (&["-n", "4", "--classic-exit"], 0)] {
        let args = [&FREE_PORTS, options, &["sync", host, port]].concat();
        let ended = tokio::task::block_in_place(|| run("fastbench", &args));
        assert!(ended.code() == code && complaints(&ended).is_empty(), "{ended:?}");
        assert!(ended.stdout.contains("\ntotal unexpected errors:   4\n"), "{ended:?}");
        assert!(ended.stdout.contains("\nerror rate:                100.00%\n"), "{ended:?}");
    }
}

#[test]
fn a_connection_that_breaks_ends_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    for (options, code) in [(&["-i", "0"][..], 5), (&["--classic-exit"], 1)] {
        let args = [&FREE_PORTS, options, &["sync", "127.0.0.1", &port]].concat();
        let child = start(tool("fastbench").args(args));
        let (mut stream, _) = listener.accept().unwrap();
        // Once the first request is there, there is somebody who misses its answer.
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        drop(stream);
        let ended = finish(child);
        assert_eq!(ended.code(), code, "{ended:?}");
        assert!(complaints(&ended)[0].starts_with("fastbench: socket error: connection to 127.0.0.1:"));
        assert!(ended.stdout.contains("\ntotal requests completed:  1 (1 issued)\n"), "{ended:?}");
    }
}

#[test]
fn nobody_to_connect_to_is_3_or_in_classic_1() {
    for (options, code) in [(&[][..], 3), (&["--classic-exit"], 1)] {
        let ended =
            run("fastbench", &[&FREE_PORTS, options, &["-n", "1", "sync", "127.0.0.1", "1"]].concat());
        assert_eq!(ended.code(), code, "{ended:?}");
        let said = complaints(&ended)[0];
        assert!(said.starts_with("fastbench: socket error: ") && said.contains("127.0.0.1:1"), "{ended:?}");
        assert!(ended.stdout.ends_with("running workload \"sync\" for 1 requests\n"), "{ended:?}");
    }
}

/// Without answers the run goes on, so there is something to look at.
#[test]
fn it_shows_its_requests_and_metrics_over_http() {
    let server = Fastserve::start(&[]);
    let (host, port) = server.address().rsplit_once(':').unwrap();
    let mut child = start(tool("fastbench").args(FREE_PORTS).args(["-c", "12", "sleep150", host, port]));
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut address = |path: &str| {
        let line = said.next().unwrap();
        let url = line.strip_prefix("fastbench: http://").unwrap();
        url.strip_suffix(path).unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    let (kang, metrics) = (address("/kang/snapshot"), address("/metrics"));
    let seen = until("all requests are shown", || {
        let seen: serde_json::Value = serde_json::from_str(&get(&kang, "/kang/snapshot")).unwrap();
        let requests = seen["fastrequest"].as_object()?.len();
        (requests == 12 && seen["stats"]["maxObservedConcurrency"] == 12).then_some(seen)
    });
    assert_eq!(seen["service"]["name"], "fastbench");
    assert_eq!(seen["fastclient"].as_object().unwrap().len(), 2, "{seen}");
    assert!(seen["stats"]["nRpcStarted"].as_u64() >= Some(12), "{seen}");
    let text = until("a request is counted", || {
        let text = get(&metrics, "/metrics");
        text.contains("rpcMethod=\"fastbench\"").then_some(text)
    });
    assert!(text.contains("fast_client_requests"), "{text}");
    signal(child.id(), Signal::INT);
    assert_eq!(finish(child).code(), 0);
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (option, other) in [("-k", "-p"), ("-p", "-k")] {
        let ended = run("fastbench", &[option, &port, other, "0", "-n", "1", "sync", "127.0.0.1", "1"]);
        assert_eq!((ended.code(), ended.stdout.as_str()), (3, ""), "{ended:?}");
        let why = format!("cannot listen on 127.0.0.1:{port} for monitoring (option {option})");
        assert!(complaints(&ended)[0].contains(&why), "{ended:?}");
    }
}

#[test]
fn wrong_usage_is_2_in_the_words_of_old() {
    for (args, first) in [
        (&[][..], "expected workload, host, and port"),
        (&["sync"], "expected workload, host, and port"),
        (&["sync", "localhost"], "expected workload, host, and port"),
        (&["nosuch", "localhost", "2030"], "unsupported workload: nosuch"),
        (&["sync", "localhost", "0"], "bad port number: 0"),
        (&["sync", "localhost", "70000"], "bad port number: 70000"),
        (&["sync", "localhost", "x"], "bad port number: x"),
        (&["-c", "x", "sync", "localhost", "1"], "value for -c is not an integer: \"x\""),
        (&["-c", "0", "sync", "localhost", "1"], "value for -c is too small: \"0\""),
        (&["-c", "-3", "sync", "localhost", "1"], "value for -c is too small: \"-3\""),
        (&["-d", "0", "sync", "localhost", "1"], "value for -d is too small: \"0\""),
        (&["-i", "-1", "sync", "localhost", "1"], "value for -i is too small: \"-1\""),
        (&["-n", "1.5", "sync", "localhost", "1"], "value for -n is not an integer: \"1.5\""),
        (&["-k", "x", "sync", "localhost", "1"], "value for -k is not an integer: \"x\""),
        (
            &["-p", "65536", "sync", "localhost", "1"],
            "value for -p is too large: \"65536\"; ports end at 65535",
        ),
    ] {
        let ended = run("fastbench", args);
        assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{args:?}");
        let mut lines = ended.stderr.lines();
        assert_eq!(lines.next(), Some(format!("fastbench: {first}").as_str()), "{ended:?}");
        assert_eq!(lines.next(), Some("usage: fastbench [OPTIONS] WORKLOAD HOST PORT"), "{ended:?}");
    }
}
