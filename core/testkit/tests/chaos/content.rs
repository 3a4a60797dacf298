//! What arrives: the same bytes, or other ones where that is wanted.

use crate::support::{MS, Peers, Rig, numbered, other, rig_with, within};
use libfast_testkit::Direction;
use libfast_testkit::chaos::{ChaosSettings, Corruption, Flip, Plan};
use std::num::{NonZeroU64, NonZeroUsize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Where two byte strings differ.
fn differences(a: &[u8], b: &[u8]) -> Vec<u64> {
    assert_eq!(a.len(), b.len());
    (0..a.len()).filter(|at| a[*at] != b[*at]).map(|at| at as u64).collect()
}

#[tokio::test]
async fn corruption_changes_the_bytes_it_is_told_to_and_no_other() {
    for direction in Direction::ALL {
        for flip in [Flip::Bit, Flip::Byte] {
            let places = vec![0, 17, 70_000, 99_999];
            let corruption = Corruption { places: places.clone(), flip, ..Default::default() };
            let rig = rig_with(direction, |faults| faults.corruption = corruption).await;
            // Places count for each connection.
            for _ in 0..2 {
                let mut peers = rig.connect().await;
                let arrived = peers.pass(direction, &numbered(100_000)).await;
                assert_eq!(differences(&numbered(100_000), &arrived), places);
                assert!(peers.pass(other(direction), &numbered(100_000)).await == numbered(100_000));
            }
            let counts = rig.proxy.counts();
            assert_eq!(counts.to_server.corrupted + counts.to_client.corrupted, 8);
        }
    }
}

#[tokio::test]
async fn corruption_by_chance_is_counted_repeats_with_its_seed_and_ends() {
    let corruption = Corruption { chance: 0.001, ..Default::default() };
    let mut plan = Plan::default();
    plan.to_client.corruption = corruption;
    let mut seen = vec![];
    for seed in [1, 1, 2] {
        let rig = Rig::with(ChaosSettings { seed, plan: plan.clone(), ..Default::default() }).await;
        let mut peers = rig.connect().await;
        let arrived = peers.pass(Direction::ToClient, &numbered(200_000)).await;
        let changed = differences(&numbered(200_000), &arrived);
        assert!((100..300).contains(&changed.len()), "{} of 200 000 at 0.1 %", changed.len());
        assert_eq!(rig.proxy.counts().to_client.corrupted, changed.len() as u64);
        rig.proxy.clear();
        assert!(peers.pass(Direction::ToClient, &numbered(200_000)).await == numbered(200_000));
        seen.push(arrived);
    }
    assert!(seen[0] == seen[1] && seen[0] != seen[2]);
}

/// Everything at once that may not change the stream, while it changes itself all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_that_come_and_go_leave_the_stream_as_it_is() {
    let rig = Rig::with(ChaosSettings { seed: 5, ..Default::default() }).await;
    let Peers { client, server } = rig.connect().await;
    let all = numbered(4 << 20);
    let both_ways = |stream: tokio::net::TcpStream| {
        let all = all.clone();
        async move {
            let (mut reader, mut writer) = stream.into_split();
            let mut arrived = vec![0; all.len()];
            let (sent, read) = tokio::join!(writer.write_all(&all), reader.read_exact(&mut arrived));
            sent.unwrap();
            read.unwrap();
            assert!(arrived == all, "order or content has changed");
        }
    };
    let ends = [tokio::spawn(both_ways(client)), tokio::spawn(both_ways(server))];
    let mut rng = fastrand::Rng::with_seed(5);
    within(async {
        while !ends.iter().all(|end| end.is_finished()) {
            rig.proxy.change(|plan| {
                for direction in Direction::ALL {
                    let faults = plan.faults_mut(direction);
                    faults.latency = MS * rng.u32(..3);
                    faults.jitter = MS * rng.u32(..3);
                    faults.bandwidth = NonZeroU64::new(rng.u64(..2) * 10_000_000);
                    faults.split = NonZeroUsize::new(rng.usize(..2) * rng.usize(1..5000));
                    faults.stall = rng.u8(..4) == 0;
                }
            });
            tokio::time::sleep(MS * 2).await;
        }
    })
    .await;
    for end in ends {
        end.await.unwrap();
    }
}
