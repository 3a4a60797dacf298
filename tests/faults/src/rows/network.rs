//! A network that loses packets: some of them, or all, or all of one way.

use crate::clock::{now_us, pass};
use crate::ledger::{Ledger, failed, ok_percent, p99, quantile_of};
use crate::network::Network;
use crate::report::{Report, Trouble};
use crate::rig::{Rig, Server, target};

/// All packets from and to one of five are lost: nobody closes, nobody answers.
pub fn half_open(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let rules = |host: &str| vec![format!("ip saddr {host} drop"), format!("ip daddr {host} drop")];
    let idle_closed_s = vanish(rig, report, rules)?;
    report.figure("idle connection closed by its client after", idle_closed_s, "s").at_most(8.0);
    Ok(())
}

/// The replies of one of five are lost: it goes on working.
pub fn one_way(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    vanish(rig, report, |host| vec![format!("ip saddr {host} drop")])?;
    Ok(())
}

/// After how many seconds an idle connection to it was closed; infinite if it never was.
fn vanish(rig: &Rig, report: &mut Report, rules: impl Fn(&str) -> Vec<String>) -> Result<f64, Trouble> {
    let network = Network::new()?;
    let rig = &rig.within(&network);
    let servers = servers(rig, 5)?;
    let load = rig.usual_load(&target(&servers))?;
    let patient = rig.load("patient", &target(&servers), &["--rate", "100", "--deadline-ms", "0"])?;
    // Its one call is over when the network breaks.
    let idle = rig.load("idle", &servers[0].address, &["--rate", "0.001"])?;
    pass(rig.choose(15.0, 1.0));
    let (from, open) = (now_us(), idle.process.descriptors());
    for rule in rules(host(&servers[0])) {
        network.lose(&rule)?;
    }
    let mut idle_closed_s = f64::INFINITY;
    for _ in 0..rig.choose(200, 20) {
        pass(0.1);
        // It goes on trying to connect, which takes a descriptor each time.
        if idle_closed_s.is_infinite() && idle.process.descriptors() < open {
            idle_closed_s = (now_us() - from) as f64 / 1e6;
        }
    }
    let kept = patient.finish(&mut Report::default())?;
    let ledger = load.finish(report)?;
    drop(idle);
    rig.universal(&ledger, 1_000.0, report)?;
    report
        .figure("calls sent there before", ledger.picks_of(&servers[0].address).len() as f64, "")
        .at_least(1.0)
        .always();
    report.figure("calls right", ok_percent(ledger.calls()), "%").at_least(99.9).in_test(80.0);
    report.figure("calls failed", failed(ledger.calls()), "calls");
    let there = |entry: &&crate::ledger::Entry| {
        entry.picks.iter().any(|(_, to)| *to == servers[0].address)
            && entry.end_us.is_none_or(|end| end > from)
    };
    let stuck = kept
        .calls()
        .filter(there)
        .map(|entry| entry.end_us.map_or(f64::INFINITY, |end| (end - from.max(entry.start_us)) as f64 / 1e6));
    report.figure("longest of a call there without a deadline", stuck.fold(0.0, f64::max), "s").at_most(7.0);
    Ok(idle_closed_s)
}

/// One packet of a hundred, then of twenty.
pub fn loss(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let network = Network::new()?;
    let rig = &rig.within(&network);
    let servers = servers(rig, 5)?;
    for (percent, right, slowest, in_test) in [(1, 99.99, 300.0, 99.0), (5, 99.5, 1_000.0, 80.0)] {
        let load =
            rig.load(&format!("load-{percent}"), &target(&servers), &["--rate", rig.choose("500", "200")])?;
        network.lose(&format!("numgen random mod 100 < {percent} drop"))?;
        pass(rig.choose(25.0, 2.0));
        network.heal()?;
        let ledger = load.finish(report)?;
        let name = |what: &str| format!("{what} with {percent} % lost");
        report.figure(&name("calls right"), ok_percent(ledger.calls()), "%").at_least(right).in_test(in_test);
        report.figure(&name("p99"), p99(ledger.calls()), "ms").at_most(slowest);
        let least = shares(&servers, &ledger, 0).into_iter().fold(f64::INFINITY, f64::min);
        report.figure(&name("least share of a server, to a fair one"), least, "");
    }
    Ok(())
}

/// Two of five are gone for a while.
pub fn partition(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let network = Network::new()?;
    let rig = &rig.within(&network);
    let servers = servers(rig, 5)?;
    let load = rig.usual_load(&target(&servers))?;
    // Streams stay where they went meanwhile, and are load there: calls of the same client then go where there are none.
    let even = rig.load("even", &target(&servers), &["--rate", rig.choose("500", "100")])?;
    pass(rig.choose(10.0, 1.0));
    let from = now_us();
    for server in &servers[..2] {
        network.lose(&format!("ip saddr {0} drop", host(server)))?;
        network.lose(&format!("ip daddr {0} drop", host(server)))?;
    }
    pass(rig.choose(30.0, 2.5));
    network.heal()?;
    let healed = now_us();
    pass(rig.choose(25.0, 1.5));
    let ledger = load.finish(report)?;
    let even = even.finish(&mut Report::default())?;
    rig.universal(&ledger, 1_000.0, report)?;
    report.figure("calls right", ok_percent(ledger.calls()), "%").at_least(99.9).in_test(70.0);
    let late = servers[..2].iter().flat_map(|server| ledger.picks_of(&server.address));
    let late = late.filter(|at| (from + 2_000_000..healed).contains(at)).count();
    report.figure("picks of them later than 2 s", late as f64, "picks");
    let failed = failed(ledger.during(from + 2_000_000, healed));
    report.figure("calls failed later than 2 s", failed, "calls").at_most(0.0);
    let mut shares = shares(&servers, &even, healed + 15_000_000);
    let [least, most] = [0.0, 1.0].map(|share| quantile_of(&mut shares[..2], share));
    report.figure("least share of them 15 s after without streams, to a fair one", least, "").at_least(0.9);
    report.figure("most share of them, to a fair one", most, "").at_most(1.1);
    Ok(())
}

/// The share of each server of the picks since then, to a fair one.
fn shares(servers: &[Server], ledger: &Ledger, since_us: u64) -> Vec<f64> {
    let picks = |server: &Server| {
        ledger.picks_of(&server.address).iter().filter(|at| **at >= since_us).count() as f64
    };
    let each: Vec<f64> = servers.iter().map(picks).collect();
    let fair = each.iter().sum::<f64>() / each.len() as f64;
    each.into_iter().map(|picks| picks / fair).collect()
}

/// Each at an address of its own.
fn servers(rig: &Rig, count: usize) -> Result<Vec<Server>, Trouble> {
    let server = |i| rig.server(&format!("server-{i}"), &["--option", &format!("listen=127.0.1.{i}:0")]);
    (1..=count).map(server).collect()
}

fn host(server: &Server) -> &str {
    server.address.split(':').next().unwrap_or_default()
}
