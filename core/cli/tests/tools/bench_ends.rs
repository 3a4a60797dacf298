//! `fastbench`: every way it ends, and what it says then.

use super::support::*;
use libfast::{Error, RemoteError, Request, Server, ServerOptions};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn bench(args: &[&str]) -> (i32, Value) {
    let ended = run("fastbench", &[args, &["-o", "json"]].concat());
    let report = serde_json::from_str(&ended.stdout);
    (ended.code(), report.unwrap_or_else(|error| panic!("{error}: {ended:?}")))
}

#[test]
fn failed_requests_are_1_and_are_counted_by_name() {
    let server = Fastserve::start(&[]);
    let (code, report) = bench(&["-n", "30", server.address(), "nosuch"]);
    assert_eq!((code, &report["errors"]), (1, &json!({"FastError": 30})), "{report}");
    assert_eq!((report["error_rate"].as_f64(), report["rate"].as_f64()), (Some(1.0), Some(0.0)), "{report}");
    assert_eq!(report["latency_ms"], Value::Null);
    let fail = r#"[{"name":"Odd","message":"so\u001b[2J"}]"#;
    let ended = run("fastbench", &["-n", "3", "-o", "table", server.address(), "fail", fail]);
    assert_eq!(ended.code(), 1);
    assert!(ended.stdout.contains("  errors    3 x Odd: Odd: so\\u{1b}[2J\n"), "{ended:?}");
    assert!(ended.stdout.contains("  service   no successes "), "{ended:?}");
    let (code, report) = bench(&["-n", "2", "-t", "20ms", server.address(), "sleep", r#"[{"ms":60000}]"#]);
    assert_eq!((code, &report["errors"]), (1, &json!({"FAST_E_TIMEOUT": 2})), "{report}");
    let args = ["-n", "4", "--expect-values", "2", server.address(), "echo", "[1]"];
    let (code, report) = bench(&args);
    assert_eq!((code, &report["errors"]), (1, &json!({"unexpected answer": 4})), "{report}");
    assert_eq!(bench(&["--classic-exit", "-n", "30", server.address(), "nosuch"]).0, 0);
}

/// All that may be in flight is sent in the warm-up, and no answer lets the measurement begin with a request of its own.
#[test]
fn a_server_that_never_answers_is_counted() {
    let server = Fastserve::start(&[]);
    let load = ["-c", "3", "-d", "200ms", "--warm-up", "100ms", "-t", "1s"];
    for rate in [&[][..], &["-q", "1000"]] {
        let args = [&load, rate, &[server.address(), "sleep", r#"[{"ms":60000}]"#]].concat();
        let (code, report) = bench(&args);
        assert_eq!((code, &report["errors"]), (1, &json!({"FAST_E_TIMEOUT": 3})), "{report}");
        assert_eq!((&report["sent"], &report["error_rate"]), (&json!(3), &json!(1.0)), "{report}");
    }
}

/// A server that dies is met by failures, not by the end of the measurement.
#[test]
fn a_lost_server_is_counted() {
    let server = Fastserve::start(&[]);
    let args =
        ["-d", "60", "--warm-up", "0", "-i", "10ms", "-c", "2", "-o", "json", server.address(), "date"];
    let mut child = start(tool("fastbench").args(args));
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line.contains(" p99 ")));
    server.kill();
    // Some may be lost with the connection, all others find nobody.
    let failures = |line: String| {
        let (_, rest) = line.split_once("errors ").unwrap();
        rest.split(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let mut failed = 0;
    while failed < 12 {
        failed += failures(said.next().unwrap());
    }
    signal(child.id(), Signal::INT);
    said.for_each(drop);
    let ended = finish(child);
    assert_eq!(ended.code(), 1, "{ended:?}");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let errors = report["errors"].as_object().unwrap();
    assert!(
        errors.keys().all(|name| ["FAST_E_CONN_LOST", "FAST_E_CONNECT"].contains(&name.as_str())),
        "{report}"
    );
    assert!(errors["FAST_E_CONNECT"].as_u64() >= Some(1), "{report}");
    let sum: u64 = errors.values().filter_map(Value::as_u64).sum();
    assert!(sum >= failed && report["failed"] == sum && report["succeeded"].as_u64() >= Some(1), "{report}");
}

/// Every second call fails.
#[tokio::test(flavor = "multi_thread")]
async fn objectives_decide_between_0_and_6() {
    let server = Server::new(ServerOptions::default()).unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let method = move |_: Request| {
        let fails = calls.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        async move {
            let error = RemoteError { name: "Odd".into(), ..RemoteError::default() };
            if fails { Err(Error::from_remote(error)) } else { Ok(1) }
        }
    };
    server.method("odd", method).unwrap();
    server.method("even", |_: Request| async { Ok(1) }).unwrap();
    let address = server.start().await.unwrap().to_string();
    for (method, slo, code, passes) in [
        ("even", "p99<60s,max<60s,err<0.1%,rate>0.1", 0, vec![true; 4]),
        ("even", "p50<1us", 6, vec![false]),
        ("even", "p99<60s, rate>900M", 6, vec![true, false]),
        ("odd", "err<60%", 0, vec![true]),
        ("odd", "p99<60s,err<10%", 6, vec![true, false]),
        // Without an objective about failures they count as ever.
        ("odd", "p99<60s", 1, vec![true]),
    ] {
        let (ended, report) =
            tokio::task::block_in_place(|| bench(&["-n", "40", "--slo", slo, &address, method]));
        let verdicts = report["slo"].as_array().unwrap();
        let told: Vec<_> = verdicts.iter().map(|verdict| verdict["pass"].as_bool().unwrap()).collect();
        assert_eq!((ended, told), (code, passes), "{method} {slo}: {report}");
    }
    let args = ["-n", "4", "-o", "table", "--slo", "p50<1us,err<1%", &address, "even"];
    let ended = tokio::task::block_in_place(|| run("fastbench", &args));
    assert!(ended.stdout.ends_with("  SLO       p50<1us FAIL\n  SLO       err<1% PASS\n"), "{ended:?}");
}

#[test]
fn an_interrupt_ends_it_with_results_and_130() {
    let server = Fastserve::start(&[]);
    for signals in [Signal::INT, Signal::TERM] {
        let args = ["-d", "60", "--warm-up", "0", "-i", "10ms", "-o", "json", server.address(), "date"];
        let mut child = start(tool("fastbench").args(args));
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(said.any(|line| line.contains(" p99 ")));
        signal(child.id(), signals);
        said.for_each(drop);
        let ended = finish(child);
        assert_eq!(ended.code(), 130, "{ended:?}");
        let report: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert!(report["succeeded"].as_u64() >= Some(1), "{report}");
        assert!(
            report["measured_s"].as_f64() < Some(60.0) && report["rate"].as_f64() > Some(0.0),
            "{report}"
        );
    }
}

#[test]
fn nobody_to_call_is_3() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = format!("dir://{}/echo", folder.path().display());
    for (target, code) in [("127.0.0.1:1", "error[FAST_E_CONNECT]: "), (&nobody, "error[")] {
        let ended = run("fastbench", &["-n", "1", target, "date"]);
        assert_eq!((ended.code(), ended.stdout.as_str()), (3, ""), "{ended:?}");
        let error = ended.stderr.lines().nth(1).unwrap();
        assert!(error.starts_with(code) && error.contains(target), "{ended:?}");
    }
}

#[test]
fn wrong_usage_is_2() {
    for (args, why) in [
        (&["127.0.0.1:1"][..], "expected workload, host, and port"),
        (&["127.0.0.1:1", "date", "{}"], "RPC arguments: expected array"),
        (&["127.0.0.1:1", "date", "[1"], "parsing RPC arguments: "),
        (&["127.0.0.1:1", "date", "[]", "more"], "unexpected argument: more"),
        (&["http://h/x", "date"], "scheme"),
        (&["-q", "0", "127.0.0.1:1", "date"], "value for -q is not a rate: \"0\""),
        (&["-c", "100k", "127.0.0.1:1", "date"], "value for -c is too large"),
        (&["-d", "5 years", "127.0.0.1:1", "date"], "value for -d is not an integer: \"5 years\""),
        (&["--runs", "0", "127.0.0.1:1", "date"], "value for --runs is too small: \"0\""),
        (&["--slo", "p98<1ms", "127.0.0.1:1", "date"], "objective \"p98<1ms\" is not understood"),
        (&["--compare", "/nowhere.json", "127.0.0.1:1", "date"], "cannot read /nowhere.json"),
    ] {
        let ended = run("fastbench", args);
        assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ended.stderr.starts_with("fastbench: ") && ended.stderr.contains(why), "{ended:?}");
        assert!(ended.stderr.contains("\nusage: fastbench "), "{ended:?}");
    }
}
