//! Announcing, resolving and withdrawing on a healthy ZooKeeper.

mod support;

use libfast_registry::{Announcer, Record, Resolution, Resolver, Role};
use libfast_testkit::ZooKeeper;
use libfast_zookeeper::{ServiceCount, ZooKeeperRegistry};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use support::*;
use zookeeper_client::{Acls, CreateMode};

/// One server for all tests of this file, each with a service of its own.
static SERVER: LazyLock<ZooKeeper> = LazyLock::new(|| ZooKeeper::start().unwrap());

const SESSION: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_announcement_is_seen_and_a_withdrawal_too() {
    let (provider, consumer) = (registry(&SERVER, SESSION), registry(&SERVER, SESSION));
    let mut watch = consumer.watch(&service("seen"));
    until_listed(&mut watch, &[]).await;

    let announcement = announced(&provider, "seen", 1).await;
    until_listed(&mut watch, &[1]).await;
    let start = Instant::now();
    let second = provider.announce(&service("seen"), Role::Provider, record(2));
    until_listed(&mut watch, &[1, 2]).await;
    eprintln!("measured: announce to seen {:?}", start.elapsed());

    let start = Instant::now();
    announcement.withdraw().await;
    eprintln!("measured: withdraw acknowledged {:?}", start.elapsed());
    // The acknowledgement means that the server has deleted it, whoever asks.
    let names = raw(&SERVER).await.list_children(&format!("{ROOT}/seen/providers")).await.unwrap();
    assert_eq!(names.len(), 1);
    until_listed(&mut watch, &[2]).await;
    let time = start.elapsed();
    eprintln!("measured: withdrawn and gone from lists {time:?}");
    // 200 ms on a machine that does nothing else.
    assert!(time < Duration::from_secs(1), "{time:?}");
    // Dropping takes the entry off as well, in the background, long before the session would end.
    drop(second);
    until_listed(&mut watch, &[]).await;
}

#[tokio::test]
async fn watches_of_one_service_share_what_is_known() {
    let registry = registry(&SERVER, SESSION);
    let _announcement = registry.announce(&service("shared"), Role::Provider, record(1));
    let mut first = registry.watch(&service("shared"));
    until_listed(&mut first, &[1]).await;
    let second = registry.watch(&service("shared"));
    assert!(matches!(second.current(), Resolution::Bound(_)));
    drop(first);
    let mut third = registry.clone().watch(&service("shared"));
    drop(second);
    until_listed(&mut third, &[1]).await;
}

/// Parents are missing for all of them at once, which fails for some in each step of making them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_first_servers_are_all_listed() {
    let server = ZooKeeper::start().unwrap();
    let start = Instant::now();
    let announcements = (1..=8).map(|port| {
        let registry = registry(&server, SESSION);
        (registry.announce(&service("crowd"), Role::Provider, record(port)), registry)
    });
    let announcements: Vec<_> = announcements.collect();
    let mut watch = announcements[0].1.watch(&service("crowd"));
    until_listed(&mut watch, &[1, 2, 3, 4, 5, 6, 7, 8]).await;
    let time = start.elapsed();
    eprintln!("measured: 8 servers on an empty ZooKeeper listed {time:?}");
    assert!(time < Duration::from_secs(5), "{time:?}");
}

#[tokio::test]
async fn dropping_everything_closes_the_session_and_so_does_close() {
    let observer = registry(&SERVER, SESSION);
    let mut watch = observer.watch(&service("dropped"));
    let provider = registry(&SERVER, SESSION);
    let announcement = announced(&provider, "dropped", 1).await;
    let client = raw(&SERVER).await;
    let owner =
        client.check_stat(&only_node(&client, "dropped").await).await.unwrap().unwrap().ephemeral_owner;
    let start = Instant::now();
    drop((provider, announcement));
    until_listed(&mut watch, &[]).await;
    assert!(start.elapsed() < SESSION / 2 && owner != 0);

    let provider = registry(&SERVER, SESSION);
    let announcement = announced(&provider, "dropped", 2).await;
    let start = Instant::now();
    provider.close().await;
    eprintln!("measured: session closed {:?}", start.elapsed());
    assert_eq!(client.list_children(&format!("{ROOT}/dropped/providers")).await.unwrap().len(), 0);
    assert!(matches!(announcement.state(), libfast_registry::AnnouncementState::Closed));
    // The registry can be used again after it.
    let _again = announced(&provider, "dropped", 3).await;
    until_listed(&mut watch, &[3]).await;
}

#[tokio::test]
async fn an_own_node_that_is_deleted_or_taken_comes_back() {
    let registry = registry(&SERVER, SESSION);
    let _announcement = announced(&registry, "deleted", 1).await;
    let client = raw(&SERVER).await;
    let path = only_node(&client, "deleted").await;
    let owner = client.check_stat(&path).await.unwrap().unwrap().ephemeral_owner;
    let generation = |number: u64| format!("{}.{number}", path.strip_suffix(".0").unwrap());
    let is_back = async |path: &str| {
        let start = Instant::now();
        loop {
            let (stat, watcher) = client.check_and_watch_stat(path).await.unwrap();
            if stat.is_some_and(|stat| stat.ephemeral_owner == owner && stat.version == 0) {
                return start.elapsed();
            }
            tokio::time::timeout(LIMIT, watcher.changed()).await.unwrap();
        }
    };

    client.delete(&path, None).await.unwrap();
    let time = is_back(&path).await;
    eprintln!("measured: own node back after deletion {time:?}");
    assert!(time < Duration::from_secs(2));

    // The parents too.
    client.delete(&path, None).await.unwrap();
    let _ = client.delete(path.rsplit_once('/').unwrap().0, None).await;
    is_back(&path).await;

    // As after an expired session whose node the server still holds. Who read what others wrote under its name has to see that
    // it is another one now.
    let mut writer = client.new_multi_writer();
    writer.add_delete(&path, None).unwrap();
    writer.add_create(&path, b"former", &CreateMode::Ephemeral.with_acls(Acls::anyone_all())).unwrap();
    writer.commit().await.unwrap();
    eprintln!("measured: node of another session replaced {:?}", is_back(&generation(1)).await);

    client.set_data(&generation(1), b"changed by hand", None).await.unwrap();
    is_back(&generation(2)).await;
    assert_eq!(only_node(&client, "deleted").await, generation(2));
    assert_eq!(
        Record::from_json(&client.get_data(&generation(2)).await.unwrap().0).unwrap().address,
        "10.0.0.1:1"
    );
}

