//! Latency, jitter, bandwidth and splits. Only least times are asserted: a machine may always be slower.

use crate::support::{FOREVER, MS, Rig, numbered, other, rig_with, within};
use libfast_testkit::Direction;
use libfast_testkit::chaos::Plan;
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn latency_is_added_to_each_message_of_its_direction() {
    for direction in Direction::ALL {
        let rig = rig_with(direction, |faults| faults.latency = MS * 60).await;
        let mut peers = rig.connect().await;
        for _ in 0..3 {
            let start = Instant::now();
            peers.pass(direction, b"late").await;
            assert!(start.elapsed() >= MS * 60, "{:?}", start.elapsed());
        }
        // Nothing is added to the other direction, nor when the fault is gone.
        rig.proxy.change(|plan| plan.faults_mut(direction).latency = FOREVER);
        peers.pass(other(direction), b"quick").await;
        rig.proxy.clear();
        peers.pass(direction, b"quick").await;
    }
}

#[tokio::test]
async fn what_waits_keeps_its_delay_and_its_place_when_the_faults_change() {
    let rig = rig_with(Direction::ToServer, |faults| faults.latency = MS * 100).await;
    let mut peers = rig.connect().await;
    let start = Instant::now();
    peers.client.write_all(b"first ").await.unwrap();
    // It has been read when the kernel has nothing left of it; only the proxy knows, so let it be late at will.
    rig.proxy.change(|plan| plan.to_server.latency = MS * 50);
    peers.client.write_all(b"second").await.unwrap();
    let mut both = [0; 12];
    within(peers.server.read_exact(&mut both)).await.unwrap();
    assert_eq!(&both, b"first second");
    assert!(start.elapsed() >= MS * 50);
}

#[tokio::test]
async fn jitter_keeps_the_order() {
    for direction in Direction::ALL {
        let rig = rig_with(direction, |faults| (faults.latency, faults.jitter) = (MS, MS * 10)).await;
        let mut peers = rig.connect().await;
        let all = numbered(200_000);
        let (sender, receiver) = peers.ends(direction);
        let mut arrived = vec![0; all.len()];
        let sending = async {
            for message in all.chunks(100) {
                sender.write_all(message).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let ((), read) = within(async { tokio::join!(sending, receiver.read_exact(&mut arrived)) }).await;
        read.unwrap();
        assert!(arrived == all, "order or content has changed");
    }
}

#[tokio::test]
async fn bandwidth_is_not_exceeded() {
    for direction in Direction::ALL {
        let rig = rig_with(direction, |faults| faults.bandwidth = NonZeroU64::new(1_000_000)).await;
        let mut peers = rig.connect().await;
        let start = Instant::now();
        peers.pass(direction, &numbered(300_000)).await;
        // A burst may have 25 ms' worth.
        assert!(start.elapsed() >= MS * 275, "{:?}", start.elapsed());
        // The other direction is not limited: at this rate it would take a month.
        rig.proxy.change(|plan| plan.faults_mut(direction).bandwidth = NonZeroU64::new(1));
        peers.pass(other(direction), &numbered(3_000_000)).await;
    }
}

#[tokio::test]
async fn a_limit_that_is_lifted_holds_nobody_back() {
    let rig = rig_with(Direction::ToServer, |faults| faults.bandwidth = NonZeroU64::new(1)).await;
    let mut peers = rig.connect().await;
    peers.client.write_all(b"slow").await.unwrap();
    within(peers.server.read_exact(&mut [0; 1])).await.unwrap();
    rig.proxy.change(|plan| plan.to_server.bandwidth = None);
    within(peers.server.read_exact(&mut [0; 3])).await.unwrap();
}

#[tokio::test]
async fn a_split_makes_pieces() {
    for direction in Direction::ALL {
        for size in [1, 3] {
            let rig = rig_with(direction, |faults| {
                (faults.split, faults.split_pause) = (NonZeroUsize::new(size), FOREVER);
            })
            .await;
            let mut peers = rig.connect().await;
            let (sender, receiver) = peers.ends(direction);
            sender.write_all(b"piecemeal").await.unwrap();
            let mut piece = [0; 9];
            assert_eq!(within(receiver.read(&mut piece)).await.unwrap(), size);
            rig.proxy.change(|plan| plan.faults_mut(direction).split_pause = MS);
            let start = Instant::now();
            within(receiver.read_exact(&mut piece[size..])).await.unwrap();
            assert_eq!(&piece, b"piecemeal");
            let pauses = (9 - size).div_ceil(size) as u32 - 1;
            assert!(start.elapsed() >= MS * pauses);
        }
    }
}

#[tokio::test]
async fn single_bytes_are_the_same_bytes() {
    let mut plan = Plan::default();
    for direction in Direction::ALL {
        plan.faults_mut(direction).split = NonZeroUsize::new(1);
    }
    let rig = Rig::new(plan).await;
    let mut peers = rig.connect().await;
    for direction in Direction::ALL {
        assert!(peers.pass(direction, &numbered(50_000)).await == numbered(50_000));
    }
}

#[tokio::test]
async fn values_without_sense_do_no_harm() {
    let mut plan = Plan { storm: f64::NAN, ..Default::default() };
    for direction in Direction::ALL {
        let faults = plan.faults_mut(direction);
        (faults.latency, faults.jitter, faults.split_pause) = (Duration::MAX, Duration::MAX, Duration::MAX);
        (faults.split, faults.bandwidth) = (NonZeroUsize::new(usize::MAX), NonZeroU64::new(u64::MAX));
        faults.corruption.chance = f64::NEG_INFINITY;
    }
    let rig = Rig::new(plan).await;
    let mut peers = rig.connect().await;
    peers.client.write_all(b"for the day after tomorrow").await.unwrap();
    rig.proxy.change(|plan| (plan.to_client.latency, plan.to_client.jitter) = Default::default());
    peers.pass(Direction::ToClient, b"now").await;
    rig.proxy.cut();
    assert_eq!(within(peers.server.read(&mut [0; 1])).await.unwrap(), 0);
    assert_eq!(rig.proxy.counts().to_server.bytes, 0);
}
