//! `fastctl` on a real ZooKeeper: deciding, checking, and other fleets.

use super::support::*;
use libfast_registry::{Announcer, Record, Role};
use libfast_testkit::{ChaosProxy, ZooKeeperEnsemble};
use libfast_zookeeper::ZooKeeperRegistry;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_decides_in_zookeeper_and_clients_follow() {
    let Some(zookeeper) = zookeeper("an_operator_decides_in_zookeeper_and_clients_follow") else { return };
    let target = format!("zk://{}/test/fast/echo", zookeeper.connect_string());
    let server = Fastserve::start(&["-a", &target]);
    let client = client(&target);
    let seen = || {
        let stats: serde_json::Value = serde_json::from_str(&client.stats()).unwrap();
        stats["endpoints"].get(0).map(|one| (one["weight"].clone(), one["draining"].clone()))
    };
    until("the server is found", || (seen()? == (json!(100), json!(false))).then_some(()));
    run("fastctl", &["drain", &target, server.address()]).data();
    until("it is drained", || (seen()? == (json!(100), json!(true))).then_some(()));
    run("fastctl", &["weight", &target, server.address(), "7"]).data();
    until("it has its weight", || (seen()? == (json!(7), json!(true))).then_some(()));
    let listing = run("fastctl", &["ls", &target, "-o", "json"]).json();
    let provider = &listing["providers"][0];
    assert_eq!((&provider["state"], &provider["override"]["weight"]), (&json!("drained"), &json!(7)));
    // For those who come later, too.
    let endpoints = run("fastctl", &["endpoints", &target, "-o", "json"]).json();
    assert_eq!(endpoints["endpoints"][0]["address"], server.address());
    let late = self::client(&target);
    until("it holds for a new client", || {
        let stats: serde_json::Value = serde_json::from_str(&late.stats()).unwrap();
        (stats["endpoints"].get(0)?["draining"] == true).then_some(())
    });
    run("fastctl", &["drain", &target, server.address(), "--off"]).data();
    run("fastctl", &["weight", &target, server.address(), "own"]).data();
    until("it is as it says", || (seen()? == (json!(100), json!(false))).then_some(()));
}

#[test]
fn check_looks_at_the_ensemble_the_root_and_the_providers() {
    let Some(mut zookeeper) = zookeeper("check_looks_at_the_ensemble_the_root_and_the_providers") else {
        return;
    };
    let hosts = zookeeper.connect_string();
    let registry = format!("zk://{hosts}/test/fast");
    let check = |target: &str| run("fastctl", &["check", target, "-o", "json"]);
    let found = |ended: &Ended| -> Vec<(String, String)> {
        let checked: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        let text = |item: &serde_json::Value, name: &str| item[name].as_str().unwrap().to_owned();
        let items = checked["items"].as_array().unwrap().iter();
        items.map(|item| (text(item, "check"), text(item, "status"))).collect()
    };
    let expected = |items: &[(&str, &str)]| -> Vec<(String, String)> {
        items.iter().map(|(check, status)| (check.to_string(), status.to_string())).collect()
    };
    let ended = check(&registry);
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.stdout.contains("standalone, version 3."), "{ended:?}");
    assert_eq!(found(&ended), expected(&[("ensemble", "ok"), ("registry", "ok"), ("root", "ok")]));

    let _server = Fastserve::start(&["-a", &format!("{registry}/echo")]);
    let all = [
        ("ensemble", "ok"),
        ("registry", "ok"),
        ("announcing", "ok"),
        ("acl", "warning"),
        ("clock", "ok"),
        ("announcing", "ok"),
        ("provider", "ok"),
    ];
    for target in [registry.clone(), format!("{registry}/echo")] {
        let ended = check(&target);
        assert_eq!((ended.code(), found(&ended)), (0, expected(&all)), "{ended:?}");
    }
    // A member that is named and not there fails the check, though the registry works.
    let ended = check(&format!("zk://{hosts},127.0.0.1:1/test/fast/echo"));
    assert_eq!(ended.code(), 6, "{ended:?}");
    assert_eq!(found(&ended)[..2], expected(&[("ensemble", "ok"), ("ensemble", "failed")]));
    zookeeper.stop_process();
    let ended = check(&registry);
    assert_eq!(found(&ended), expected(&[("ensemble", "failed"), ("registry", "failed")]), "{ended:?}");
}