#[tokio::test]
async fn junk_is_skipped_and_the_others_are_served() {
    let registry = registry(&SERVER, SESSION);
    let client = raw(&SERVER).await;
    let folder = format!("{ROOT}/junk/providers");
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    client.mkdir(&folder, &persistent).await.unwrap();
    let huge = vec![b'x'; 900_000];
    let junk: [(&str, &[u8]); 6] = [
        ("empty", b""),
        ("text", b"not json"),
        ("binary", &[0xff; 40]),
        ("no-address", br#"{"weight":1}"#),
        ("port-0", br#"{"address":"h:0"}"#),
        ("huge", &huge),
    ];
    for (name, data) in junk {
        client.create(&format!("{folder}/{name}"), data, &persistent).await.unwrap();
    }
    let mut watch = registry.watch(&service("junk"));
    until_listed(&mut watch, &[]).await;
    let _announcement = registry.announce(&service("junk"), Role::Provider, record(1));
    until_listed(&mut watch, &[1]).await;
    assert_eq!(registry.skipped(), junk.len() as u64);
}

#[tokio::test]
async fn a_record_that_nobody_could_use_is_refused_at_once() {
    let registry = registry(&SERVER, SESSION);
    let bad = registry.announce(&service("refused"), Role::Provider, record(0));
    let error = bad.registered().await.unwrap_err();
    assert_eq!(error.kind(), libfast_model::ErrorKind::Invalid);
    assert!(error.message().contains("port 0"), "{error}");
}

/// Parents that nobody may write to: the operator must hear of it, and nothing else is needed once it is put right.
#[tokio::test]
async fn a_refusal_is_told_and_ends_when_its_cause_does() {
    let client = raw(&SERVER).await;
    let read_only = CreateMode::Persistent.with_acls(Acls::anyone_read());
    client.mkdir(ROOT, &CreateMode::Persistent.with_acls(Acls::anyone_all())).await.unwrap();
    client.create(&format!("{ROOT}/locked"), b"", &read_only).await.unwrap();
    let registry = registry(&SERVER, SESSION);
    let announcement = registry.announce(&service("locked"), Role::Provider, record(1));
    let error = announcement.registered().await.unwrap_err();
    assert!(error.message().contains("/locked/") && error.message().contains("ACL"), "{error}");
    client.delete(&format!("{ROOT}/locked"), None).await.unwrap();
    until_state(&announcement, is_registered).await;
}

#[tokio::test]
async fn services_and_consumers_are_counted_for_operators() {
    let registry = ZooKeeperRegistry::open(&[SERVER.connect_string()], "/counted", Duration::from_secs(10));
    assert_eq!(registry.services().await.unwrap(), []);
    assert_eq!(registry.consumers(&service("a")).await.unwrap(), []);
    let announcements = [("a", Role::Provider), ("a", Role::Consumer), ("b", Role::Consumer)]
        .map(|(name, role)| registry.announce(&service(name), role, record(1)));
    for announcement in &announcements {
        announcement.registered().await.unwrap();
    }
    let count = |name, providers, consumers| ServiceCount { service: service(name), providers, consumers };
    assert_eq!(registry.services().await.unwrap(), [count("a", 1, 1), count("b", 0, 1)]);
    assert_eq!(registry.consumers(&service("a")).await.unwrap()[0].pid, std::process::id());
    assert_eq!(registry.records(&service("a"), Role::Provider).await.unwrap()[0].address, record(1).address);
    assert!(registry.knows(&service("b")).await.unwrap() && !registry.knows(&service("c")).await.unwrap());
}

const CHILD: &str = "LIBFAST_TEST_PROVIDER_OF";

/// Not a test by itself: the process that the next test kills.
#[tokio::test]
async fn provider_process() {
    let Ok(host) = std::env::var(CHILD) else { return };
    let registry = ZooKeeperRegistry::open(&[host], ROOT, Duration::from_secs(1));
    let _announcement = registry.announce(&service("killed"), Role::Provider, record(1));
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_killed_process_is_gone_when_its_session_ends() {
    let consumer = registry(&SERVER, SESSION);
    let mut watch = consumer.watch(&service("killed"));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "provider_process"])
        .env(CHILD, SERVER.connect_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until_listed(&mut watch, &[1]).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let start = Instant::now();
    until_listed(&mut watch, &[]).await;
    eprintln!("measured: gone after SIGKILL (session 1 s, tick 500 ms) {:?}", start.elapsed());
}

/// Clients need it for those that they call on though they left the list.
#[tokio::test]
async fn what_operators_decide_is_told_of_whoever_is_not_listed() {
    let registry = registry(&SERVER, SESSION);
    let mut watch = registry.watch(&service("decided"));
    until_listed(&mut watch, &[]).await;
    let address = "10.0.0.1:1".parse().unwrap();
    registry.decide(&service("decided"), &address, |decided| decided.draining = true).await.unwrap();
    until_told(watch.overrides(), |decided| decided.of("10.0.0.1:1").draining).await;
}
