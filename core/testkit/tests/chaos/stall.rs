//! A network that is gone for a while.

use crate::support::{Rig, numbered, other, rest, rig_with, until, within};
use libfast_testkit::Direction;
use libfast_testkit::chaos::Plan;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn nothing_passes_while_it_is_stalled_and_nothing_is_lost() {
    for direction in Direction::ALL {
        let rig = Rig::new(Plan::default()).await;
        let mut peers = rig.connect().await;
        peers.talk().await;
        rig.proxy.change(|plan| plan.faults_mut(direction).stall = true);
        let before = rig.proxy.counts();
        peers.ends(direction).0.write_all(&numbered(1000)).await.unwrap();
        // The other direction has all the time it needs to show that this one passes nothing.
        for _ in 0..100 {
            peers.pass(other(direction), b"one way").await;
        }
        let blocked = peers.ends(direction).1.try_read(&mut [0; 1]).unwrap_err();
        assert_eq!(blocked.kind(), std::io::ErrorKind::WouldBlock);
        let counts = rig.proxy.counts();
        let bytes = |counts: libfast_testkit::chaos::Counts| match direction {
            Direction::ToServer => counts.to_server.bytes,
            Direction::ToClient => counts.to_client.bytes,
        };
        assert_eq!(bytes(counts), bytes(before));
        rig.proxy.change(|plan| plan.faults_mut(direction).stall = false);
        let mut arrived = vec![0; 1000];
        within(peers.ends(direction).1.read_exact(&mut arrived)).await.unwrap();
        assert_eq!(arrived, numbered(1000));
    }
}

/// More than all buffers hold: the sender waits, and its close comes after its last byte.
#[tokio::test]
async fn a_sender_waits_for_the_end_of_a_stall() {
    let rig = rig_with(Direction::ToServer, |faults| faults.stall = true).await;
    let mut peers = rig.connect().await;
    let all = numbered(32 << 20);
    let sending = async {
        peers.client.write_all(&all).await.unwrap();
        peers.client.shutdown().await.unwrap();
    };
    let receiving = async {
        rig.proxy.clear();
        rest(&mut peers.server).await
    };
    let ((), (arrived, end)) = within(async { tokio::join!(sending, receiving) }).await;
    assert_eq!(end, Ok(()));
    assert!(arrived == all, "something was lost");
}

#[tokio::test]
async fn new_connections_stall_too() {
    let mut plan = Plan::default();
    (plan.to_server.stall, plan.to_client.stall) = (true, true);
    let rig = Rig::new(plan).await;
    let mut client = TcpStream::connect(rig.proxy.address()).await.unwrap();
    client.write_all(b"anybody there?").await.unwrap();
    let (mut server, _) = within(rig.server.accept()).await.unwrap();
    until(|| rig.proxy.counts().open == 1).await;
    assert_eq!(rig.proxy.counts().to_server.bytes, 0);
    rig.proxy.clear();
    let mut question = [0; 14];
    within(server.read_exact(&mut question)).await.unwrap();
    assert_eq!(&question, b"anybody there?");
}

/// Orders are for stalled connections as well.
#[tokio::test]
async fn a_stalled_connection_can_be_reset() {
    let mut plan = Plan::default();
    (plan.to_server.stall, plan.to_client.stall) = (true, true);
    let rig = Rig::new(plan).await;
    let mut peers = rig.connect().await;
    rig.proxy.reset();
    crate::support::assert_reset(&mut peers.client).await;
    crate::support::assert_reset(&mut peers.server).await;
}
