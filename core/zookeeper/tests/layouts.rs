//! libfast among the fleets of others, on a real ZooKeeper: what it writes there, and whom it finds.

mod support;

use libfast_model::ErrorKind;
use libfast_registry::{Announcer, Record, Resolution, Resolver, Role, Watch};
use libfast_testkit::ZooKeeper;
use libfast_zookeeper::ZooKeeperRegistry;
use std::sync::LazyLock;
use std::time::Duration;
use support::nodes::{texts, until_texts};
use support::{
    LIMIT, ROOT, announced, is_registered, logged, raw, record, service, until, until_listed, until_state,
    until_told,
};
use zookeeper_client::{Acls, Client, CreateMode};

/// One server for all tests of this file, each with roots of its own.
static SERVER: LazyLock<ZooKeeper> = LazyLock::new(|| ZooKeeper::start().unwrap());

const SESSION: Duration = Duration::from_secs(10);

fn registry_in(server: &ZooKeeper, layouts: &str) -> ZooKeeperRegistry {
    ZooKeeperRegistry::open_in(&[server.connect_string()], ROOT, layouts, SESSION).unwrap()
}

/// As a program of another fleet does.
async fn write(client: &Client, path: &str, text: &str, mode: CreateMode) {
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let folder = path.rsplit_once('/').unwrap().0;
    match client.mkdir(folder, &persistent).await {
        Ok(()) | Err(zookeeper_client::Error::NodeExists) => {}
        Err(error) => panic!("{error}"),
    }
    client.create(path, text.as_bytes(), &mode.with_acls(Acls::anyone_all())).await.unwrap();
}

fn addresses(resolution: &Resolution) -> Vec<String> {
    let Resolution::Bound(providers) = resolution else { return Vec::new() };
    let mut addresses: Vec<_> = providers.iter().map(|one| one.endpoint.address.to_string()).collect();
    addresses.sort();
    addresses
}

async fn until_addresses(watch: &mut Watch, expected: &[&str]) -> Resolution {
    until(watch, |resolution| addresses(resolution) == expected).await
}

