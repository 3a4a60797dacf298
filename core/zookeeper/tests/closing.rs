//! The end of a process while some of its ensembles do not answer.

mod support;

use libfast_testkit::{ChaosProxy, ZooKeeperSettings};
use libfast_zookeeper::{ZooKeeperRegistry, close_shared};
use std::time::{Duration, Instant};
use support::nodes::texts;
use support::{LIMIT, announced, raw};

/// Nobody notices within it that an ensemble is silent.
const SESSION: Duration = Duration::from_secs(40);
/// Each takes 2 s that nobody else has then, if they are ended one after the other.
const SILENT: u16 = 5;

/// Alone in its process: it ends what is shared by all of it.
#[test]
fn those_that_do_not_answer_take_no_time_of_the_others() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let settings = ZooKeeperSettings { tick: SESSION / 20, ..ZooKeeperSettings::default() };
    let server = settings.start().unwrap();
    let (proxies, entries) = runtime.block_on(async {
        // One server under several addresses: to the process these are several.
        let proxies: Vec<_> =
            (0..=SILENT).map(|_| ChaosProxy::start(server.connect_string()).unwrap()).collect();
        let mut entries = Vec::new();
        for (port, proxy) in (1..).zip(&proxies) {
            let hosts = [proxy.address().to_string()];
            let registry = ZooKeeperRegistry::shared(&hosts, "/fast", "fast", SESSION).unwrap();
            let entry = announced(&registry, "calc", port).await;
            entries.push((registry, entry));
        }
        for silent in &proxies[1..] {
            silent.change(|plan| plan.to_client.stall = true);
        }
        (proxies, entries)
    });
    let start = Instant::now();
    close_shared(LIMIT);
    let took = start.elapsed();
    let left = runtime.block_on(async { texts(&raw(&server).await, "/fast/calc/providers").await });
    assert!(left.iter().all(|(_, text)| !text.contains("10.0.0.1:1\"")), "{left:?}");
    eprintln!("measured: {SILENT} silent ensembles and one that answers are left within {took:?}");
    assert!(took < Duration::from_secs(2 * u64::from(SILENT) - 2), "{took:?}");
    drop((entries, proxies));
}
