//! Clients and servers that find each other in a real ZooKeeper.

#![cfg(feature = "zookeeper")]

mod support;

use libfast_model::{ClientOptions, ErrorKind, ServerOptions};
use libfast_rpc::{Client, Metrics, Request, Server};
use libfast_testkit::ZooKeeper;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use support::{LONG, until};

static SHARED: LazyLock<ZooKeeper> = LazyLock::new(|| ZooKeeper::start().unwrap());

fn target(zookeeper: &ZooKeeper, service: &str) -> String {
    format!("zk://{}/test/{service}", zookeeper.connect_string())
}

async fn serve(target: &str) -> Server {
    let options = [("announce", target), ("zookeeper_session_ms", "4000")];
    let server = Server::new(ServerOptions::from_pairs(options).unwrap()).unwrap();
    server.method("pid", |_: Request| async move { Ok(std::process::id()) }).unwrap();
    server.start().await.unwrap();
    server
}

fn client(target: &str, metrics: &Metrics) -> Client {
    client_with(target, metrics, &[("registry_cache", "off")])
}

fn client_with(target: &str, metrics: &Metrics, options: &[(&str, &str)]) -> Client {
    let all = [("policy", "round_robin"), ("zookeeper_session_ms", "4000")].iter().chain(options).copied();
    Client::with_metrics(target, ClientOptions::from_pairs(all).unwrap(), metrics).unwrap()
}

fn stats(client: &Client) -> Value {
    serde_json::from_str(&client.stats()).unwrap()
}

