//! The end of the library while something is announced. Alone in its process, which it shuts the library down for.

use libfast_embed::{Config, Server, shutdown};
use libfast_testkit::ZooKeeper;
use std::time::{Duration, Instant};

/// Longer than anything here takes, so that a defect fails instead of hanging.
const LONG: Duration = Duration::from_secs(20);

fn entries(zookeeper: &ZooKeeper) -> usize {
    let answer = zookeeper.ask("mntr").unwrap();
    let line = answer.lines().find_map(|line| line.strip_prefix("zk_ephemerals_count")).unwrap();
    line.trim().parse().unwrap()
}

#[test]
fn what_is_announced_leaves_the_registry_with_the_library_though_its_object_lives() {
    let zookeeper = ZooKeeper::start().unwrap();
    let target = format!("zk://{}/test/shut", zookeeper.connect_string());
    let mut config = Config::default();
    config.set("announce", &target).unwrap();
    let server = Server::new(&config).unwrap();
    server.start().unwrap();
    assert_eq!(entries(&zookeeper), 1);
    let start = Instant::now();
    shutdown(LONG).unwrap();
    assert!(start.elapsed() < LONG / 2, "it waited for {:?}", start.elapsed());
    assert_eq!(entries(&zookeeper), 0);
    drop(server);
    // And begins anew.
    let again = Server::new(&config).unwrap();
    again.start().unwrap();
    assert_eq!(entries(&zookeeper), 1);
}
