//! The entry of a server is taken away, or cannot be made.

use super::zookeeper::{Cluster, session_ms};
use crate::clock::pass;
use crate::report::{Report, Trouble};
use crate::rig::{Rig, Server, wait_until};
use libfast::ServerOptions;
use libfast_registry::{Announcement, Announcer, Record, Role};
use libfast_testkit::{Secrets, ZooKeeperSettings};
use libfast_zookeeper::ZooKeeperRegistry;
use rustix::process::Signal;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use zookeeper_client::{Client, Error as ZkError};

const PROVIDERS: &str = "/fast/work/providers";
const PASSWORD: &str = "correct-horse-battery-staple";

/// Looks at the nodes themselves.
struct Nodes {
    runtime: Runtime,
    client: Client,
}

impl Nodes {
    fn of(hosts: &str) -> Result<Self, Trouble> {
        let runtime = Runtime::new()?;
        let client = runtime.block_on(Client::connect(hosts)).map_err(|error| error.to_string())?;
        Ok(Self { runtime, client })
    }

    /// The names of the servers below a root.
    fn providers(&self, root: &str) -> Result<Vec<String>, ZkError> {
        match self.runtime.block_on(self.client.list_children(&format!("{root}/work/providers"))) {
            // The folder of nobody is removed, too.
            Err(ZkError::NoNode) => Ok(Vec::new()),
            names => names,
        }
    }

    fn paths(&self) -> Vec<String> {
        let names = self.providers("/fast").unwrap_or_default();
        names.into_iter().map(|name| format!("{PROVIDERS}/{name}")).collect()
    }

    /// The nodes that have this address.
    fn of_address(&self, address: &str) -> usize {
        let has = |path: &String| {
            let data = self.runtime.block_on(self.client.get_data(path));
            data.is_ok_and(|(data, _)| Record::from_json(&data).is_ok_and(|record| record.address == address))
        };
        self.paths().iter().filter(|path| has(path)).count()
    }

    fn delete(&self, path: &str) -> Result<(), Trouble> {
        match self.runtime.block_on(self.client.delete(path, None)) {
            // Somebody was quicker, or put back what was in it.
            Ok(()) | Err(ZkError::NoNode | ZkError::NotEmpty) => Ok(()),
            Err(error) => Err(error.to_string().into()),
        }
    }

    /// Waits until all of them are listed, and says how long that took.
    fn back(&self, servers: &[Server]) -> Result<f64, Trouble> {
        let begun = Instant::now();
        let is_listed = |server: &Server| self.of_address(&server.address) == 1;
        wait_until("all are listed", || Ok(servers.iter().all(is_listed)))?;
        Ok(begun.elapsed().as_secs_f64())
    }
}

/// A server stands still for longer than its session.
pub fn expiry(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let cluster = Cluster::start(rig, 5, false)?;
    let nodes = Nodes::of(&cluster.ensemble.direct_connect_string())?;
    let Server { process, address, .. } = &cluster.servers[0];
    let begun = Instant::now();
    process.signal(Signal::STOP)?;
    wait_until("its session ends", || Ok(nodes.of_address(address) == 0))?;
    let session = session_ms(rig) as f64 / 1e3;
    let beyond = begun.elapsed().as_secs_f64() - session;
    report.figure("off the list after its session", beyond, "s").at_most(3.0).in_test(20.0);
    pass(rig.choose(5.0, 0.5));
    process.signal(Signal::CONT)?;
    let begun = Instant::now();
    wait_until("it is listed again", || Ok(nodes.of_address(address) > 0))?;
    report.figure("listed again after", begun.elapsed().as_secs_f64(), "s").at_most(5.0).in_test(30.0);
    let (begun, mut twice) = (Instant::now(), Duration::ZERO);
    while begun.elapsed() < rig.choose(Duration::from_secs(25), Duration::from_secs(1)) {
        let since = Instant::now();
        let is_twice = nodes.of_address(address) > 1;
        pass(0.02);
        if is_twice {
            twice += since.elapsed();
        }
    }
    report.figure("listed twice for", twice.as_secs_f64(), "s").at_most(20.0);
    let address = address.clone();
    let ledger = cluster.load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;
    let elsewhere = ledger.calls().filter(|entry| !entry.ended_at(&address));
    report
        .figure("calls failed at others", crate::ledger::failed(elsewhere), "calls")
        .at_most(0.0)
        .in_test(2.0);
    Ok(())
}

/// Somebody deletes the node of a server, and then all of them with their parent.
pub fn rogue(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let cluster = Cluster::start(rig, 3, false)?;
    let nodes = Nodes::of(&cluster.ensemble.direct_connect_string())?;
    nodes.back(&cluster.servers)?;
    let mut longest = 0.0;
    for _ in 0..rig.choose(10, 2) {
        nodes.delete(nodes.paths().first().ok_or("nobody is listed")?)?;
        longest = f64::max(longest, nodes.back(&cluster.servers)?);
    }
    report.figure("back after a deletion", longest, "s").at_most(2.0).in_test(20.0);
    let mut longest = 0.0;
    for _ in 0..rig.choose(10, 2) {
        for path in nodes.paths() {
            nodes.delete(&path)?;
        }
        nodes.delete(PROVIDERS)?;
        longest = f64::max(longest, nodes.back(&cluster.servers)?);
    }
    report.figure("back after one of all and the parent", longest, "s").at_most(2.0).in_test(20.0);
    pass(rig.choose(10.0, 0.5));
    cluster.finish(rig, report)?;
    Ok(())
}

