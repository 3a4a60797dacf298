//! What a client makes of a registry that takes entries away: of a folder, so that nothing but the client decides.

mod support;

use libfast_model::{ClientOptions, ErrorKind, ServerOptions};
use libfast_registry::{Announcement, Announcer, DirRegistry, Record, Role};
use libfast_rpc::{Client, Metrics, Request, Server};
use serde_json::Value;
use std::time::{Duration, Instant};
use support::{LONG, until};

/// Servers that somebody else lists, as an operator or a registry that errs could.
struct Cluster {
    folder: tempfile::TempDir,
    servers: Vec<Server>,
    entries: Vec<Option<Announcement>>,
    metrics: Metrics,
}

impl Cluster {
    async fn start(count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = DirRegistry::open(Some(folder.path().to_owned())).unwrap();
        let (mut servers, mut entries) = (Vec::new(), Vec::new());
        for number in 0..count {
            let server = Server::new(ServerOptions::default()).unwrap();
            server.method("who", move |_: Request| async move { Ok(number) }).unwrap();
            let address = server.start().await.unwrap().to_string();
            servers.push(server);
            let record = Record { address, ..Record::of_this_process("test") };
            entries.push(Some(registry.announce(&"calc".parse().unwrap(), Role::Provider, record)));
        }
        Self { folder, servers, entries, metrics: Metrics::new() }
    }

    /// A client that has called each of them.
    async fn client(&self, options: &[(&str, &str)]) -> Client {
        let all = [("policy", "round_robin"), ("retries", "0")].iter().chain(options).copied();
        let target = format!("dir://{}/calc", self.folder.path().display());
        let options = ClientOptions::from_pairs(all).unwrap();
        let client = Client::with_metrics(&target, options, &self.metrics).unwrap();
        let present = self.entries.iter().flatten().count();
        let connected = || {
            stats(&client)["endpoints"].as_array().unwrap().iter().filter(|e| e["state"] == "ready").count()
        };
        while connected() < present {
            let _ = client.call("who", [0; 0]).await;
        }
        client
    }

    fn unlist(&mut self, number: usize) {
        self.entries[number] = None;
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.metrics.text();
        let line = text.lines().find(|line| line.starts_with(&format!("{name}{{")));
        line.map_or(0.0, |line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
    }
}

fn stats(client: &Client) -> Value {
    serde_json::from_str(&client.stats()).unwrap()
}

fn endpoints(client: &Client) -> usize {
    stats(client)["endpoints"].as_array().unwrap().len()
}

async fn until_endpoints(client: &Client, count: usize) {
    until(&format!("{count} endpoints"), || endpoints(client) == count).await;
}

/// As when the session of a server expires that is well.
#[tokio::test]
async fn one_that_vanishes_is_called_on_while_it_answers_and_goes_when_it_does_not() {
    let mut cluster = Cluster::start(4).await;
    let client = cluster.client(&[]).await;
    cluster.unlist(0);
    until("it is held", || stats(&client)["registry"]["held"] == 1).await;
    for _ in 0..40 {
        client.call("who", [0; 0]).await.expect("it is called on");
    }
    assert_eq!(endpoints(&client), 4);
    assert_eq!(stats(&client)["registry"]["quarantined"], false);
    until("it is counted", || cluster.metric("fast_registry_held_total") == 1.0).await;

    let start = Instant::now();
    cluster.servers[0].stop(Duration::ZERO).await;
    until_endpoints(&client, 3).await;
    eprintln!("measured: one that was held is gone after its end {:?}", start.elapsed());
}

#[tokio::test]
async fn one_that_vanishes_goes_after_the_time_for_that() {
    let mut cluster = Cluster::start(4).await;
    let client = cluster.client(&[("removal_hold_ms", "300")]).await;
    cluster.unlist(0);
    until("it is held", || stats(&client)["registry"]["held"] == 1).await;
    until_endpoints(&client, 3).await;
}

#[tokio::test]
async fn one_that_died_goes_at_once() {
    let mut cluster = Cluster::start(4).await;
    let client = cluster.client(&[]).await;
    cluster.servers[0].stop(Duration::ZERO).await;
    let suspended = || stats(&client)["endpoints"].as_array().unwrap().iter().any(|e| e["state"] == "failed");
    while !suspended() {
        let _ = client.call("who", [0; 0]).await;
    }
    cluster.unlist(0);
    let start = Instant::now();
    until_endpoints(&client, 3).await;
    assert!(start.elapsed() < LONG / 4, "not after `removal_hold_ms`");
    assert_eq!(cluster.metric("fast_registry_held_total"), 0.0);
}

#[tokio::test]
async fn when_all_vanish_all_are_called_on_and_counted_as_a_quarantine() {
    let mut cluster = Cluster::start(3).await;
    let client = cluster.client(&[("removal_hold_ms", "0")]).await;
    (0..3).for_each(|number| cluster.unlist(number));
    until("a quarantine", || stats(&client)["registry"]["quarantined"] == true).await;
    until("all are held", || stats(&client)["registry"]["held"].as_u64() >= Some(2)).await;
    for _ in 0..30 {
        client.call("who", [0; 0]).await.expect("those that answer are called on");
    }
    until("it is counted", || cluster.metric("fast_registry_quarantines_total") == 1.0).await;
    for server in &cluster.servers {
        server.stop(Duration::ZERO).await;
    }
    until_endpoints(&client, 0).await;
    assert_eq!(client.call("who", [0; 0]).await.unwrap_err().kind(), ErrorKind::NoEndpoint);
}

#[tokio::test]
async fn a_quarantine_ends_after_its_time() {
    let mut cluster = Cluster::start(2).await;
    let client = cluster.client(&[("quarantine_ms", "300"), ("removal_hold_ms", "0")]).await;
    (0..2).for_each(|number| cluster.unlist(number));
    until("a quarantine", || stats(&client)["registry"]["quarantined"] == true).await;
    until_endpoints(&client, 0).await;
}

/// A ghost that answers, and that an operator takes out of service although no registry lists it any more.
#[tokio::test]
async fn what_an_operator_decides_reaches_those_that_are_held() {
    let mut cluster = Cluster::start(4).await;
    let client = cluster.client(&[("removal_hold_ms", "60000")]).await;
    let address = cluster.servers[0].address().unwrap();
    let seen = |what: &str| {
        let stats = stats(&client);
        let found =
            stats["endpoints"].as_array().unwrap().iter().find(|e| e["address"] == address.to_string());
        found.map(|endpoint| endpoint[what].clone())
    };
    cluster.unlist(0);
    until("it is held", || stats(&client)["registry"]["held"] == 1).await;
    let registry = DirRegistry::open(Some(cluster.folder.path().to_owned())).unwrap();
    registry.decide(&"calc".parse().unwrap(), &address, |decided| decided.draining = true).unwrap();
    until("it is drained", || seen("draining") == Some(true.into())).await;
    let picks = seen("picks");
    for _ in 0..40 {
        client.call("who", [0; 0]).await.unwrap();
    }
    assert_eq!(seen("picks"), picks, "the others are called");
    assert_eq!(stats(&client)["registry"]["held"], 1);
}