/// A fleet got credentials, and what it made before has none, or those of somebody else.
#[test]
fn check_looks_at_the_nodes_of_each_service() {
    let Some(zookeeper) = zookeeper("check_looks_at_the_nodes_of_each_service") else { return };
    let hosts = zookeeper.connect_string();
    let server = Fastserve::start(&[]);
    let announce = |service: &str, user: &str, acl: &str| {
        let (target, acl) = (format!("zk://{hosts}{service}"), format!("zookeeper_acl={acl}"));
        let mut announce = tool("fastctl");
        announce.args(["announce", &target, server.address(), "--unchecked", "--set", &acl]);
        let announced =
            Fastserve::of(start(announce.env("FAST_ZOOKEEPER_AUTH", format!("digest {user}:secret"))));
        assert!(announced.line.starts_with("registered"), "{}", announced.line);
        announced
    };
    let check = |root: &str| {
        let mut check = tool("fastctl");
        check.args(["check", &format!("zk://{hosts}{root}"), "-o", "json"]);
        let ended = finish(start(check.env("FAST_ZOOKEEPER_AUTH", "digest fleet:secret")));
        let checked: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        checked["items"].as_array().unwrap().clone()
    };
    let item = |items: &[Value], check: &str, subject: &str| {
        let found = items.iter().find(|item| item["check"] == check && item["subject"] == subject);
        found.map(|item| (item["status"].as_str().unwrap().to_owned(), item["detail"].to_string()))
    };
    let status =
        |items: &[Value], check: &str, subject: &str| item(items, check, subject).map(|(status, _)| status);

    let _closed = announce("/closed/echo", "fleet", "creator");
    let _hole = announce("/closed/calc", "fleet", "open");
    let (items, root) = (check("/closed"), format!("zk://{hosts}/closed"));
    assert_eq!(status(&items, "acl", &root).as_deref(), Some("ok"), "{items:?}");
    assert_eq!(status(&items, "acl", "echo").as_deref(), Some("ok"), "{items:?}");
    let (status_of_hole, detail) = item(&items, "acl", "calc").unwrap();
    assert!(status_of_hole == "warning" && detail.contains("/closed/calc/providers"), "{items:?}");

    let _first = announce("/open/echo", "other", "open");
    let _theirs = announce("/open/calc", "other", "creator");
    let (items, root) = (check("/open"), format!("zk://{hosts}/open"));
    assert_eq!(status(&items, "announcing", &root).as_deref(), Some("ok"), "{items:?}");
    assert_eq!(status(&items, "announcing", "echo").as_deref(), Some("ok"), "{items:?}");
    let (status_of_theirs, detail) = item(&items, "announcing", "calc").unwrap();
    assert!(status_of_theirs == "warning" && detail.contains("/open/calc/providers"), "{items:?}");
    // What is as open as the root is not said again.
    assert_eq!(status(&items, "acl", &root).as_deref(), Some("warning"), "{items:?}");
    assert_eq!(status(&items, "acl", "echo"), None, "{items:?}");
}

