//! All servers are started again, one after the other.

use crate::clock::pass;
use crate::ledger::{Kind, Ledger, failed, ok_percent, p99};
use crate::report::{Report, Trouble};
use crate::rig::{Rig, Server, target};
use rustix::process::Signal;
use std::time::Duration;

/// With SIGTERM, found in a registry, and at addresses that the client was given.
pub fn orderly(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let service = format!("dir://{}/work", rig.path("registry").display());
    let announce = format!("announce={service}");
    let servers = rig.servers(5, &["--option", &announce])?;
    let listed = roll(rig, report, servers, &service, Signal::TERM)?;
    rig.universal(&listed.ledger, 1_000.0, report)?;
    report.figure("calls, found in a registry", listed.ledger.calls().count() as f64, "calls");
    let wrong = failed(listed.ledger.calls());
    report.figure("of them failed", wrong, "calls").at_most(0.0).in_test(20.0);
    report.figure("p99, to that before", listed.p99_ratio(), "times").at_most(2.0);
    report.figure("longest drain", listed.longest_end, "s").at_most(10.0);

    let servers: Vec<_> =
        (5..10).map(|i| rig.server(&format!("server-{i}"), &[])).collect::<Result<_, _>>()?;
    let to = target(&servers);
    let fixed = roll(rig, report, servers, &to, Signal::TERM)?;
    let wrong = failed(fixed.ledger.calls());
    report.figure("failed of as many at fixed addresses", wrong, "calls").at_most(0.0).in_test(100.0);
    Ok(())
}

/// With SIGKILL.
pub fn killed(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let servers = rig.servers(5, &[])?;
    let to = target(&servers);
    let killed = roll(rig, report, servers, &to, Signal::KILL)?;
    rig.universal(&killed.ledger, 1_000.0, report)?;
    let idempotent = killed.ledger.calls().filter(|entry| entry.kind == Kind::Idempotent);
    report.figure("idempotent calls right", ok_percent(idempotent), "%").at_least(99.99).in_test(98.0);
    Ok(())
}

struct Rolled {
    ledger: Ledger,
    from_us: u64,
    longest_end: f64,
}

impl Rolled {
    fn p99_ratio(&self) -> f64 {
        p99(self.ledger.during(self.from_us, u64::MAX)) / p99(self.ledger.during(0, self.from_us))
    }
}

fn roll(
    rig: &Rig,
    report: &mut Report,
    mut servers: Vec<Server>,
    target: &str,
    signal: Signal,
) -> Result<Rolled, Trouble> {
    let load = rig.load("load", target, &["--rate", rig.choose("2000", "300")])?;
    pass(rig.choose(5.0, 0.5));
    let from_us = crate::clock::now_us();
    let mut longest_end = 0.0;
    for _ in 0..rig.choose(3, 1) {
        for server in &mut servers {
            server.process.signal(signal)?;
            let took = server.process.wait(Duration::from_secs(40))?;
            longest_end = f64::max(longest_end, took.as_secs_f64());
            server.restart()?;
            pass(rig.choose(1.5, 0.3));
        }
    }
    Ok(Rolled { ledger: load.finish(report)?, from_us, longest_end })
}
