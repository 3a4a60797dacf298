//! The registry is ill, and the servers are well.

use crate::clock::{now_us, pass};
use crate::ledger::{Ledger, failed};
use crate::report::{Report, Trouble};
use crate::rig::{LIMIT, Load, Rig, Server, wait_until};
use libfast::{Client, ClientOptions};
use libfast_registry::{Resolution, Resolver};
use libfast_testkit::{ZooKeeperEnsemble, ZooKeeperSettings};
use libfast_zookeeper::ZooKeeperRegistry;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const SERVICE: &str = "work";

/// An ensemble, servers that it lists, and a client that found them there.
pub(super) struct Cluster {
    pub ensemble: ZooKeeperEnsemble,
    pub servers: Vec<Server>,
    pub load: Load,
}

impl Cluster {
    /// Clients reach the ensemble directly, or as the servers do.
    pub fn start(rig: &Rig, servers: usize, direct_clients: bool) -> Result<Self, Trouble> {
        let ensemble = ensemble(rig)?;
        let announce = format!("announce={}", target(&ensemble.connect_string()));
        let session = session(rig);
        let servers = rig.servers(servers, &["--option", &announce, "--option", &session])?;
        let hosts = if direct_clients { ensemble.direct_connect_string() } else { ensemble.connect_string() };
        let cache = cache(rig);
        let rate = rig.choose("2000", "300");
        let arguments = ["--rate", rate, "--streams", "10", "--option", &session, "--option", &cache];
        let mut load = rig.load("load", &target(&hosts), &arguments)?;
        load.wait_for(&servers)?;
        Ok(Self { ensemble, servers, load })
    }

    /// Ends the load; adds what holds in each of these rows: no call fails and no server is given up.
    pub fn finish(mut self, rig: &Rig, report: &mut Report) -> Result<Ledger, Trouble> {
        let given_up = self.load.given_up(&self.servers)?;
        report.figure("servers given up", given_up as f64, "servers").at_most(0.0).always();
        let ledger = self.load.finish(report)?;
        rig.universal(&ledger, 1_000.0, report)?;
        report.figure("calls", ledger.calls().count() as f64, "calls");
        report.figure("of them failed", failed(ledger.calls()), "calls").at_most(0.0).in_test(2.0);
        Ok(ledger)
    }
}

/// SIGKILL to whoever leads, again and again.
pub fn leader(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let mut cluster = Cluster::start(rig, 3, false)?;
    let mut longest = 0.0;
    for _ in 0..rig.choose(10, 2) {
        let leader = cluster.ensemble.wait_for_leader()?;
        cluster.ensemble.kill(leader);
        let begun = Instant::now();
        cluster.ensemble.wait_for_leader()?;
        longest = f64::max(longest, begun.elapsed().as_secs_f64());
        pass(rig.choose(2.0, 0.5));
        cluster.ensemble.restart(leader)?;
    }
    report.figure("longest time without a leader", longest, "s").at_most(5.0);
    cluster.finish(rig, report)?;
    Ok(())
}

/// All members are killed, and started again with their data after longer than a session.
pub fn outage(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let mut cluster = Cluster::start(rig, 3, false)?;
    let before = sessions(&cluster.ensemble);
    report.figure("sessions", before.len() as f64, "").at_least(4.0).always();
    cluster.ensemble.kill_all();
    pass(rig.choose(60.0, 4.0));
    cluster.ensemble.restart_all()?;
    let begun = Instant::now();
    let mut after = sessions(&cluster.ensemble);
    while after.len() < before.len() && begun.elapsed() < LIMIT {
        pass(0.02);
        after.extend(sessions(&cluster.ensemble));
    }
    report.figure("all are connected again after", begun.elapsed().as_secs_f64(), "s").at_most(15.0);
    let lost = before.difference(&after).count();
    report.figure("sessions that did not come back", lost as f64, "").at_most(0.0).always();
    // Who was removed by an expiry would be by now.
    pass(rig.choose(20.0, 4.0));
    cluster.finish(rig, report)?;
    Ok(())
}

/// With the last list in a file, and without it.
pub fn cold_start(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let mut cluster = Cluster::start(rig, 3, false)?;
    let written = || {
        let files = rig.path("cache").read_dir().ok();
        files.is_some_and(|mut files| {
            files.any(|file| file.is_ok_and(|f| f.path().extension().is_some_and(|e| e == "json")))
        })
    };
    wait_until("the list is written", || Ok(written()))?;
    cluster.ensemble.kill_all();
    let to = target(&cluster.ensemble.connect_string());
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let begun = Instant::now();
        let with = client(&to, &[session(rig), cache(rig)])?;
        let ready = with.ready(LIMIT).await;
        let ready_ms = if ready.is_ok() { begun.elapsed().as_secs_f64() * 1e3 } else { f64::NAN };
        report.figure("ready with the last list after", ready_ms, "ms").at_most(500.0).in_test(5_000.0);

        let without = client(&to, &[session(rig), "registry_cache=off".into(), "timeout_ms=2000".into()])?;
        let begun = Instant::now();
        let error = without.call("work", [1]).await.err();
        report.figure("fails without it after", begun.elapsed().as_secs_f64() * 1e3, "ms").at_most(2_050.0);
        let says_where =
            error.is_some_and(|error| error.message().contains(&cluster.ensemble.connect_string()));
        report.figure("and says which ZooKeeper", f64::from(says_where), "").at_least(1.0).always();
        tokio::task::block_in_place(|| cluster.ensemble.restart_all())?;
        let begun = Instant::now();
        while without.call("work", [2]).await.is_err() && begun.elapsed() < LIMIT {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let healed = begun.elapsed().as_secs_f64();
        report.figure("heals after ZooKeeper is back in", healed, "s").at_most(5.0).in_test(20.0);
        Ok::<_, Trouble>(())
    })?;
    cluster.finish(rig, report)?;
    Ok(())
}