/// Servers that start with what ZooKeeper does not accept, and one that runs when that happens.
pub fn access(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let secrets = Secrets::new()?;
    let settings = secrets.with_sasl(ZooKeeperSettings::default(), "fleet", PASSWORD);
    let (settings, secured) = secrets.with_tls(settings)?;
    let mut zookeeper = settings.start()?;
    let plain = zookeeper.connect_string();
    let runtime = Runtime::new()?;
    let owner = secrets.file("owner", &format!("digest owner:{PASSWORD}"));
    let _owned = runtime.block_on(own(&plain, &owner))?;

    let announce = |hosts: &str, root: &str| format!("announce=zk://{hosts}{root}/work");
    let auth = |name: &str, text: &str| format!("zookeeper_auth_file={}", secrets.file(name, text));
    let tls = |ca: String| {
        vec![
            announce(&secured, "/tls"),
            format!("zookeeper_ca_file={ca}"),
            format!("zookeeper_cert_file={}", secrets.cert_file()),
            format!("zookeeper_key_file={}", secrets.key_file()),
        ]
    };
    // The port with TLS opens after the other one.
    let _encrypted = rig.server("tls", &options(&tls(secrets.ca_file())))?;
    let nodes = Nodes::of(&plain)?;
    wait_until("a server is listed over TLS", || {
        Ok(nodes.providers("/tls").is_ok_and(|names| !names.is_empty()))
    })?;
    for (what, options, remedy) in [
        ("no credentials", vec![announce(&plain, "/owned")], "not authorized"),
        (
            "wrong digest",
            vec![announce(&plain, "/owned"), auth("digest", &format!("digest owner:not-{PASSWORD}"))],
            "zookeeper_auth_file",
        ),
        (
            "wrong SASL password",
            vec![announce(&plain, "/sasl"), auth("sasl", &format!("sasl fleet:not-{PASSWORD}"))],
            "zookeeper_auth_file",
        ),
        ("wrong CA", tls(secrets.other_ca_file()), "zookeeper_ca_file"),
    ] {
        let (took, said) = rig.refused_server(&self::options(&options))?;
        report.figure(&format!("{what}: told after"), took.as_secs_f64(), "s").at_most(5.0).in_test(15.0);
        let remedied = f64::from(said.contains(remedy));
        report.figure(&format!("{what}: and what to do"), remedied, "").at_least(1.0).always();
        let secret = f64::from(said.contains(PASSWORD));
        report.figure(&format!("{what}: and the secret"), secret, "").at_most(0.0).always();
    }

    // A password that is changed on one side first.
    let right = format!("sasl fleet:{PASSWORD}");
    let short = "zookeeper_session_ms=1000".to_owned();
    let rotated = [announce(&plain, "/rotated"), auth("rotated", &right), short];
    let mut server = rig.server("rotated", &options(&rotated))?;
    wait_until("it is listed", || Ok(nodes.providers("/rotated").is_ok_and(|names| !names.is_empty())))?;
    secrets.file("rotated", &format!("sasl fleet:not-{PASSWORD}"));
    // Longer than the session, of four seconds at least: as long as it lives the client comes back with what it knows.
    zookeeper.kill();
    pass(8.0);
    zookeeper.restart()?;
    let nodes = Nodes::of(&plain)?;
    let listed = || nodes.providers("/rotated");
    wait_until("its session ends", || Ok(listed().is_ok_and(|names| names.is_empty())))?;
    pass(rig.choose(20.0, 0.5));
    report
        .figure("a server that ran goes on", f64::from(server.process.is_alive()), "")
        .at_least(1.0)
        .always();
    secrets.file("rotated", &right);
    let begun = Instant::now();
    wait_until("it is listed again", || Ok(listed().is_ok_and(|names| !names.is_empty())))?;
    let took = begun.elapsed().as_secs_f64();
    report.figure("and is listed when it is put right, after", took, "s").at_most(40.0);
    Ok(())
}

/// A root that belongs to somebody else.
async fn own(hosts: &str, auth_file: &str) -> Result<Announcement, Trouble> {
    let mut options = ServerOptions::default();
    auth_file.clone_into(&mut options.zookeeper_auth_file);
    let registry = ZooKeeperRegistry::open(&[hosts.to_owned()], "/owned", options.zookeeper());
    let record = Record { address: "127.0.0.1:1".into(), ..Record::of_this_process("owner") };
    let service = "work".parse().map_err(|_| "no name")?;
    let announcement = registry.announce(&service, Role::Provider, record);
    announcement.registered().await.map_err(|error| error.to_string())?;
    Ok(announcement)
}

fn options(options: &[String]) -> Vec<&str> {
    options.iter().flat_map(|option| ["--option", option]).collect()
}
