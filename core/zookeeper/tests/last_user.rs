//! The end of a process whose clients and servers are gone already.

mod support;

use libfast_registry::{Announcer, Role};
use libfast_testkit::{ChaosProxy, ZooKeeper};
use libfast_zookeeper::{ZooKeeperRegistry, close_shared};
use std::time::Duration;
use support::{LIMIT, record, service};

/// Alone in its process: it ends what is shared by all of it.
#[test]
fn a_session_that_nobody_uses_any_more_has_ended_when_the_process_may_end() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = ZooKeeper::start().unwrap();
    let _proxy = runtime.block_on(async {
        let proxy = ChaosProxy::start(server.connect_string()).unwrap();
        let hosts = [proxy.address().to_string()];
        let registry = ZooKeeperRegistry::shared(&hosts, "/fast", "fast", Duration::from_secs(10)).unwrap();
        let entry = registry.announce(&service("calc"), Role::Consumer, record(1));
        entry.registered().await.unwrap();
        // What is said from here on takes its time.
        proxy.change(|plan| plan.to_server.latency = Duration::from_millis(300));
        proxy
    });
    close_shared(LIMIT);
    let answer = server.ask("mntr").unwrap();
    assert!(answer.lines().any(|line| line == "zk_global_sessions\t0"), "{answer}");
}
