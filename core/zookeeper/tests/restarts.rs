//! A server that is killed and started again at once, as by a supervisor.

mod support;

use libfast_registry::{Announcer, Resolver, Role};
use libfast_testkit::ZooKeeper;
use libfast_zookeeper::ZooKeeperRegistry;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::*;

const CHILD: &str = "LIBFAST_TEST_RESTARTED_OF";

/// Not a test by itself: the process that the others kill.
#[tokio::test]
async fn restarted_process() {
    let Ok(host) = std::env::var(CHILD) else { return };
    let registry = ZooKeeperRegistry::open(&[host], ROOT, Duration::from_secs(1));
    let _announcement = registry.announce(&service("restarted"), Role::Provider, record(1));
    std::future::pending::<()>().await;
}

/// Once listed it stays listed, whatever becomes of what its former selves left behind.
#[tokio::test]
async fn a_restarted_server_is_never_taken_for_its_former_self() {
    restart(4, Duration::ZERO).await;
}

/// As long as the bar asks for: `cargo test -p libfast-zookeeper --test restarts -- --ignored`.
#[tokio::test]
#[ignore = "takes eleven minutes"]
async fn twenty_restarts_with_half_a_minute_between_them() {
    let longest = restart(20, Duration::from_secs(30)).await;
    assert!(longest <= Duration::from_secs(2), "{longest:?}");
}

/// Gives how long the slowest start took until it was seen.
async fn restart(times: usize, watched: Duration) -> Duration {
    let server = ZooKeeper::start().unwrap();
    let client = raw(&server).await;
    let folder = format!("{ROOT}/restarted/providers");
    let consumer = registry(&server, Duration::from_secs(10));
    let mut watch = consumer.watch(&service("restarted"));
    let mut longest = Duration::ZERO;
    let mut child: Option<Child> = None;
    let mut selves = Vec::new();
    for _ in 0..times {
        if let Some(mut child) = child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let begun = Instant::now();
        let command = ["--exact", "restarted_process"];
        let mut program = Command::new(std::env::current_exe().unwrap());
        let program = program.args(command).env(CHILD, server.connect_string()).stdout(Stdio::null());
        child = Some(program.spawn().unwrap());
        // Its own node: those of its former selves may be there still.
        let own = async {
            loop {
                let (names, watcher) =
                    client.list_and_watch_children(&folder).await.unwrap_or_else(|_| panic!("{folder}"));
                if let Some(own) = names.into_iter().find(|name| !selves.contains(name)) {
                    return own;
                }
                watcher.changed().await;
            }
        };
        if selves.is_empty() {
            until_listed(&mut watch, &[1]).await;
        }
        let own = tokio::time::timeout(LIMIT, own).await.unwrap();
        until_listed(&mut watch, &[1]).await;
        longest = longest.max(begun.elapsed());
        let recorder = Recorder::start(&consumer, "restarted");
        // Until what its former selves left is gone, and longer if it is asked for.
        let since = Instant::now();
        loop {
            let names = client.list_children(&folder).await.unwrap();
            assert!(names.contains(&own), "{names:?}");
            if names.len() == 1 && since.elapsed() >= watched {
                break;
            }
            assert!(since.elapsed() < watched + LIMIT, "{names:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let lists = recorder.lists();
        assert!(lists.iter().all(|list| *list == [1]), "{lists:?}");
        selves.push(own);
    }
    let mut child = child.unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    eprintln!("measured: seen after a restart, at most {longest:?}");
    longest
}