#[test]
fn other_fleets_see_a_server_and_the_tools_see_them() {
    let Some(zookeeper) = zookeeper("other_fleets_see_a_server_and_the_tools_see_them") else { return };
    let target = format!("zk://{}/test/fast/echo", zookeeper.connect_string());
    let server = Fastserve::start(&["-a", &target, "--layouts", "fast,serverset:/aurora,thriftkeeper:/tk"]);
    for layouts in ["fast", "serverset:/aurora", "thriftkeeper:/tk", "fast,serverset:/aurora"] {
        let endpoints = run("fastctl", &["endpoints", &target, "--layouts", layouts, "-o", "json"]).json();
        let endpoints = endpoints["endpoints"].as_array().unwrap();
        assert_eq!(endpoints.len(), 1, "{layouts}");
        assert_eq!(endpoints[0]["address"], server.address(), "{layouts}");
        let listing = run("fastctl", &["ls", &target, "--layouts", layouts, "-o", "json"]).json();
        assert!(!listing["providers"].as_array().unwrap().is_empty(), "{layouts}");
        let set = format!("layouts={layouts}");
        assert_eq!(run("fastcall", &["--set", &set, &target, "echo", "[1]"]).data(), "{\"value\":1}\n");
    }
    let listing = run("fastctl", &["ls", &target, "--layouts", "serverset:/aurora", "-o", "json"]).json();
    assert_eq!(listing["providers"][0]["metrics"], server.admin());
    let wrong = run("fastctl", &["ls", &target, "--layouts", "etcd"]);
    assert!(wrong.code() == 2 && wrong.stderr.contains("thriftkeeper"), "{wrong:?}");
    server.signal(Signal::TERM);
    assert_eq!(server.finish().code(), 0);
    let gone =
        run("fastctl", &["endpoints", &target, "--layouts", "fast,serverset:/aurora,thriftkeeper:/tk"]);
    assert_eq!(gone.code(), 3, "{gone:?}");
}

#[test]
fn check_names_the_member_of_an_ensemble_that_is_away() {
    let mut ensemble = match ZooKeeperEnsemble::start() {
        Ok(ensemble) => ensemble,
        Err(why) => return eprintln!("skipped: check_names_the_member_of_an_ensemble_that_is_away: {why}"),
    };
    let registry = format!("zk://{}/fast", ensemble.direct_connect_string());
    let check = || {
        let ended = run("fastctl", &["check", &registry, "-o", "json"]);
        let checked: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        (ended.code(), checked["items"].as_array().unwrap().clone())
    };
    let modes = |items: &[Value], mode: &str| {
        let is = |item: &&Value| item["detail"].as_str().unwrap().starts_with(mode);
        items.iter().filter(is).count()
    };
    let (code, items) = check();
    assert_eq!((code, modes(&items, "leader"), modes(&items, "follower")), (0, 1, 2), "{items:?}");

    let leader = ensemble.leader().unwrap();
    let address = ensemble.server(leader).connect_string();
    ensemble.kill(leader);
    ensemble.wait_for_leader().unwrap();
    let (code, items) = check();
    assert_eq!((code, modes(&items, "leader"), modes(&items, "follower")), (6, 1, 1), "{items:?}");
    let failed: Vec<_> = items.iter().filter(|item| item["status"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{items:?}");
    assert_eq!(failed[0]["subject"], address);
}

/// Each service takes several answers, and all together must not take too long.
#[tokio::test(flavor = "multi_thread")]
async fn check_looks_at_many_services_of_a_registry_that_is_far_away() {
    const SERVICES: usize = 60;
    let Some(zookeeper) = zookeeper("check_looks_at_many_services_of_a_registry_that_is_far_away") else {
        return;
    };
    let listening = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listening.local_addr().unwrap().to_string();
    let session = Duration::from_secs(10);
    let registry = ZooKeeperRegistry::open(&[zookeeper.connect_string()], "/far", session);
    let record = Record { address, ..Record::of_this_process("test") };
    let announce = |number| {
        let service = format!("service-{number}").parse().unwrap();
        registry.announce(&service, Role::Provider, record.clone())
    };
    let announced: Vec<_> = (0..SERVICES).map(announce).collect();
    for announcement in &announced {
        announcement.registered().await.unwrap();
    }
    let proxy = ChaosProxy::start(zookeeper.connect_string()).unwrap();
    proxy.change(|plan| plan.to_server.latency = Duration::from_millis(40));
    let target = format!("zk://{}/far", proxy.address());
    let ended = run("fastctl", &["check", &target, "--tcp", "-o", "json"]);
    let checked: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
    let providers = checked["items"].as_array().unwrap().iter().filter(|item| item["check"] == "provider");
    assert_eq!((ended.code(), providers.count()), (0, SERVICES), "{ended:?}");
}