/// Nobody can tell the client; one it sees itself, the other it learns later.
pub fn unseen_change(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let mut cluster = Cluster::start(rig, 3, false)?;
    cluster.ensemble.kill_all();
    pass(rig.choose(10.0, 0.5));
    let dead = cluster.servers.remove(0);
    let killed_at = now_us();
    dead.process.signal(Signal::KILL)?;
    // Its supervisor starts another one at once, which serves and waits to be announced.
    let announce = format!("announce={}", target(&cluster.ensemble.connect_string()));
    let fresh = rig.server("fresh", &["--option", &announce, "--option", &session(rig)])?;
    pass(rig.choose(50.0, 3.0));
    cluster.ensemble.restart_all()?;
    let back_at = now_us();
    let mut load = cluster.load;
    load.wait_for(std::slice::from_ref(&fresh))?;
    pass(rig.choose(10.0, 0.5));
    let given_up = load.given_up(&cluster.servers)?;
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;
    report.figure("servers given up that live", given_up as f64, "servers").at_most(0.0).always();
    let last = ledger.picks_of(&dead.address).into_iter().next_back().unwrap_or(0);
    report
        .figure("last pick of the dead one after", last.saturating_sub(killed_at) as f64 / 1e6, "s")
        .at_most(1.0);
    let first = ledger
        .picks_of(&fresh.address)
        .first()
        .map_or(f64::NAN, |at| at.saturating_sub(back_at) as f64 / 1e6);
    report.figure("first pick of the new one after", first, "s").at_most(5.0).in_test(30.0);
    let idempotent = ledger.calls().filter(|entry| entry.kind == crate::ledger::Kind::Idempotent);
    report.figure("idempotent calls failed", failed(idempotent), "calls").at_most(0.0).in_test(2.0);
    Ok(())
}

/// The servers lose the ensemble for longer than their sessions, and the client does not.
pub fn mass_expiry(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let mut cluster = Cluster::start(rig, 5, true)?;
    let hosts: Vec<_> = cluster.ensemble.direct_connect_string().split(',').map(str::to_owned).collect();
    let members = 0..cluster.ensemble.size();
    let runtime = tokio::runtime::Runtime::new()?;
    let _within = runtime.enter();
    let registry = ZooKeeperRegistry::open(&hosts, "/fast", Duration::from_secs(10));
    let watch = registry.watch(&SERVICE.parse().map_err(|_| "no name")?);
    let listed = || match watch.current() {
        Resolution::Bound(providers) => providers.len(),
        _ => 0,
    };
    wait_until("all are listed", || Ok(listed() == 5))?;
    members.clone().for_each(|member| cluster.ensemble.stall(member));
    wait_until("all sessions expire", || Ok(listed() == 0))?;
    pass(rig.choose(20.0, 1.0));
    let given_up = cluster.load.given_up(&cluster.servers)?;
    report.figure("servers given up while none is listed", given_up as f64, "servers").at_most(0.0).always();
    members.for_each(|member| cluster.ensemble.mend(member));
    let begun = Instant::now();
    wait_until("all are listed again", || Ok(listed() == 5))?;
    report.figure("all are listed again after", begun.elapsed().as_secs_f64(), "s").at_most(15.0);
    pass(rig.choose(15.0, 1.0));
    cluster.finish(rig, report)?;
    Ok(())
}

/// Short sessions in the short form, so that longer outages are short.
fn session(rig: &Rig) -> String {
    format!("zookeeper_session_ms={}", session_ms(rig))
}

pub(super) fn session_ms(rig: &Rig) -> u64 {
    rig.choose(15_000, 2_000)
}

fn cache(rig: &Rig) -> String {
    format!("registry_cache_dir={}", rig.path("cache").display())
}

fn target(hosts: &str) -> String {
    format!("zk://{hosts}/fast/{SERVICE}")
}

pub(super) fn ensemble(rig: &Rig) -> Result<ZooKeeperEnsemble, Trouble> {
    let tick = Duration::from_millis(rig.choose(2_000, 500));
    Ok(ZooKeeperSettings { tick, ..Default::default() }.start_ensemble(3)?)
}

fn client(to: &str, options: &[String]) -> Result<Client, Trouble> {
    let pairs = options.iter().filter_map(|option| option.split_once('='));
    let options = ClientOptions::from_pairs(pairs).map_err(|error| error.to_string())?;
    Ok(Client::with_options(to, options).map_err(|error| error.to_string())?)
}

/// The ids of the sessions that are connected.
fn sessions(ensemble: &ZooKeeperEnsemble) -> BTreeSet<String> {
    let answers = (0..ensemble.size()).filter_map(|member| ensemble.server(member).ask("cons").ok());
    let ids = |answer: String| {
        let parts =
            answer.split("sid=0x").skip(1).map(|rest| rest.split(',').next().unwrap_or(rest).to_owned());
        parts.collect::<Vec<_>>()
    };
    answers.flat_map(ids).collect()
}
