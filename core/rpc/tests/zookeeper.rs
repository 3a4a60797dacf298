//! Clients and servers that find each other in a real ZooKeeper.

#![cfg(feature = "zookeeper")]

mod support;

use libfast_model::{ClientOptions, ServerOptions};
use libfast_rpc::{Client, Metrics, Request, Server};
use libfast_testkit::ZooKeeper;
use serde_json::Value;
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
    let options = [("policy", "round_robin"), ("zookeeper_session_ms", "4000")];
    Client::with_metrics(target, ClientOptions::from_pairs(options).unwrap(), metrics).unwrap()
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
