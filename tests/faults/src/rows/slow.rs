//! Servers that answer, but badly.

use crate::clock::{now_us, pass};
use crate::ledger::{Ledger, failed, ok_percent, p99};
use crate::report::{Report, Trouble};
use crate::rig::{Rig, Server, target};

/// One of ten is slow.
pub fn one_of_ten(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let slowed = changed(rig, report, 10, 1, "service-us 50000")?;
    report.figure("p99, to that of all healthy", slowed.p99_ratio(), "times").at_most(1.1);
    report.figure("share of the slow one", slowed.share_percent(), "%").at_most(0.1).in_test(5.0);
    Ok(())
}

/// Two of four are slow: any best of two draws both of them at times.
pub fn two_of_four(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let slowed = changed(rig, report, 4, 2, "service-us 50000")?;
    report.figure("p99, to that of all healthy", slowed.p99_ratio(), "times").at_most(1.3);
    report.figure("share of the slow ones", slowed.share_percent(), "%").at_most(25.0).always();
    Ok(())
}

/// One of ten fails quicker than the others work, which looks like the best latency.
pub fn black_hole(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let failing = changed(rig, report, 10, 1, "fail refuse")?;
    report.figure("share of the failing one", failing.share_percent(), "%").at_most(0.1).in_test(8.0);
    let failed = 100.0 - ok_percent(failing.ledger.during(failing.from_us, u64::MAX));
    report.figure("calls failed", failed, "%").at_most(0.05).in_test(1.0);
    Ok(())
}

/// A load, some of whose servers were changed.
struct Changed {
    ledger: Ledger,
    bad: Vec<Server>,
    from_us: u64,
}

fn changed(rig: &Rig, report: &mut Report, count: usize, bad: usize, how: &str) -> Result<Changed, Trouble> {
    let mut servers = rig.servers(count, &[])?;
    let rate = rig.choose("1000", "300");
    let load = rig.load("load", &target(&servers), &["--rate", rate])?;
    pass(rig.choose(20.0, 1.0));
    let from_us = now_us();
    for server in &mut servers[..bad] {
        server.process.tell(how)?;
    }
    pass(rig.choose(30.0, 2.0));
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;
    report
        .figure("calls failed before", failed(ledger.during(0, from_us)), "calls")
        .at_most(0.0)
        .in_test(3.0);
    servers.truncate(bad);
    Ok(Changed { ledger, bad: servers, from_us })
}

impl Changed {
    /// The first second after the change is learning, and the first after the start as well.
    fn p99_ratio(&self) -> f64 {
        let start = self.ledger.entries.first().map_or(0, |entry| entry.due_us);
        let healthy = p99(self.ledger.during(start + 500_000, self.from_us));
        p99(self.ledger.during(self.from_us + 1_000_000, u64::MAX)) / healthy
    }

    fn share_percent(&self) -> f64 {
        let all: usize = self.ledger.during(self.from_us, u64::MAX).map(|entry| entry.picks.len()).sum();
        let picks = self.bad.iter().flat_map(|server| self.ledger.picks_of(&server.address));
        100.0 * picks.filter(|at| *at >= self.from_us).count() as f64 / all as f64
    }
}
