//! A whole fleet that starts at once. Alone in its process: it counts what the server is asked.

mod support;

use libfast_registry::Resolver;
use libfast_testkit::ZooKeeper;
use std::time::{Duration, Instant};
use support::*;
use zookeeper_client::{Acls, CreateMode};

const SERVERS: u16 = 1_000;

fn packets(server: &ZooKeeper) -> u64 {
    let answer = server.ask("mntr").unwrap();
    let line = answer.lines().find_map(|line| line.strip_prefix("zk_packets_received")).unwrap();
    line.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_servers_that_appear_together_cost_few_listings() {
    let server = ZooKeeper::start().unwrap();
    let client = raw(&server).await;
    let folder = format!("{ROOT}/fleet/providers");
    client.mkdir(&folder, &CreateMode::Persistent.with_acls(Acls::anyone_all())).await.unwrap();
    let registry = registry(&server, Duration::from_secs(10));
    let mut watch = registry.watch(&service("fleet"));
    until_listed(&mut watch, &[]).await;

    let (before, start) = (packets(&server), Instant::now());
    let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    for port in 1..=SERVERS {
        client
            .create(&format!("{folder}/server-{port}"), record(port).to_json().as_bytes(), &ephemeral)
            .await
            .unwrap();
    }
    let all_there = Instant::now();
    until_listed(&mut watch, &(1..=SERVERS).collect::<Vec<_>>()).await;
    let other = packets(&server) - before - 2 * u64::from(SERVERS);
    eprintln!(
        "measured: {SERVERS} servers in {:?}, all known {:?} later, {other} requests beside creating and reading them",
        all_there - start,
        all_there.elapsed()
    );
    assert!(other <= 40, "{other} requests beside creating and reading them");
}