#[tokio::test]
async fn a_program_of_thriftkeeper_and_libfast_see_each_other() {
    let (other, calc) = (raw(&SERVER).await, service("calc"));
    let libfast = registry_in(&SERVER, "thriftkeeper:/thriftkeeper");
    let mut watch = libfast.watch(&calc);
    write(
        &other,
        "/thriftkeeper/calc/providers/provider-1",
        r#"{"address":"10.0.0.9:9090"}"#,
        CreateMode::Ephemeral,
    )
    .await;
    until_listed(&mut watch, &[9090]).await;

    let announcement = libfast.announce(&calc, Role::Provider, Record { weight: 7, ..record(2030) });
    let consumer = libfast.announce(&calc, Role::Consumer, Record::of_this_process("test"));
    announcement.registered().await.unwrap();
    consumer.registered().await.unwrap();
    let found = texts(&other, "/thriftkeeper/calc/providers").await;
    let texts_found: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
    assert!(texts_found.contains(&r#"{"address":"10.0.0.1:2030","weight":7}"#), "{found:?}");
    let consumers = texts(&other, "/thriftkeeper/calc/consumers").await;
    assert_eq!(consumers.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["{}"]);
    until_addresses(&mut watch, &["10.0.0.1:2030", "10.0.0.9:9090"]).await;

    // The other program ends.
    drop(other);
    until_addresses(&mut watch, &["10.0.0.1:2030"]).await;
    announcement.withdraw().await;
    assert!(texts(&raw(&SERVER).await, "/thriftkeeper/calc/providers").await.is_empty());
}

#[tokio::test]
async fn one_server_is_in_all_layouts_at_once() {
    let (other, calc) = (raw(&SERVER).await, service("calc"));
    let layouts =
        "fast:/all/fast,thriftkeeper:/all/tk,serverset:/all/aurora,curator:/all/services,spring:/all/spring";
    let libfast = registry_in(&SERVER, layouts);
    let mine = Record {
        metrics: "10.0.0.1:2830".into(),
        started_ms: 1_700_000_000_000,
        metadata: [("version".into(), "1.2".into())].into(),
        ..record(2030)
    };
    let announcement = libfast.announce(&calc, Role::Provider, mine);
    announcement.registered().await.unwrap();

    let folders = [
        "/all/fast/calc/providers",
        "/all/tk/calc/providers",
        "/all/aurora/calc",
        "/all/services/calc",
        "/all/spring/calc",
    ];
    for folder in folders {
        assert_eq!(texts(&other, folder).await.len(), 1, "{folder}");
    }
    // What ZooKeeper numbers.
    let [(name, text)] = &texts(&other, folders[2]).await[..] else { panic!("one member") };
    assert_eq!(
        (name.as_str(), text.as_str()),
        (
            "member_0000000000",
            r#"{"serviceEndpoint":{"host":"10.0.0.1","port":2030},"additionalEndpoints":{"metrics":{"host":"10.0.0.1","port":2830}},"status":"ALIVE","metadata":{"version":"1.2"}}"#,
        )
    );
    let [(id, text)] = &texts(&other, folders[3]).await[..] else { panic!("one instance") };
    let expected = format!(
        r#"{{"name":"calc","id":"{id}","address":"10.0.0.1","port":2030,"sslPort":null,"payload":null,"registrationTimeUTC":1700000000000,"serviceType":"DYNAMIC","uriSpec":null}}"#
    );
    assert_eq!(text, &expected);

    assert!(texts(&other, folders[4]).await[0].1.contains(r#""version":"1.2""#));

    // In each of them it is found, and in all of them it is one.
    for (layouts, tells_version) in [
        (layouts, true),
        ("serverset:/all/aurora", true),
        ("spring:/all/spring", true),
        ("curator:/all/services", false),
        ("thriftkeeper:/all/tk", false),
        ("fast:/all/fast", true),
    ] {
        let mut watch = registry_in(&SERVER, layouts).watch(&calc);
        let Resolution::Bound(found) = until_addresses(&mut watch, &["10.0.0.1:2030"]).await else {
            panic!("a list")
        };
        assert_eq!(found[0].endpoint.metadata.contains_key("version"), tells_version, "{layouts}");
    }

    // Another weight is another entry, in one step.
    announcement.change(|record| record.weight = 7).await.unwrap();
    let found = texts(&other, folders[2]).await;
    assert_eq!(found.len(), 1);
    assert!(
        found[0].0 > *name && found[0].1.contains(r#""metadata":{"version":"1.2","weight":"7"}"#),
        "{found:?}"
    );
    assert_eq!(texts(&other, folders[1]).await[0].1, r#"{"address":"10.0.0.1:2030","weight":7}"#);

    // Who drains says so where there is a word for it, and is taken off elsewhere.
    announcement.change(|record| record.draining = true).await.unwrap();
    assert!(texts(&other, folders[0]).await[0].1.contains(r#""draining":true"#));
    assert!(texts(&other, folders[2]).await[0].1.contains("STOPPING"));
    assert!(texts(&other, folders[4]).await[0].1.contains("OUT_OF_SERVICE"));
    for folder in [folders[1], folders[3]] {
        until_texts(&other, folder, <[_]>::is_empty).await;
    }
    announcement.withdraw().await;
    for folder in folders {
        assert!(texts(&other, folder).await.is_empty(), "{folder}");
    }
}

/// It stands in no later change's way either.
#[tokio::test]
async fn what_is_too_long_for_one_layout_is_written_in_none() {
    let (other, folders) = (raw(&SERVER).await, ["/long/tk/calc/providers", "/long/fast/calc/providers"]);
    let libfast = registry_in(&SERVER, "thriftkeeper:/long/tk,fast:/long/fast");
    let announcement = announced(&libfast, "calc", 2030).await;
    let refused = announcement.change(|record| {
        (record.weight, record.metadata) = (9, [("long".into(), "x".repeat(4096))].into());
    });
    let error = refused.await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Invalid && error.message().contains("shorten its metadata"),
        "{error}"
    );
    announcement.set_metadata("version=2").await.unwrap();
    assert_eq!(texts(&other, folders[0]).await[0].1, r#"{"address":"10.0.0.1:2030","weight":100}"#);
    let text = &texts(&other, folders[1]).await[0].1;
    assert!(text.contains(r#""weight":100"#) && text.contains(r#""metadata":{"version":"2"}"#), "{text}");
    announcement.withdraw().await;
}

#[tokio::test]
async fn entries_of_other_layouts_come_back_when_they_are_deleted_and_when_all_is_lost() {
    let mut server = ZooKeeper::start().unwrap();
    let libfast = registry_in(&server, "serverset:/aurora,curator:/services");
    let announcement = announced(&libfast, "calc", 2030).await;
    let other = raw(&server).await;
    for folder in ["/aurora/calc", "/services/calc"] {
        let name = texts(&other, folder).await[0].0.clone();
        other.delete(&format!("{folder}/{name}"), None).await.unwrap();
        let found = until_texts(&other, folder, |found| found.len() == 1 && found[0].0 != name).await;
        assert!(found[0].1.contains("10.0.0.1"), "{found:?}");
    }
    drop(other);
    // A server that knows nobody: no session, no folder.
    server.forget().unwrap();
    server.restart().unwrap();
    let other = raw(&server).await;
    for folder in ["/aurora/calc", "/services/calc"] {
        until_texts(&other, folder, |found| found.len() == 1).await;
    }
    until_state(&announcement, is_registered).await;
}

#[tokio::test]
async fn fleets_of_others_are_found_and_junk_is_counted() {
    let (other, app) = (raw(&SERVER).await, service("org.demo.App"));
    let libfast =
        registry_in(&SERVER, "serverset:/others/aurora,curator:/others/services,dubbo:/others/dubbo");
    let mut watch = libfast.watch(&app);
    let spring = r#"{"name":"app","id":"1","address":"host2","port":8080,"sslPort":null,"payload":{"@class":"org.springframework.cloud.zookeeper.discovery.ZookeeperInstance","id":"app-1","name":"app","metadata":{"instance_status":"UP"}},"registrationTimeUTC":1700000000000,"serviceType":"DYNAMIC","uriSpec":null}"#;
    let dubbo =
        "dubbo%3A%2F%2Fhost3%3A20880%2Forg.demo.App%3Fapplication%3Ddemo%26side%3Dprovider%26weight%3D7";
    let member = r#"{"serviceEndpoint":{"host":"host1","port":31000},"additionalEndpoints":{},"status":"ALIVE","shard":0}"#;
    for (path, text, mode) in [
        ("/others/aurora/org.demo.App/member_", member, CreateMode::EphemeralSequential),
        ("/others/aurora/org.demo.App/vector_", r#"{"vector":[]}"#, CreateMode::PersistentSequential),
        ("/others/services/org.demo.App/1", spring, CreateMode::Ephemeral),
        (&format!("/others/dubbo/org.demo.App/providers/{dubbo}"), "192.168.0.7", CreateMode::Ephemeral),
    ] {
        write(&other, path, text, mode).await;
    }
    let expected = ["host1:31000", "host2:8080", "host3:20880"];
    let Resolution::Bound(providers) = until_addresses(&mut watch, &expected).await else { panic!("a list") };
    let heavy = providers.iter().find(|one| one.endpoint.weight == 7).unwrap();
    assert_eq!(heavy.endpoint.address.to_string(), "host3:20880");

    assert_eq!(libfast.skipped(), 0, "what is no entry is no junk");
    for (path, text) in [
        ("/others/aurora/org.demo.App/member_junk", "junk".to_owned()),
        ("/others/services/org.demo.App/2", "{}".to_owned()),
        ("/others/services/org.demo.App/3", " ".repeat(100_000)),
        ("/others/dubbo/org.demo.App/providers/%zz", String::new()),
    ] {
        write(&other, path, &text, CreateMode::Ephemeral).await;
    }
    write(
        &other,
        "/others/aurora/org.demo.App/member_",
        &member.replace("31000", "31001"),
        CreateMode::EphemeralSequential,
    )
    .await;
    write(&other, "/others/services/org.demo.App/4", &spring.replace("8080", "8081"), CreateMode::Ephemeral)
        .await;
    until_addresses(&mut watch, &["host1:31000", "host1:31001", "host2:8080", "host2:8081", "host3:20880"])
        .await;
    let counted = async {
        while libfast.skipped() < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, counted).await.unwrap();

    let services = libfast.services().await.unwrap();
    assert_eq!(services.len(), 1);
    assert_eq!((services[0].service.as_str(), services[0].consumers), ("org.demo.App", 0));
    assert_eq!(libfast.records(&app, Role::Provider).await.unwrap().len(), 5);
}

#[tokio::test]
async fn what_cannot_be_listed_is_refused_at_once() {
    let refusal = |layouts: &str, address: &str| {
        let record = Record { address: address.into(), ..Record::of_this_process("test") };
        let announcement = registry_in(&SERVER, layouts).announce(&service("calc"), Role::Provider, record);
        async move { announcement.registered().await.unwrap_err() }
    };
    let error = refusal("dubbo:/dubbo", "h:1").await;
    assert!(error.kind() == ErrorKind::Invalid && error.message().contains("read only"), "{error}");
    let error = refusal("fast,serverset:/aurora", "unix:/run/x").await;
    assert!(error.kind() == ErrorKind::Invalid && error.message().contains("serverset"), "{error}");
    let unknown = ZooKeeperRegistry::open_in(&["127.0.0.1:1".into()], ROOT, "etcd", SESSION).err().unwrap();
    assert!(unknown.message().contains("thriftkeeper"), "{unknown}");
}

/// An address can be written in several ways, and is read in one.
#[tokio::test]
async fn an_entry_is_known_again_however_its_address_is_written() {
    let (other, calc) = (raw(&SERVER).await, service("calc"));
    let libfast = registry_in(&SERVER, "serverset:/spelling");
    let written = Record { address: ":02030".into(), ..record(1) };
    let announcement = libfast.announce(&calc, Role::Provider, written);
    announcement.registered().await.unwrap();
    announcement.change(|record| record.weight = 7).await.unwrap();
    let found = texts(&other, "/spelling/calc").await;
    assert_eq!(found.len(), 1, "{found:?}");
}

/// What an operator decides is beside the instances then, and none of them.
#[tokio::test]
async fn what_an_operator_decides_is_no_instance() {
    let (libfast, calc) = (registry_in(&SERVER, "curator"), service("decided"));
    let announcement = libfast.announce(&calc, Role::Provider, record(2030));
    announcement.registered().await.unwrap();
    let address = "10.0.0.1:2030".parse().unwrap();
    libfast.decide(&calc, &address, |decided| decided.weight = Some(7)).await.unwrap();
    let mut watch = libfast.watch(&calc);
    let weighs_seven = |resolution: &Resolution| match resolution {
        Resolution::Bound(providers) => providers.iter().all(|one| one.endpoint.weight == 7),
        _ => false,
    };
    until(&mut watch, weighs_seven).await;
    assert_eq!(libfast.skipped(), 0);
}

/// A fleet that has lost its sessions does not come back in one moment.
#[tokio::test(flavor = "multi_thread")]
async fn entries_of_other_layouts_come_back_one_after_the_other() {
    const SERVERS: u16 = 400;
    let mut server = ZooKeeper::start().unwrap();
    let libfast = registry_in(&server, "serverset:/aurora");
    let announce = |port| libfast.announce(&service("calc"), Role::Provider, record(port));
    let entries: Vec<_> = (1..=SERVERS).map(announce).collect();
    for entry in &entries {
        entry.registered().await.unwrap();
    }
    server.forget().unwrap();
    for entry in &entries {
        until_state(entry, |state| !is_registered(state)).await;
    }
    server.restart().unwrap();
    for entry in &entries {
        until_state(entry, is_registered).await;
    }
    let client = raw(&server).await;
    let names = client.list_children("/aurora/calc").await.unwrap();
    assert_eq!(names.len(), usize::from(SERVERS));
    let mut made = Vec::new();
    for name in names {
        made.push(client.check_stat(&format!("/aurora/calc/{name}")).await.unwrap().unwrap().ctime);
    }
    let spread = made.iter().max().unwrap() - made.iter().min().unwrap();
    eprintln!("measured: {SERVERS} entries came back within {spread} ms");
    // Each waits for a part of 800 ms at random; that all of them draw less than this is beyond chance.
    assert!(spread >= 500, "{spread} ms");
}

#[tokio::test]
async fn junk_in_any_of_the_layouts_is_told() {
    let (other, calc) = (raw(&SERVER).await, service("calc"));
    let libfast = registry_in(&SERVER, "fast:/ill/fast,thriftkeeper:/ill/tk,curator:/ill/services");
    for (path, text) in [
        ("/ill/fast/calc/providers/good", r#"{"address":"10.0.0.1:1"}"#),
        ("/ill/tk/calc/providers/junk", "junk"),
        ("/ill/services/calc/junk", "junk"),
    ] {
        write(&other, path, text, CreateMode::Ephemeral).await;
    }
    let mut watch = libfast.watch(&calc);
    until_listed(&mut watch, &[1]).await;
    until_told(watch.condition(), |condition| condition.skipped == 2).await;
}

/// Dubbo's names may hold a password. They are told in logs, and kept in files as keys.
#[tokio::test]
async fn passwords_in_the_names_of_others_are_not_told() {
    logged::keep();
    let (other, app) = (raw(&SERVER).await, service("org.demo.Secret"));
    let good = "dubbo%3A%2F%2Fme%3Ahunter2%40host%3A20880%2Forg.demo.Secret%3Fside%3Dprovider";
    for name in [good, "dubbo%3A%2F%2Fme%3Ahunter2%40host%3A70000%2Forg.demo.Secret"] {
        write(&other, &format!("/secret/org.demo.Secret/providers/{name}"), "", CreateMode::Ephemeral).await;
    }
    let mut watch = registry_in(&SERVER, "dubbo:/secret").watch(&app);
    let Resolution::Bound(providers) = until_addresses(&mut watch, &["host:20880"]).await else {
        panic!("a list")
    };
    assert_eq!(providers[0].key, good.replace("me%3Ahunter2%40", ""));
    let logged = logged::so_far();
    let skips: Vec<&str> = logged.lines().filter(|line| line.contains("skipping a node")).collect();
    assert!(skips.iter().any(|line| line.contains("host%3A70000")), "{skips:?}");
    assert!(skips.iter().all(|line| !line.contains("hunter2")), "{skips:?}");
}
