//! Changes that happen while a consumer has no connection, or is just losing or getting one.

mod support;

use libfast_registry::{Announcement, Announcer, Resolver, Role, Watch};
use libfast_testkit::chaos::Admission;
use libfast_testkit::{ChaosProxy, ZooKeeper};
use libfast_zookeeper::ZooKeeperRegistry;
use std::time::{Duration, Instant};
use support::*;

const CONSUMERS: usize = 10;
const ROUNDS: usize = 10;
const SESSION: Duration = Duration::from_secs(10);

/// When the change happens.
#[derive(Debug, Clone, Copy)]
enum When {
    Before,
    Away,
    Back,
}

/// The consumers' connections break a hundred times in all, and each time something changes about then. All that a
/// one-shot watch could miss is this.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_reconnects_none_misses_what_changed_meanwhile() {
    let server = ZooKeeper::start().unwrap();
    let proxy = ChaosProxy::start(server.connect_string()).unwrap();
    let provider = registry(&server, SESSION);
    let through = [proxy.address().to_string()];
    let consumers: Vec<_> =
        (0..CONSUMERS).map(|_| ZooKeeperRegistry::open(&through, ROOT, SESSION)).collect();
    let mut watches: Vec<Watch> = consumers.iter().map(|consumer| consumer.watch(&service("echo"))).collect();
    let mut entries: Vec<(u16, Announcement)> = Vec::new();
    let (mut port, mut longest) = (0, Duration::ZERO);
    for round in 0..ROUNDS {
        let when = [When::Before, When::Away, When::Back][round % 3];
        let mut change = async || {
            port += 1;
            let entry = announced(&provider, "echo", port).await;
            entries.push((port, entry));
            // Every other one takes the place of one.
            if port.is_multiple_of(2) {
                let (_, gone) = entries.remove(0);
                gone.withdraw().await;
            }
        };
        if let When::Before = when {
            change().await;
        }
        proxy.change(|plan| plan.admission = Admission::Refuse);
        proxy.reset();
        proxy.settled().await;
        if let When::Away = when {
            change().await;
        }
        proxy.change(|plan| plan.admission = Admission::Accept);
        proxy.settled().await;
        if let When::Back = when {
            change().await;
        }
        let start = Instant::now();
        let expected: Vec<u16> = entries.iter().map(|(port, _)| *port).collect();
        for watch in &mut watches {
            until_listed(watch, &expected).await;
        }
        longest = longest.max(start.elapsed());
        // Its watch is there again, too: nothing breaks, and a change is seen.
        let probe = provider.announce(&service("echo"), Role::Provider, record(60_000));
        for watch in &mut watches {
            until_listed(watch, &[expected.as_slice(), &[60_000]].concat()).await;
        }
        probe.withdraw().await;
        for watch in &mut watches {
            until_listed(watch, &expected).await;
        }
    }
    eprintln!(
        "measured: {} reconnects, the last consumer right after {longest:?} at most",
        CONSUMERS * ROUNDS
    );
}
