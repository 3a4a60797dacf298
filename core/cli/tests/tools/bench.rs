//! `fastbench TARGET METHOD`: what it measures and how it tells.

use super::support::*;
use libfast::{Request, Server, ServerOptions};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Standard output of a run that ended well, as JSON.
fn bench(args: &[&str]) -> Value {
    let ended = run("fastbench", &[args, &["-o", "json"]].concat());
    assert_eq!(ended.code(), 0, "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn json_says_everything_and_adds_up() {
    let server = Fastserve::start(&[]);
    let args = [
        "-n",
        "200",
        "-c",
        "20",
        "--requests-per-conn",
        "5",
        "--threads",
        "2",
        server.address(),
        "echo",
        "[1]",
    ];
    let report = bench(&args);
    for (name, expected) in [
        ("schema", Value::from("fast.bench/1")),
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("target", server.address().into()),
        ("method", "echo".into()),
        ("mode", "closed".into()),
        ("target_rate", Value::Null),
        ("in_flight", 20.into()),
        ("connections", 4.into()),
        ("threads", 2.into()),
        ("warm_up_s", 0.0.into()),
        ("sent", 200.into()),
        ("succeeded", 200.into()),
        ("failed", 0.into()),
        ("error_rate", 0.0.into()),
        ("errors", serde_json::json!({})),
        ("unanswered", 0.into()),
        ("unsent", 0.into()),
        ("compare", Value::Null),
        ("slo", serde_json::json!([])),
    ] {
        assert_eq!(report[name], expected, "{name} of {report}");
    }
    // Nothing is late where nothing has a time of its own.
    assert_eq!(report["late"], serde_json::json!({"generator": 0, "in_flight_bound": 0}));
    let rate = report["rate"].as_f64().unwrap() * report["measured_s"].as_f64().unwrap();
    assert!((rate - 200.0).abs() < 0.001, "{report}");
    assert_eq!(report["latency_ms"], report["service_ms"]);
    let quantile = |name: &str| report["latency_ms"][name].as_f64().unwrap();
    let quantiles = ["p50", "p90", "p99", "p999", "max"].map(quantile);
    assert!(quantiles[0] > 0.0 && quantiles.is_sorted(), "{report}");
}

#[test]
fn a_table_is_for_people_and_csv_for_spreadsheets() {
    let server = Fastserve::start(&[]);
    let ended = run(
        "fastbench",
        &["-n", "50", "-q", "1k", "-c", "4", "-o", "table", server.address(), "echo", "[1]"],
    );
    assert_eq!(ended.code(), 0, "{ended:?}");
    let banner =
        "fastbench: open loop, 1000/s target, 4 in flight max, 1 connection, 1 thread, 50 requests\n";
    assert_eq!(ended.stderr, banner);
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(
        lines[0].starts_with("  rate ")
            && lines[0].contains("/s of 1000/s   errors 0 (0.00%)   sent 50   late ")
    );
    assert!(
        lines[1].starts_with("  latency   p50 ") && lines[1].ends_with("from INTENDED send time"),
        "{lines:?}"
    );
    assert!(
        lines[2].starts_with("  service   p50 ") && lines[2].ends_with("from actual send time"),
        "{lines:?}"
    );
    assert!(lines[3..].iter().any(|line| line.contains(" |█")), "{lines:?}");

    let args = ["-n", "20", "-o", "csv", "--runs", "2", server.address(), "echo"];
    let ended = run("fastbench", &args);
    assert!(
        ended.stderr.starts_with("fastbench: closed loop: latencies hide queueing; use -q, 64 in flight")
    );
    let rows: Vec<Vec<_>> = ended.stdout.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((rows.len(), rows[0].len()), (3, 22), "{rows:?}");
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{rows:?}");
    assert_eq!((rows[0][3], rows[1][3]), ("sent", "20"));
    assert!(rows[1][1].parse::<f64>().unwrap() > 0.0, "{rows:?}");
}

/// A server that takes 20 ms for each request and gets one at a time cannot answer one each 10 ms. The time that requests
/// wait for their turn is part of what a user sees, so it is part of the latency, though not of the service time.
#[test]
fn open_loop_counts_from_the_intended_time() {
    let server = Fastserve::start(&[]);
    let asked = [server.address(), "sleep", r#"[{"ms":20}]"#];
    let report = bench(&[&["-q", "100", "-c", "1", "-n", "20"], &asked[..]].concat());
    assert_eq!((report["mode"].as_str(), report["succeeded"].as_u64()), (Some("open"), Some(20)));
    // The last is due after 190 ms, begins after 19 others of 20 ms, and takes 20 ms itself.
    let (latency, service) = (report["latency_ms"]["max"].as_f64(), report["service_ms"]["p50"].as_f64());
    assert!(latency >= Some(209.0) && service >= Some(20.0), "{report}");
    assert!(report["latency_ms"]["p50"].as_f64() > report["service_ms"]["p50"].as_f64(), "{report}");
    let late = &report["late"];
    let sum = late["generator"].as_u64().unwrap() + late["in_flight_bound"].as_u64().unwrap();
    assert!(sum >= 19 && late["in_flight_bound"].as_u64() >= Some(1), "{report}");
    // With room for all of them nobody waits for others.
    let report = bench(&[&["-q", "100", "-c", "20", "-n", "20"], &asked[..]].concat());
    assert_eq!(report["late"]["in_flight_bound"], 0, "{report}");
    assert!(report["measured_s"].as_f64() >= Some(0.2), "{report}");
}

/// Nobody sends thousands of requests within a third of a millisecond. Those behind are late although they may be in
/// flight, and the reader of the results has to know that they are not about the server.
#[test]
fn a_load_generator_that_cannot_keep_up_says_so() {
    let server = Fastserve::start(&[]);
    let args = ["-q", "10M", "-n", "3000", "-c", "3000", "--connections", "1", server.address(), "echo"];
    let report = bench(&args);
    assert_eq!(report["late"]["in_flight_bound"], 0, "{report}");
    assert!(report["late"]["generator"].as_u64() > Some(30), "{report}");
    assert_eq!(report["generator_was_bottleneck"], true, "{report}");
    let ended = run("fastbench", &[&args[..], &["-o", "table"]].concat());
    assert!(ended.stdout.contains("  note      the load generator was the bottleneck: "), "{ended:?}");
}

/// The method answers nobody until it was asked ten times; asked only after answers, it would be asked once.
#[tokio::test(flavor = "multi_thread")]
async fn open_loop_does_not_wait_for_answers() {
    let server = Server::new(ServerOptions::default()).unwrap();
    let (asked, all) = (Arc::new(AtomicU64::new(0)), Arc::new(tokio::sync::Notify::new()));
    let method = move |_: Request| {
        let (asked, all) = (asked.clone(), all.clone());
        async move {
            let notified = all.notified();
            match asked.fetch_add(1, Ordering::SeqCst) + 1 < 10 {
                true => notified.await,
                false => all.notify_waiters(),
            }
            Ok(())
        }
    };
    server.method("together", method).unwrap();
    let address = server.start().await.unwrap().to_string();
    let report =
        tokio::task::block_in_place(|| bench(&["-q", "200", "-n", "10", "-c", "10", &address, "together"]));
    assert_eq!(report["succeeded"], 10, "{report}");
}

/// All threads together make as many requests as asked for, and only those after the warm-up count.
#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_requests_is_exact() {
    let server = Server::new(ServerOptions::default()).unwrap();
    let served = Arc::new(AtomicU64::new(0));
    let counter = served.clone();
    let method = move |_: Request| {
        counter.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    };
    server.method("count", method).unwrap();
    let address = server.start().await.unwrap().to_string();
    let bench = |args: &[&str]| tokio::task::block_in_place(|| bench(&[args, &[&address, "count"]].concat()));
    for pace in [&["-c", "9"][..], &["-q", "1k"]] {
        let report = bench(&[pace, &["-n", "301", "--threads", "3", "--connections", "5"]].concat());
        assert_eq!(
            (report["threads"].as_u64(), report["succeeded"].as_u64()),
            (Some(3), Some(301)),
            "{report}"
        );
        assert_eq!(served.swap(0, Ordering::SeqCst), 301);
    }
    let report = bench(&["-n", "10", "-q", "200", "--warm-up", "100ms"]);
    assert_eq!(report["sent"], 10, "{report}");
    assert_eq!(served.load(Ordering::SeqCst), 30);
}

#[test]
fn runs_are_repeated_and_their_spread_is_told() {
    let server = Fastserve::start(&[]);
    let report = bench(&["--runs", "3", "-n", "30", server.address(), "date"]);
    for name in ["rate", "p50_ms", "p99_ms"] {
        let range = &report["runs"][name];
        let mut values: Vec<_> =
            range["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        values.sort_by(f64::total_cmp);
        assert_eq!((values.len(), range["median"].as_f64()), (3, Some(values[1])), "{report}");
        let spread = (values[2] - values[0]) / values[1];
        assert!((range["spread"].as_f64().unwrap() - spread).abs() < 1e-9, "{report}");
    }
    // What is reported is one run, not a mixture.
    assert_eq!(
        (report["rate"].as_f64(), report["sent"].as_u64()),
        (report["runs"]["rate"]["median"].as_f64(), Some(30))
    );
}

#[test]
fn results_can_be_compared_with_those_of_another_run() {
    let server = Fastserve::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("base.json");
    let name = file.to_str().unwrap();
    let base = bench(&["-n", "50", server.address(), "date"]);
    std::fs::write(&file, base.to_string()).unwrap();
    let report = bench(&["-n", "50", "--compare", name, server.address(), "date"]);
    let change = |new: &Value, old: &Value| new.as_f64().unwrap() / old.as_f64().unwrap() - 1.0;
    for (told, expected) in [
        ("rate", change(&report["rate"], &base["rate"])),
        ("p50", change(&report["latency_ms"]["p50"], &base["latency_ms"]["p50"])),
        ("p99", change(&report["latency_ms"]["p99"], &base["latency_ms"]["p99"])),
    ] {
        assert!((report["compare"][told].as_f64().unwrap() - expected).abs() < 1e-9, "{told} of {report}");
    }
    let ended = run("fastbench", &["-n", "5", "-o", "table", "--compare", name, server.address(), "date"]);
    assert!(ended.stdout.lines().last().unwrap().starts_with(&format!("  vs {name}: p50 ")), "{ended:?}");
    for (text, why) in
        [("{", "is not what"), (r#"{"schema":"x/1","rate":1,"latency_ms":{"p50":1,"p99":1}}"#, "schema")]
    {
        std::fs::write(&file, text).unwrap();
        let ended = run("fastbench", &["--compare", name, server.address(), "date"]);
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.stderr.contains(name) && ended.stderr.contains(why), "{ended:?}");
    }
}

#[test]
fn the_distribution_can_be_written_to_a_file() {
    let server = Fastserve::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("latency.hgrm");
    bench(&["-n", "77", "--hgrm", file.to_str().unwrap(), server.address(), "date"]);
    let text = std::fs::read_to_string(&file).unwrap();
    let total = text.lines().find_map(|line| line.split_once("Total count    =")).unwrap().1;
    assert_eq!(total.trim().trim_end_matches(']'), "77", "{text}");
    assert!(text.lines().next().unwrap().split_whitespace().eq([
        "Value",
        "Percentile",
        "TotalCount",
        "1/(1-Percentile)"
    ]));
}
