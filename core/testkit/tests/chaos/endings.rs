//! How connections end, seen by the peers on both sides.

use crate::support::{Peers, Rig, assert_closed, assert_reset, numbered, other, rest, rig_with, until};
use libfast_testkit::Direction;
use libfast_testkit::chaos::{Ending, Plan};
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn reset_is_seen_by_both() {
    let rig = Rig::new(Plan::default()).await;
    let mut peers = rig.connect().await;
    peers.talk().await;
    rig.proxy.reset();
    assert_reset(&mut peers.client).await;
    assert_reset(&mut peers.server).await;
    until(|| rig.proxy.counts().open == 0).await;
    assert_eq!(rig.proxy.counts().reset, 1);
    // Later connections are none of those that were meant.
    rig.connect().await.talk().await;
}

/// Closing a socket with something unread would be RST, not the end of the stream.
#[tokio::test]
async fn cut_is_the_end_for_both_whatever_is_on_its_way() {
    let rig = Rig::new(Plan::default()).await;
    let mut peers = rig.connect().await;
    peers.talk().await;
    rig.proxy.change(|plan| (plan.to_server.stall, plan.to_client.stall) = (true, true));
    peers.client.write_all(b"unread").await.unwrap();
    peers.server.write_all(b"unread").await.unwrap();
    rig.proxy.cut();
    assert_closed(&mut peers.client).await;
    assert_closed(&mut peers.server).await;
    drop(peers);
    until(|| rig.proxy.counts().open == 0).await;
    assert_eq!((rig.proxy.counts().cut, rig.proxy.counts().reset), (1, 0));
}

#[tokio::test]
async fn half_close_is_the_end_of_one_direction_after_all_that_was_sent() {
    for direction in Direction::ALL {
        let rig = rig_with(direction, |faults| faults.latency = crate::support::MS * 20).await;
        let mut peers = rig.connect().await;
        let back = other(direction);
        peers.talk().await;
        peers.ends(direction).0.write_all(b"last words").await.unwrap();
        // Closing right now would be a race with these words.
        peers.ends(direction).1.read_exact(&mut [0; 4]).await.unwrap();
        rig.proxy.half_close(direction);
        assert_eq!(rest(peers.ends(direction).1).await, (b" words".to_vec(), Ok(())));
        assert_eq!(peers.pass(back, b"still here").await, b"still here");
        peers.ends(direction).0.write_all(b"to nobody").await.unwrap();
        until(|| passed(&rig, direction).discarded == 9).await;
        assert_eq!(peers.pass(back, b"yes").await, b"yes");
        assert_eq!((passed(&rig, direction).half_closed, passed(&rig, back).half_closed), (1, 0));
        drop(peers);
        until(|| rig.proxy.counts().open == 0).await;
    }
}

#[tokio::test]
async fn a_connection_ends_after_so_many_bytes_and_not_one_more() {
    let ends = [
        (Ending::Cut, Ok(())),
        (Ending::Reset, Err(ErrorKind::ConnectionReset)),
        (Ending::HalfClose, Ok(())),
    ];
    for direction in Direction::ALL {
        for (ending, end) in ends {
            let rig = rig_with(direction, |faults| faults.end_after = Some((1000, ending))).await;
            let mut peers = rig.connect().await;
            assert_eq!(peers.pass(direction, &numbered(400)).await, numbered(400));
            assert_eq!(peers.pass(other(direction), &numbered(4000)).await, numbered(4000));
            let (sender, receiver) = peers.ends(direction);
            sender.write_all(&numbered(4000)).await.unwrap();
            assert_eq!(rest(receiver).await, (numbered(600), end), "{ending:?}");
            match ending {
                Ending::HalfClose => {
                    assert_eq!(peers.pass(other(direction), b"alive").await, b"alive");
                    until(|| passed(&rig, direction).discarded == 3400).await;
                }
                _ => assert_eq!(rest(sender).await.1, end, "{ending:?}"),
            }
            assert_eq!(passed(&rig, direction).bytes, 1000);
        }
    }
}

#[tokio::test]
async fn what_is_over_the_limit_already_ends_at_once() {
    let rig = Rig::new(Plan::default()).await;
    let mut peers = rig.connect().await;
    peers.talk().await;
    rig.proxy.change(|plan| plan.to_client.end_after = Some((3, Ending::Reset)));
    assert_reset(&mut peers.client).await;
    assert_reset(&mut peers.server).await;
}

/// Without faults the proxy adds none: what one peer does, the other one sees.
#[tokio::test]
async fn what_peers_do_themselves_passes() {
    let rig = Rig::new(Plan::default()).await;
    for direction in Direction::ALL {
        let mut peers = rig.connect().await;
        peers.talk().await;
        let (sender, receiver) = peers.ends(direction);
        sender.write_all(b"that is all").await.unwrap();
        sender.shutdown().await.unwrap();
        assert_eq!(rest(receiver).await, (b"that is all".to_vec(), Ok(())));
        assert_eq!(peers.pass(other(direction), b"bye").await, b"bye");
        peers.ends(other(direction)).0.shutdown().await.unwrap();
        assert_closed(peers.ends(other(direction)).1).await;

        let Peers { client, server } = rig.connect().await;
        let (closed, mut open) =
            if direction == Direction::ToServer { (client, server) } else { (server, client) };
        closed.set_zero_linger().unwrap();
        drop(closed);
        assert_reset(&mut open).await;
    }
    until(|| rig.proxy.counts().open == 0).await;
    let counts = rig.proxy.counts();
    assert_eq!((counts.connections, counts.cut, counts.reset), (4, 0, 0));
}

#[tokio::test]
async fn a_storm_hits_connections_until_it_is_over() {
    let rig = Rig::new(Plan::default()).await;
    let mut all = vec![];
    for _ in 0..50 {
        all.push(rig.connect().await);
    }
    // Half of them within the first second, so one will do.
    rig.proxy.change(|plan| plan.storm = 0.5);
    until(|| rig.proxy.counts().reset > 0).await;
    rig.proxy.change(|plan| plan.storm = 0.0);
    all[0].client.writable().await.unwrap();
    rig.connect().await.talk().await;
    rig.proxy.change(|plan| plan.storm = 1.0);
    for peers in &mut all {
        assert_reset(&mut peers.client).await;
        assert_reset(&mut peers.server).await;
    }
}

fn passed(rig: &Rig, direction: Direction) -> libfast_testkit::chaos::Passed {
    let counts = rig.proxy.counts();
    if direction == Direction::ToServer { counts.to_server } else { counts.to_client }
}
