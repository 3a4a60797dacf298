//! A server dies in the middle of its work.

use crate::clock::{now_us, pass};
use crate::ledger::{Kind, ok_percent, p99};
use crate::report::{Report, Trouble};
use crate::rig::{Rig, target, wait_until};
use rustix::process::Signal;

/// Kills one of five.
pub fn one(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let servers = rig.servers(5, &[])?;
    let load = rig.usual_load(&target(&servers))?;
    pass(rig.choose(20.0, 1.0));
    // On a busy machine one that began slowly gets no calls for some seconds.
    wait_until("the one that dies is called", || rig.has_run("server-0"))?;
    let killed_at = now_us();
    servers[0].process.signal(Signal::KILL)?;
    pass(rig.choose(20.0, 1.5));
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;

    let dead = &servers[0].address;
    let idempotent = ledger.calls().filter(|entry| entry.kind == Kind::Idempotent);
    report.figure("idempotent calls right", ok_percent(idempotent), "%").at_least(99.99).in_test(99.0);
    let once = || ledger.calls().filter(|entry| entry.kind == Kind::Once);
    let there = |entry: &&crate::ledger::Entry| {
        let picked = entry.picks.iter().any(|(at, to)| to == dead && *at <= killed_at + 50_000);
        picked && entry.end_us.is_none_or(|end| end >= killed_at)
    };
    let wrong = once().filter(|entry| !entry.is_ok()).count() as f64;
    let in_flight = once().filter(there).count() as f64;
    report
        .figure("other calls failed, beyond those under way there", (wrong - in_flight).max(0.0), "calls")
        .at_most(0.0)
        .always();
    // Without any of them the row would say nothing.
    let before = ledger.picks_of(dead).iter().filter(|at| **at < killed_at).count();
    report.figure("calls sent there before", before as f64, "calls").at_least(1.0).always();
    let broken: Vec<u64> =
        ledger.streams().filter(|entry| entry.ended_at(dead)).filter_map(|entry| entry.end_us).collect();
    report.figure("streams broken", broken.len() as f64, "streams").at_least(1.0).always();
    let broken = broken.into_iter();
    let latest = broken.map(|end| end.saturating_sub(killed_at) as f64 / 1e3).fold(0.0, f64::max);
    report.figure("last stream there told", latest, "ms").at_most(50.0);
    let late = ledger.picks_of(dead).iter().filter(|at| **at > killed_at + 100_000).count();
    report.figure("picks of it more than 100 ms later", late as f64, "picks").at_most(0.0);
    let before = p99(ledger.during(0, killed_at));
    let after = p99(ledger.during(killed_at, killed_at + 1_000_000));
    report.figure("p99 of the next second, to that before", after / before, "times").at_most(3.0);
    Ok(())
}
