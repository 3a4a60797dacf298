//! What the registries of one process have in common.

mod support;

use libfast_registry::{Announcer, Resolution, Resolver, Role};
use libfast_testkit::ZooKeeper;
use libfast_zookeeper::ZooKeeperRegistry;
use std::time::{Duration, Instant};
use support::*;

const SESSION: Duration = Duration::from_secs(10);

fn shared(server: &ZooKeeper, root: &str) -> ZooKeeperRegistry {
    ZooKeeperRegistry::shared(&[server.connect_string()], root, "fast", SESSION).unwrap()
}

/// The sessions that the server has. The connection that asks is none.
fn sessions(server: &ZooKeeper) -> usize {
    let answer = server.ask("cons").unwrap();
    answer.lines().filter(|line| line.contains("sid=0x")).count()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Alone in its process: it counts what is shared by all of it.
#[test]
fn all_of_a_process_share_one_session_which_outlives_the_runtime_of_the_first_and_ends_with_the_last() {
    let server = ZooKeeper::start().unwrap();
    let (first, other_root) = (shared(&server, "/one"), shared(&server, "/two"));
    let entry = block_on(async {
        let entry = announced(&first, "a", 1).await;
        let mut watch = shared(&server, "/one").watch(&service("a"));
        until_listed(&mut watch, &[1]).await;
        entry
    });
    block_on(async {
        let mut watch = shared(&server, "/one").watch(&service("a"));
        let second = announced(&other_root, "a", 2).await;
        until_listed(&mut watch, &[1]).await;
        let third = shared(&server, "/one").announce(&service("a"), Role::Provider, record(3));
        until_listed(&mut watch, &[1, 3]).await;
        assert_eq!(sessions(&server), 1, "{}", server.ask("cons").unwrap());
        // Not all of what a withdrawn entry had is of others.
        entry.withdraw().await;
        until_listed(&mut watch, &[3]).await;
        drop((second, third, watch));
    });
    drop((first, other_root));
    let limit = Instant::now() + LIMIT;
    while sessions(&server) > 0 {
        assert!(Instant::now() < limit, "{}", server.ask("cons").unwrap());
        std::thread::yield_now();
    }
    // What comes later has a session again.
    block_on(async {
        let entry = announced(&shared(&server, "/one"), "a", 4).await;
        assert_eq!(sessions(&server), 1);
        // Nobody but the watch itself keeps what it knows, and the next one has it at once.
        let mut one = shared(&server, "/one").watch(&service("a"));
        until_listed(&mut one, &[4]).await;
        let two = shared(&server, "/one").watch(&service("a"));
        assert!(matches!(two.current(), Resolution::Bound(_)), "{:?}", two.current());
        drop((entry, one, two));
    });
    // Nor does it outlive them.
    let limit = Instant::now() + LIMIT;
    while sessions(&server) > 0 {
        assert!(Instant::now() < limit, "{}", server.ask("cons").unwrap());
        std::thread::yield_now();
    }
}
