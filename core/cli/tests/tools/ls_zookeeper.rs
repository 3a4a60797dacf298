//! The tools on a real ZooKeeper.

use super::support::*;
use libfast_testkit::ChaosProxy;
use libfast_testkit::chaos::Admission;
use rustix::process::Signal;
use serde_json::json;
use std::time::{Duration, Instant};

fn ls(target: &str) -> Ended {
    run("fastctl", &["ls", target, "-o", "json"])
}

#[test]
fn a_service_of_zookeeper_is_announced_listed_called_and_withdrawn() {
    let Some(zookeeper) = zookeeper("a_service_of_zookeeper_is_announced_listed_called_and_withdrawn") else {
        return;
    };
    let registry = format!("zk://{}/test/fast", zookeeper.connect_string());
    let target = format!("{registry}/echo");
    // Nothing is there yet, not even the root.
    assert_eq!(ls(&target).json()["providers"], json!([]));
    let server = Fastserve::start(&["-a", &target, "--zone", "z"]);
    let listing = ls(&target).json();
    let provider = &listing["providers"][0];
    assert_eq!(provider["address"], server.address());
    assert_eq!((&provider["zone"], &provider["pid"]), (&json!("z"), &json!(server.id())));
    let expected = json!([{"service": "echo", "providers": 1, "consumers": 0}]);
    for whole in [&registry, &format!("{registry}/")] {
        let listing = ls(whole).json();
        assert_eq!((&listing["registry"], &listing["services"]), (&json!(registry), &expected));
    }
    assert_eq!(run("fastcall", &[&target, "echo", "[1]"]).data(), "{\"value\":1}\n");
    server.signal(Signal::TERM);
    assert_eq!(server.finish().code(), 0);
    assert_eq!(ls(&target).json()["providers"], json!([]));
}

/// What a session has listed stays until it ends, and ZooKeeper keeps it in memory.
#[test]
fn tools_that_have_ended_leave_no_session() {
    let Some(zookeeper) = zookeeper("tools_that_have_ended_leave_no_session") else { return };
    let target = format!("zk://{}/test/fast/echo", zookeeper.connect_string());
    let _server = Fastserve::start(&["-a", &target]);
    let sessions = || {
        let answer = zookeeper.ask("mntr").unwrap();
        let line = answer.lines().find_map(|line| line.strip_prefix("zk_global_sessions")).unwrap();
        line.trim().parse::<u32>().unwrap()
    };
    let before = sessions();
    for _ in 0..5 {
        assert_eq!(run("fastcall", &[&target, "echo", "[1]"]).data(), "{\"value\":1}\n");
        ls(&target).data();
    }
    assert_eq!(run("fastbench", &["-n", "10", &target, "echo", "[1]"]).code(), 0);
    assert_eq!(sessions(), before);
    assert_eq!(ls(&target).json()["consumers"], json!([]));
}

#[test]
fn a_zookeeper_that_does_not_answer_is_3_in_bounded_time() {
    let Some(mut zookeeper) = zookeeper("a_zookeeper_that_does_not_answer_is_3_in_bounded_time") else {
        return;
    };
    zookeeper.stop_process();
    let start = Instant::now();
    let ended = ls(&format!("zk://{}/fast/echo", zookeeper.connect_string()));
    assert_eq!(ended.code(), 3, "{ended:?}");
    assert!(ended.stderr.contains(&zookeeper.connect_string()), "{ended:?}");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

/// What an operator has to put right may show only when something else is right again.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_tells_each_reason_why_it_is_not_listed() {
    let Some(zookeeper) = zookeeper("a_server_tells_each_reason_why_it_is_not_listed") else { return };
    let target = |hosts: &str| format!("zk://{hosts}/closed/echo");
    let mut announce = tool("fastctl");
    announce.args(["announce", &target(&zookeeper.connect_string()), "127.0.0.1:1", "--unchecked"]);
    announce.args(["--set", "zookeeper_acl=creator"]).env("FAST_ZOOKEEPER_AUTH", "digest fleet:secret");
    let _owner = Fastserve::of(start(&mut announce));

    let proxy = ChaosProxy::start(zookeeper.connect_string()).unwrap();
    proxy.change(|plan| plan.admission = Admission::Refuse);
    let mut server = Fastserve::start(&["-a", &target(&proxy.address().to_string())]);
    let away = server.says();
    assert!(away.contains("not announced") && away.contains("cannot be reached"), "{away}");
    proxy.clear();
    let refused = server.says();
    assert!(refused.contains("not announced") && refused.contains("ACL"), "{refused}");
}
