//! Connections that come and go, or come and stay, until there is no room.

use crate::clock::{now_us, pass};
use crate::ledger::{failed, p99};
use crate::raw::{Raw, visit, visit_ms};
use crate::report::{Report, Trouble};
use crate::rig::Rig;
use rustix::process::{Resource, Rlimit, prlimit};
use std::time::{Duration, Instant};

/// Connect, call, close, as fast as two threads can.
pub fn churn(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let server = rig.server("server", &[])?;
    let load = rig.load("load", &server.address, &["--rate", "300"])?;
    pass(rig.choose(10.0, 0.5));
    let (from, resident, idle) = (now_us(), server.process.resident_mib(), server.process.descriptors());
    let (begun, limit) = (Instant::now(), Duration::from_secs_f64(rig.choose(30.0, 1.0)));
    let (visits, refused) = std::thread::scope(|scope| {
        let visitor = || {
            let (mut visits, mut refused) = (0, 0);
            while begun.elapsed() < limit {
                visits += 1;
                refused += u32::from(visit(&server.address).is_none());
            }
            (visits, refused)
        };
        let threads = [scope.spawn(visitor), scope.spawn(visitor)];
        threads
            .map(|thread| thread.join().unwrap_or((0, 1)))
            .into_iter()
            .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    });
    let to = now_us();
    let mut left = usize::MAX;
    for _ in 0..100 {
        left = server.process.descriptors().saturating_sub(idle);
        if left == 0 {
            break;
        }
        pass(0.05);
    }
    let grown = server.process.resident_mib() - resident;
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;
    report
        .figure("connections with a call, of two threads", f64::from(visits) / limit.as_secs_f64(), "1/s")
        .at_least(2_000.0);
    report.figure("of them not served", f64::from(refused), "").at_most(0.0).always();
    report.figure("descriptors left", left as f64, "").at_most(0.0).always();
    report.figure("memory grown", grown, "MiB").at_most(2.0).in_test(8.0);
    let ratio = p99(ledger.during(from, to)) / p99(ledger.during(0, from));
    report.figure("p99 of a steady client, to that before", ratio, "times").at_most(2.0);
    Ok(())
}

/// More connections than the server may have descriptors.
pub fn descriptors(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let server = rig.server("server", &[])?;
    let few = Rlimit { current: Some(256), maximum: Some(256) };
    prlimit(Some(server.process.pid()), Resource::Nofile, few)
        .map_err(|error| format!("prlimit: {error}"))?;
    let load = rig.load("load", &server.address, &["--rate", "50"])?;
    let seconds = rig.choose(20.0, 1.0);
    let cpu = |seconds: f64| {
        let before = server.process.cpu_seconds();
        pass(seconds);
        100.0 * (server.process.cpu_seconds() - before) / seconds
    };
    let before = cpu(seconds);
    // More than that would wait for others to be accepted.
    let crowd: Vec<_> = (0..300).map(|_| Raw::connect(&server.address)).collect::<std::io::Result<_>>()?;
    pass(0.2);
    report
        .figure("descriptors of the server", server.process.descriptors() as f64, "")
        .at_least(256.0)
        .always();
    let meanwhile = cpu(seconds);
    report.figure("CPU time beyond that before", meanwhile - before, "%").at_most(10.0);
    drop(crowd);
    report
        .figure("a new client is served after", visit_ms(&server.address), "ms")
        .at_most(1_000.0)
        .in_test(5_000.0);
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;
    report
        .figure("calls of a client that was there failed", failed(ledger.calls()), "calls")
        .at_most(0.0)
        .always();
    Ok(())
}