fn endpoints(client: &Client) -> usize {
    stats(client)["endpoints"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_server_gets_calls_soon_and_one_that_stops_leaves_soon_without_failing_any() {
    let target = target(&SHARED, "rolling");
    let first = serve(&target).await;
    let client = client(&target, &Metrics::new());
    client.ready(LONG).await.unwrap();
    let caller = tokio::spawn({
        let client = client.clone();
        async move {
            loop {
                client.call("pid", [0; 0]).await.expect("no call fails");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    let (mut called, mut left) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..3 {
        let second = serve(&target).await;
        let start = Instant::now();
        let picked = || {
            let stats = stats(&client);
            let endpoints = stats["endpoints"].as_array().unwrap();
            endpoints.len() == 2 && endpoints.iter().all(|endpoint| endpoint["picks"].as_u64() > Some(0))
        };
        until("the new server is called", picked).await;
        called = called.max(start.elapsed());
        second.stop(LONG).await;
        // It has left ZooKeeper before this; what is measured is what it takes beyond.
        let start = Instant::now();
        until("the old server has left", || endpoints(&client) == 1).await;
        left = left.max(start.elapsed());
    }
    eprintln!("measured: first call of a new server {called:?}, one that stopped is off the list {left:?}");
    // Nothing of this waits for a timer of seconds, however busy the machine is.
    assert!(called < LONG / 4 && left < LONG / 4, "{called:?} {left:?}");
    assert!(!caller.is_finished(), "a call failed");
    caller.abort();
    first.stop(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_zookeeper_is_away_the_last_list_stands_and_its_age_is_told() {
    let mut zookeeper = ZooKeeper::start().unwrap();
    let target = target(&zookeeper, "stale");
    let server = serve(&target).await;
    let metrics = Metrics::new();
    let client = client(&target, &metrics);
    client.ready(LONG).await.unwrap();
    let stale = || {
        let text = metrics.text();
        let line = text.lines().find(|line| line.starts_with("fast_registry_stale_seconds"));
        line.map_or(-1.0, |line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
    };
    assert_eq!(stale(), 0.0);
    zookeeper.kill();
    until("the list gets old", || stale() >= 1.0).await;
    assert!(stats(&client)["registry"]["stale_ms"].as_u64() >= Some(1_000));
    client.call("pid", [0; 0]).await.unwrap();
    zookeeper.restart().unwrap();
    until("the list is fresh again", || stale() == 0.0).await;
    server.stop(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_starts_from_the_last_list_while_zookeeper_is_down_and_without_one_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let cache = [("registry_cache_dir", folder.path().to_str().unwrap())];
    let mut zookeeper = ZooKeeper::start().unwrap();
    let target = target(&zookeeper, "cold");
    let server = serve(&target).await;
    let warm = client_with(&target, &Metrics::new(), &cache);
    warm.ready(LONG).await.unwrap();
    let written = || {
        let names = folder.path().read_dir().unwrap().map(|file| file.unwrap().file_name());
        names.into_iter().any(|name| name.to_string_lossy().starts_with("cold-"))
    };
    until("the list is written", written).await;
    drop(warm);
    zookeeper.kill();

    let start = Instant::now();
    let cold = client_with(&target, &Metrics::new(), &cache);
    cold.call("pid", [0; 0]).await.unwrap();
    eprintln!("measured: first answer of a client with the last list {:?}", start.elapsed());
    assert!(start.elapsed() < LONG / 4);
    assert!(stats(&cold)["registry"]["stale_ms"].is_u64());

    let start = Instant::now();
    let without = client_with(&target, &Metrics::new(), &[("timeout_ms", "1000"), ("registry_cache", "off")]);
    let error = without.call("pid", [0; 0]).await.unwrap_err();
    eprintln!("measured: failure of a client without one {:?}: {error}", start.elapsed());
    // The session that the server of this process has is not given up yet; without it, it would be `Registry` at once.
    assert!(matches!(error.kind(), ErrorKind::Registry | ErrorKind::Timeout), "{error}");
    assert!(error.message().contains(&zookeeper.connect_string()), "{error}");

    zookeeper.restart().unwrap();
    let start = Instant::now();
    until("it heals", || endpoints(&without) == 1).await;
    without.call("pid", [0; 0]).await.unwrap();
    eprintln!("measured: first answer after ZooKeeper came {:?}", start.elapsed());
    until("the list is fresh", || stats(&cold)["registry"]["stale_ms"].is_null()).await;
    server.stop(LONG).await;
}

/// A fleet that is started together with its ZooKeeper, in whatever order, is found when all are there.
#[tokio::test(flavor = "multi_thread")]
async fn servers_and_clients_start_while_zookeeper_is_away_and_find_each_other_when_it_comes() {
    let mut zookeeper = ZooKeeper::stopped().unwrap();
    let target = target(&zookeeper, "early");
    let start = Instant::now();
    let server = serve(&target).await;
    eprintln!("measured: start of a server without ZooKeeper {:?}", start.elapsed());
    let state = server.announcement();
    assert_eq!(state.name(), "connecting");
    let why = state.error().expect("it is told why").to_string();
    assert!(why.contains(&zookeeper.connect_string()) && why.contains("refused"), "{why}");
    // Who knows its address is served.
    let direct = Client::new(&server.address().unwrap().to_string()).unwrap();
    direct.call("pid", [0; 0]).await.unwrap();

    let waits = client(&target, &Metrics::new());
    let error = waits.call("pid", [0; 0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Registry, "{error}");
    let waiting = tokio::spawn({
        let client = waits.clone();
        async move { client.call("pid", [0; 0]).wait_for_ready(true).timeout(LONG).await }
    });
    let later = serve(&target).await;

    zookeeper.restart().unwrap();
    let start = Instant::now();
    waiting.await.unwrap().unwrap();
    until("both are listed", || endpoints(&waits) == 2).await;
    eprintln!("measured: both found after ZooKeeper came {:?}", start.elapsed());
    for server in [server, later] {
        assert_eq!(server.announcement().name(), "registered");
        server.stop(LONG).await;
    }
}

/// What nobody but its operator can put right, a server says at its start.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_zookeeper_will_never_list_does_not_start() {
    let zookeeper = ZooKeeper::stopped().unwrap();
    let target = target(&zookeeper, "never");
    for (option, value, why) in [
        ("zookeeper_auth_file", "/nowhere/secret", "/nowhere/secret"),
        ("zookeeper_ca_file", "/nowhere/ca", "/nowhere/ca"),
        ("layouts", "consul", "consul"),
        ("zookeeper_acl", "private", "credentials"),
        ("announce", "zk:///root/never", "announce"),
    ] {
        let options = [("announce", &*target), (option, value)];
        let server = Server::new(ServerOptions::from_pairs(options).unwrap()).unwrap();
        let error = server.start().await.unwrap_err();
        assert!(error.message().contains(why), "{option}: {error}");
        assert_eq!(server.address(), None);
    }
}

const WORKER: &str = "LIBFAST_TEST_WORKER_OF";

/// Not a test by itself: one of the workers of the next test. Calls once, says so, and lives until its input ends.
#[tokio::test(flavor = "multi_thread")]
async fn worker_process() {
    let Ok(arguments) = std::env::var(WORKER) else { return };
    let (target, folder) = arguments.split_once(' ').unwrap();
    let options = [("registry_cache", "leader"), ("registry_cache_dir", folder)];
    let client = client_with(target, &Metrics::new(), &options);
    let answer = client.call("pid", [0; 0]).await.map(|values| values.len());
    println!("\nanswered {answer:?}");
    tokio::task::spawn_blocking(|| std::io::stdin().lines().count()).await.unwrap();
    // Nobody reads what the test would say at its end.
    std::process::exit(0);
}

/// As the workers of PHP, each of which would have a session otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn of_the_processes_of_a_host_that_share_a_list_one_has_a_session_and_another_follows_it() {
    let folder = tempfile::tempdir().unwrap();
    let zookeeper = ZooKeeper::start().unwrap();
    let target = target(&zookeeper, "workers");
    let server = serve(&target).await;
    let arguments = format!("{target} {}", folder.path().display());
    let start = || {
        let mut worker = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "worker_process", "--nocapture"])
            .env(WORKER, &arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(worker.stdout.take().unwrap()).lines();
        let answer = lines.map_while(Result::ok).find(|line| line.starts_with("answered"));
        assert_eq!(answer.as_deref(), Some("answered Ok(1)"));
        worker
    };
    let sessions = || zookeeper.ask("cons").map_or(0, |answer| answer.matches("sid=0x").count());
    let mut workers: Vec<_> = (0..3).map(|_| start()).collect();
    assert_eq!(sessions(), 2, "the server has one, and all workers have one: {:?}", zookeeper.ask("cons"));
    // The first one leads.
    workers[0].kill().unwrap();
    workers[0].wait().unwrap();
    // Its session may be there a while longer, if its connection is not.
    until("another takes over", || sessions() == 2).await;
    let mut late = start();
    assert_eq!(sessions(), 2);
    for worker in workers.iter_mut().skip(1).chain([&mut late]) {
        drop(worker.stdin.take());
        assert!(worker.wait().unwrap().success());
    }
    server.stop(LONG).await;
}

/// It is announced, if not listed; the weight is as far as the rest of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_weight_that_is_set_while_the_registry_is_away_does_not_fail_the_announcement() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("zk://{}/test/weighed", silent.local_addr().unwrap());
    let options = [("announce", &*target), ("announce_at_start", "false")];
    let server = Server::new(ServerOptions::from_pairs(options).unwrap()).unwrap();
    server.start().await.unwrap();
    let announcing = tokio::spawn({
        let server = server.clone();
        async move { server.announce().await }
    });
    let mut states = server.watch_announcement();
    states.wait_for(|state| state.name() == "connecting").await.unwrap();
    server.set_weight(7).await.unwrap();
    tokio::time::timeout(LONG, announcing).await.unwrap().unwrap().unwrap();
    assert_eq!(server.announcement().name(), "connecting");
    server.stop(LONG).await;
}
