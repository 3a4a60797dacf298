//! Many connections, and nothing left of them.

use crate::support::{Rig, assert_closed, rest, until};
use libfast_testkit::Direction;
use libfast_testkit::chaos::Plan;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;

/// Each of these connections takes four descriptors of this process.
fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}

#[tokio::test]
async fn a_thousand_connections_talk_and_leave_no_task_behind() {
    raise_limit();
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = alive();
    let rig = Rig::new(Plan::default()).await;
    let mut all = vec![];
    for _ in 0..1000 {
        all.push(rig.connect().await);
    }
    for peers in &mut all {
        peers.talk().await;
    }
    let counts = rig.proxy.counts();
    assert_eq!((counts.connections, counts.open, counts.to_server.bytes), (1000, 1000, 5000));
    // Those whose peers close them go by themselves, the others with the proxy.
    all.truncate(500);
    until(|| rig.proxy.counts().open == 500).await;
    until(|| alive() == before + 501).await;
    rig.proxy.close().await;
    assert_eq!(alive(), before);
    for peers in &mut all {
        assert_closed(&mut peers.client).await;
        assert_closed(&mut peers.server).await;
    }
}

#[tokio::test]
async fn dropping_it_ends_it_whatever_its_connections_do() {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = alive();
    let mut rig = Rig::new(Plan::default()).await;
    let mut stalled = rig.connect().await;
    stalled.talk().await;
    rig.proxy.change(|plan| plan.to_server.stall = true);
    let mut cut = rig.connect().await;
    cut.client.write_all(b"unread").await.unwrap();
    rig.proxy.cut();
    rig.proxy = libfast_testkit::ChaosProxy::start("127.0.0.1:1").unwrap();
    until(|| alive() == before + 1).await;
    assert!(rest(&mut stalled.server).await.0.is_empty());
    assert!(rest(&mut cut.client).await.0.is_empty());
    for direction in Direction::ALL {
        drop(rest(stalled.ends(direction).0).await);
    }
}
