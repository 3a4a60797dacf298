//! Connections that break or crawl, by a proxy with faults in front of each server.

use crate::clock::pass;
use crate::ledger::{Kind, failed, ok_percent, p99};
use crate::raw::visit_ms;
use crate::report::{Report, Trouble};
use crate::rig::{Rig, Server};
use libfast_testkit::ChaosProxy;
use libfast_testkit::chaos::Plan;
use std::net::TcpStream;
use std::num::NonZeroUsize;
use std::time::Duration;
use tokio::runtime::Runtime;

/// A tenth of all connections is reset in each second. Then one server gets connections that are reset at once.
pub fn storm(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let (servers, runtime) = (rig.servers(5, &[])?, runtime()?);
    let _context = runtime.enter();
    let (proxies, target) = in_front_of(&servers)?;
    let load = rig.usual_load(&target)?;
    pass(rig.choose(5.0, 0.5));
    let storm = |share| proxies.iter().for_each(|proxy| proxy.change(|plan| plan.storm = share));
    let made = || proxies.iter().map(|proxy| proxy.counts().connections).sum::<u64>() as f64;
    // In the short form often enough to be seen.
    storm(rig.choose(0.1, 0.9));
    pass(rig.choose(5.0, 0.5));
    let (before, seconds) = (made(), rig.choose(25.0, 1.5));
    pass(seconds);
    let rate = (made() - before) / seconds / 5.0;
    storm(0.0);
    pass(rig.choose(5.0, 0.3));
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;
    let resets: u64 = proxies.iter().map(|proxy| proxy.counts().reset).sum();
    report.figure("connections reset", resets as f64, "").at_least(1.0).always();
    let idempotent = ledger.calls().filter(|entry| entry.kind == Kind::Idempotent);
    report.figure("idempotent calls right", ok_percent(idempotent), "%").at_least(99.9).in_test(95.0);
    report.figure("other calls failed", failed(ledger.calls().filter(|e| e.kind == Kind::Once)), "calls");
    report.figure("connections made again, per server", rate, "1/s").at_most(1.0);
    reset_after_accept(rig, &servers[0], report)
}

fn reset_after_accept(rig: &Rig, server: &Server, report: &mut Report) -> Result<(), Trouble> {
    let come_and_go = |count: u32| -> std::io::Result<()> {
        for _ in 0..count {
            socket2::SockRef::from(&TcpStream::connect(&server.address)?).set_linger(Some(Duration::ZERO))?;
        }
        Ok(())
    };
    come_and_go(rig.choose(5_000, 500))?;
    pass(0.3);
    let (idle, resident) = (server.process.descriptors(), server.process.resident_mib());
    come_and_go(rig.choose(100_000, 2_000))?;
    pass(0.5);
    let left = server.process.descriptors() as f64 - idle as f64;
    report.figure("descriptors left by connections reset at once", left, "").at_most(0.0).always();
    let grown = server.process.resident_mib() - resident;
    report.figure("memory left by them", grown, "MiB").at_most(0.5).in_test(8.0);
    report
        .figure("a new client is served after", visit_ms(&server.address), "ms")
        .at_most(100.0)
        .in_test(5_000.0);
    Ok(())
}

/// 100 ms more, 50 ms to and fro, and every byte in a segment of its own.
pub fn crawl(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let (servers, runtime) = (rig.servers(5, &[])?, runtime()?);
    let _context = runtime.enter();
    let (proxies, target) = in_front_of(&servers)?;
    let crawling = |plan: &mut Plan| {
        (plan.to_server.latency, plan.to_server.jitter) =
            (Duration::from_millis(50), Duration::from_millis(100));
        (plan.to_server.split, plan.to_client.split) = (NonZeroUsize::new(1), NonZeroUsize::new(1));
    };
    let load = rig.load("load", &target, &["--rate", "100", "--deadline-ms", "5000"])?;
    pass(rig.choose(10.0, 0.5));
    let from = crate::clock::now_us();
    proxies.iter().for_each(|proxy| proxy.change(crawling));
    pass(rig.choose(30.0, 2.0));
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 5_000.0, report)?;
    let wrong = |error: &String| error.starts_with("Protocol");
    let wrong = ledger.calls().filter(|entry| entry.error.as_ref().is_some_and(wrong)).count();
    report.figure("protocol errors", wrong as f64, "").at_most(0.0).always();
    report.figure("calls failed", failed(ledger.calls()), "calls").at_most(0.0).always();
    let more = p99(ledger.during(from + 200_000, u64::MAX)) - p99(ledger.during(0, from));
    report.figure("p99 beyond that before", more, "ms").at_most(165.0);
    Ok(())
}

fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

fn in_front_of(servers: &[Server]) -> std::io::Result<(Vec<ChaosProxy>, String)> {
    let proxies: Vec<_> =
        servers.iter().map(|server| ChaosProxy::start(server.address.clone())).collect::<Result<_, _>>()?;
    let addresses: Vec<_> = proxies.iter().map(|proxy| proxy.address().to_string()).collect();
    Ok((proxies, addresses.join(",")))
}
