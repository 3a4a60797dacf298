//! A server stops, and nobody closes its connections.

use crate::clock::{now_us, pass};
use crate::ledger::{Entry, Kind, failed, p99};
use crate::report::{Report, Trouble};
use crate::rig::{Rig, target};
use rustix::process::Signal;

/// Freezes one of five, and lets it go on.
pub fn run(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let servers = rig.servers(5, &[])?;
    let load = rig.usual_load(&target(&servers))?;
    pass(rig.choose(15.0, 1.0));
    let frozen_at = now_us();
    servers[0].process.signal(Signal::STOP)?;
    pass(rig.choose(20.0, 2.0));
    let thawed_at = now_us();
    servers[0].process.signal(Signal::CONT)?;
    pass(rig.choose(10.0, 1.0));
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;

    let frozen = || ledger.during(frozen_at - 100_000, thawed_at);
    let there = |entry: &&Entry| {
        let is_first = entry.picks.first().is_some_and(|(_, to)| *to == servers[0].address);
        is_first && entry.start_us <= frozen_at && entry.end_us.is_none_or(|end| end > frozen_at)
    };
    let under_way = frozen().filter(there).count();
    report.figure("calls under way there at that moment", under_way as f64, "calls");
    let elsewhere = frozen().filter(|entry| entry.is_ok() && entry.picks.len() > 1).count();
    report.figure("calls saved by a second attempt elsewhere", elsewhere as f64, "calls");
    let idempotent = frozen().filter(|entry| entry.kind == Kind::Idempotent);
    report.figure("idempotent calls failed", failed(idempotent), "calls");
    report.figure("calls failed", failed(frozen()), "calls").at_most(3.0).in_test(100.0);
    let picks = ledger.picks_of(&servers[0].address);
    let bad: Vec<_> = picks.iter().filter(|at| (frozen_at..thawed_at).contains(*at)).collect();
    let last = bad.last().map_or(0.0, |at| (**at - frozen_at) as f64 / 1e6);
    report.figure("last pick of it after", last, "s").at_most(0.2);
    report.figure("picks of it meanwhile", bad.len() as f64, "picks");
    let rest = |from, to| p99(ledger.during(from, to).filter(|entry| !entry.ended_at(&servers[0].address)));
    let ratio = rest(frozen_at, thawed_at) / rest(0, frozen_at);
    report.figure("p99 of the others, to that before", ratio, "times").at_most(1.2);
    let back =
        picks.iter().find(|at| **at >= thawed_at).map_or(f64::INFINITY, |at| (at - thawed_at) as f64 / 1e6);
    report.figure("used again after", back, "s").at_most(5.0);
    Ok(())
}
