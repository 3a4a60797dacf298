//! A folder full of what nobody can use. Alone in its process: it looks at its memory.

mod support;

use libfast_registry::{Resolution, Resolver};
use libfast_testkit::ZooKeeperSettings;
use std::time::{Duration, Instant};
use support::*;
use zookeeper_client::{Acls, Client, CreateMode};

const GOOD: u16 = 100;
const SMALL: usize = 10_060;
const LARGE: usize = 40;
/// As much as ZooKeeper takes with what belongs to it.
const MIB: usize = (1 << 20) - 1_000;

/// The most memory that was resident since this was asked last, in MiB.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak = line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0;
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    peak
}

async fn fill(client: &Client, folder: &str, nodes: impl Iterator<Item = (String, Vec<u8>)>) {
    let persistent = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let nodes: Vec<_> = nodes.map(|(name, data)| (format!("{folder}/{name}"), data)).collect();
    for some in nodes.chunks(200) {
        // Sent when they are made, so all of these are on their way together.
        let requests: Vec<_> =
            some.iter().map(|(path, data)| client.create(path, data, &persistent)).collect();
        for request in requests {
            request.await.unwrap();
        }
    }
}

#[tokio::test]
async fn of_ten_thousand_nodes_the_good_ones_are_served_and_the_others_counted() {
    // It keeps all of it in memory.
    let server = ZooKeeperSettings { java: vec!["-Xmx512m".into()], ..Default::default() }.start().unwrap();
    let client = raw(&server).await;
    let folder = format!("{ROOT}/junk/providers");
    client.mkdir(&folder, &CreateMode::Persistent.with_acls(Acls::anyone_all())).await.unwrap();
    // Of more than ten thousand those are looked at first that are named as entries are, though all others come before them.
    let good = (1..=GOOD).map(|port| {
        // What later versions add, up to 4 KiB in all.
        let extra = "x".repeat(2 << 10);
        let text = format!(r#"{{"address":"10.0.0.1:{port}","v":2,"later":"{extra}"}}"#);
        (format!("{port:032x}.0"), text.into_bytes())
    });
    let junk: [&dyn Fn(usize) -> Vec<u8>; 6] = [
        &|_| vec![b'x'; 2 << 10],
        &|_| br#"{"address":"10.0.0.1:2030""#.to_vec(),
        &|n| format!(r#"{{"address":"no port {n}"}}"#).into_bytes(),
        &|_| br#"{"address":["10.0.0.1:1"]}"#.to_vec(),
        &|_| br#"{"address":"10.0.0.1:0"}"#.to_vec(),
        &|_| vec![0xff; 100],
    ];
    let small = (0..SMALL).map(|n| (format!("0-{n}"), junk[n % junk.len()](n)));
    fill(&client, &folder, good.chain(small)).await;
    for n in 0..LARGE {
        fill(&client, &folder, std::iter::once((format!("-{n}"), vec![b'x'; MIB]))).await;
    }

    peak_mib();
    let before = peak_mib();
    let start = Instant::now();
    let registry = registry(&server, Duration::from_secs(10));
    let mut watch = registry.watch(&service("junk"));
    let all: Vec<u16> = (1..=GOOD).collect();
    until_listed(&mut watch, &all).await;
    let more = peak_mib() - before;
    eprintln!(
        "measured: right of {} nodes after {:?}, {more:.0} MiB more",
        SMALL + LARGE + all.len(),
        start.elapsed()
    );
    // 32 of the large ones are read at a time.
    assert!(more < 100.0, "{more} MiB more");
    // Ten thousand are looked at, and the last by name of the others are not.
    assert_eq!(watch.condition().borrow().skipped, 10_000 - all.len());
    let Resolution::Bound(_) = watch.current() else { panic!("{:?}", watch.current()) };
    // Junk is read once, and who comes among it is seen.
    let _entry = announced(&registry, "junk", GOOD + 1).await;
    until_listed(&mut watch, &(1..=GOOD + 1).collect::<Vec<_>>()).await;
    assert!(registry.skipped() <= 10_000);
}
