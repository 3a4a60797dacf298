//! An entry that changes while it is listed.

mod support;

use libfast_registry::{Announcement, Announcer, Provider, Record, Resolution, Resolver, Role};
use libfast_testkit::chaos::Admission;
use libfast_testkit::{ChaosProxy, ZooKeeper};
use libfast_zookeeper::ZooKeeperRegistry;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::*;
use zookeeper_client::{Acls, CreateMode};

static SERVER: LazyLock<ZooKeeper> = LazyLock::new(|| ZooKeeper::start().unwrap());

const SESSION: Duration = Duration::from_secs(10);

async fn set_weight(announcement: &Announcement, weight: u32) {
    announcement.change(|record| record.weight = weight).await.unwrap();
}

fn weights(resolution: &Resolution) -> Vec<u32> {
    match resolution {
        Resolution::Bound(providers) => providers.iter().map(|provider| provider.endpoint.weight).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn a_change_is_a_new_generation_of_the_same_entry() {
    let registry = registry(&SERVER, SESSION);
    let mut watch = registry.watch(&service("generation"));
    let announcement = announced(&registry, "generation", 1).await;
    let client = raw(&SERVER).await;
    let first = only_node(&client, "generation").await;
    let Resolution::Bound(before) = until(&mut watch, |found| weights(found) == [100]).await else {
        panic!()
    };

    set_weight(&announcement, 7).await;
    // The acknowledgement means that it is listed, whoever asks.
    let second = only_node(&client, "generation").await;
    assert_eq!(first.strip_suffix(".0").unwrap(), second.strip_suffix(".1").unwrap());
    let (data, stat) = client.get_data(&second).await.unwrap();
    assert_eq!((Record::from_json(&data).unwrap().weight, stat.version), (7, 0));
    let Resolution::Bound(after) = until(&mut watch, |found| weights(found) == [7]).await else { panic!() };
    let key = |providers: &[Provider]| providers[0].key.clone();
    assert_eq!(key(&before), key(&after), "it is the same registration");

    announcement.withdraw().await;
    assert_eq!(client.list_children(second.rsplit_once('/').unwrap().0).await.unwrap().len(), 0);
}

/// Whoever looks in the middle of a change finds the entry once: in the list, and through resolvers that follow it or
/// have just begun.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_in_the_middle_of_changes_never_see_two_or_none() {
    const CHANGES: u32 = 200;
    let provider = registry(&SERVER, SESSION);
    let announcement = announced(&provider, "middle", 1).await;
    let follower = registry(&SERVER, SESSION);
    let mut watch = follower.watch(&service("middle"));
    until_listed(&mut watch, &[1]).await;
    let followed = Recorder::start(&follower, "middle");
    let over = AtomicBool::new(false);

    let changes = async {
        for weight in 1..=CHANGES {
            set_weight(&announcement, weight).await;
        }
        over.store(true, Ordering::Relaxed);
    };
    let lister = async {
        let client = raw(&SERVER).await;
        let mut lists = 0;
        while !over.load(Ordering::Relaxed) {
            let names = client.list_children(&format!("{ROOT}/middle/providers")).await.unwrap();
            assert_eq!(names.len(), 1, "{names:?}");
            lists += 1;
        }
        lists
    };
    let beginners = async {
        let session = registry(&SERVER, SESSION);
        let mut begun = 0;
        while !over.load(Ordering::Relaxed) {
            let mut watch = session.watch(&service("middle"));
            let found = until(&mut watch, |resolution| !matches!(resolution, Resolution::Pending)).await;
            assert_eq!(weights(&found).len(), 1, "{found:?}");
            begun += 1;
        }
        begun
    };
    let ((), lists, begun) = tokio::join!(changes, lister, beginners);
    eprintln!("measured: {CHANGES} changes, {lists} lists, {begun} resolvers begun");
    assert!(lists > 10 && begun > 10);
    until(&mut watch, |found| weights(found) == [CHANGES]).await;
    let lists = followed.lists();
    assert!(lists.iter().all(|list| *list == [1]), "{lists:?}");
}

/// Changes that come faster than they can be made leave the last one standing.
#[tokio::test]
async fn the_last_of_many_changes_stands() {
    let registry = registry(&SERVER, SESSION);
    let announcement = registry.announce(&service("many"), Role::Provider, record(1));
    let changes: Vec<_> =
        (1..=100).map(|weight| announcement.change(|record| record.weight = weight)).collect();
    for change in changes {
        change.await.unwrap();
    }
    let client = raw(&SERVER).await;
    let (data, _) = client.get_data(&only_node(&client, "many").await).await.unwrap();
    assert_eq!(Record::from_json(&data).unwrap().weight, 100);
}

#[tokio::test]
async fn a_change_that_nobody_could_read_is_refused_and_the_entry_stays() {
    let registry = registry(&SERVER, SESSION);
    let announcement = announced(&registry, "long", 1).await;
    let error = announcement.change(|record| record.zone = "z".repeat(5_000)).await.unwrap_err();
    assert_eq!(error.kind(), libfast_model::ErrorKind::Invalid);
    let client = raw(&SERVER).await;
    assert!(only_node(&client, "long").await.ends_with(".0"));
    set_weight(&announcement, 3).await;
    assert!(only_node(&client, "long").await.ends_with(".1"));
}

/// Whether its request was lost with the connection or never sent: after the outage there is one entry, the new one.
#[tokio::test]
async fn a_change_in_an_outage_is_made_after_it() {
    let mut server = ZooKeeper::start().unwrap();
    let registry = registry(&server, Duration::from_secs(8));
    let announcement = announced(&registry, "outage", 1).await;
    server.stop_process();
    let in_flight = announcement.change(|record| record.weight = 5);
    server.kill();
    until_state(&announcement, |state| !is_registered(state)).await;
    let while_down = announcement.change(|record| record.draining = true);
    server.restart().unwrap();
    tokio::time::timeout(LIMIT, while_down).await.unwrap().unwrap();
    in_flight.await.unwrap();
    let client = raw(&server).await;
    let (data, _) = client.get_data(&only_node(&client, "outage").await).await.unwrap();
    let found = Record::from_json(&data).unwrap();
    assert!(found.draining && found.weight == 5, "{found:?}");
}

/// The provider puts its entry right as soon as it hears of it. Who read it before that must see that it is another one now.
#[tokio::test]
async fn what_somebody_wrote_over_an_entry_counts_for_nobody_once_it_is_put_right() {
    let proxy = ChaosProxy::start(SERVER.connect_string()).unwrap();
    let provider = ZooKeeperRegistry::open(&[proxy.address().to_string()], ROOT, SESSION);
    let announcement = announced(&provider, "over", 1).await;
    let client = raw(&SERVER).await;
    let path = only_node(&client, "over").await;
    proxy.change(|plan| plan.to_client.stall = true);
    proxy.settled().await;
    let light = Record { weight: 3, ..record(1) }.to_json();
    client.set_data(&path, light.as_bytes(), None).await.unwrap();
    let mut watch = registry(&SERVER, SESSION).watch(&service("over"));
    until(&mut watch, |found| weights(found) == [3]).await;
    proxy.clear();
    until(&mut watch, |found| weights(found) == [100]).await;
    assert_eq!(only_node(&client, "over").await, path.replace(".0", ".1"));
    announcement.withdraw().await;
    until_listed(&mut watch, &[]).await;
}

/// Those who write nodes by other rules correct them in place, and take a name twice.
#[tokio::test]
async fn what_others_changed_under_a_name_is_read_after_a_reconnect() {
    let proxy = ChaosProxy::start(SERVER.connect_string()).unwrap();
    let client = raw(&SERVER).await;
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let folder = format!("{ROOT}/others/providers");
    client.mkdir(&folder, &persistent).await.unwrap();
    let node = |number: u16| format!("{folder}/host-{number}");
    let text = |port: u16| record(port).to_json().into_bytes();
    client.create(&node(1), b"junk", &persistent).await.unwrap();
    client.create(&node(2), &text(2), &persistent).await.unwrap();
    let consumer = ZooKeeperRegistry::open(&[proxy.address().to_string()], ROOT, SESSION);
    let mut watch = consumer.watch(&service("others"));
    until_listed(&mut watch, &[2]).await;
    assert_eq!(watch.condition().borrow().skipped, 1);

    proxy.change(|plan| plan.admission = Admission::Refuse);
    proxy.reset();
    proxy.settled().await;
    client.set_data(&node(1), &text(1), None).await.unwrap();
    client.delete(&node(2), None).await.unwrap();
    client.create(&node(2), &text(3), &persistent).await.unwrap();
    proxy.change(|plan| plan.admission = Admission::Accept);
    until_listed(&mut watch, &[1, 3]).await;
    assert_eq!((watch.condition().borrow().skipped, consumer.skipped()), (0, 1));
}
