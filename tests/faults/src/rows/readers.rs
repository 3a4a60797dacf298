//! Peers that do not read.

use crate::clock::{now_us, pass};
use crate::ledger::{failed, p99};
use crate::raw::{Raw, request};
use crate::report::{Report, Trouble};
use crate::rig::Rig;
use libfast_testkit::ChaosProxy;
use socket2::SockRef;
use std::io::Read;
use std::num::NonZeroU64;

/// Half of them read nothing, the others 1 KiB per second.
pub fn slow(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    // The short form does not last for as long as a server waits unless told otherwise.
    let server = rig.server("server", rig.choose(&[], &["--option", "send_timeout_ms=1000"]))?;
    let load = rig.load("load", &server.address, &["--rate", "300"])?;
    pass(rig.choose(10.0, 0.5));
    let (from, resident) = (now_us(), server.process.resident_mib());
    let many = rig.choose(100, 20);
    let others = server.process.descriptors();
    let mut readers = Vec::new();
    for _ in 0..many {
        let mut raw = Raw::connect(&server.address)?;
        // What the kernel keeps is not the server's.
        SockRef::from(&raw.stream).set_recv_buffer_size(4096)?;
        raw.write(&request(1, "flood", "[]"));
        raw.stream.set_nonblocking(true)?;
        readers.push(raw);
    }
    let mut most: f64 = 0.0;
    let closed = || f64::from(many) - server.process.descriptors().saturating_sub(others) as f64;
    // It ends when it has seen what it waits for. That may be a minute in the long form: asked for room, the system of a reader takes a
    // little of what nobody reads, the last time after some 26 seconds.
    for _ in 0..rig.choose(90, 20) {
        pass(1.0);
        for reader in readers.iter_mut().step_by(2) {
            let _ = reader.stream.read(&mut [0; 1024]);
        }
        most = most.max(server.process.resident_mib() - resident);
        if closed() >= f64::from(many / 2) {
            break;
        }
    }
    let (to, closed) = (now_us(), closed());
    report.figure("watched for", (to - from) as f64 / 1e6, "s");
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;
    report.figure("memory per slow reader", most / f64::from(many), "MiB").at_most(1.0).always();
    report.figure("memory of all", most, "MiB").at_most(256.0).always();
    report
        .figure("share of those closed that read nothing for 30 s", 200.0 * closed / f64::from(many), "%")
        .at_least(100.0)
        .always();
    report.figure("calls of others failed", failed(ledger.calls()), "calls").at_most(0.0);
    let ratio = p99(ledger.during(from, to)) / p99(ledger.during(0, from));
    report.figure("p99 of others, to that before", ratio, "times").at_most(1.2);
    Ok(())
}

/// One connection whose network takes 1 Mbit/s, of a peer that would read more.
pub fn narrow(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let server = rig.server("server", &[])?;
    let load = rig.load("load", &server.address, &["--rate", "300"])?;
    pass(rig.choose(10.0, 0.5));
    let (from, resident) = (now_us(), server.process.resident_mib());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let context = runtime.enter();
    let proxy = ChaosProxy::start(server.address.clone())?;
    proxy.change(|plan| plan.to_client.bandwidth = NonZeroU64::new(125_000));
    let mut raw = Raw::connect(&proxy.address().to_string())?;
    raw.write(&request(1, "flood", "[]"));
    let reading = raw.stream.try_clone()?;
    let reader = std::thread::spawn(move || std::io::copy(&mut { reading }, &mut std::io::sink()));
    let mut most: f64 = 0.0;
    for _ in 0..rig.choose(200, 15) {
        pass(0.1);
        most = most.max(server.process.resident_mib() - resident);
    }
    let to = now_us();
    raw.stream.shutdown(std::net::Shutdown::Both)?;
    let read = reader.join().ok().and_then(Result::ok).unwrap_or_default();
    drop((proxy, context));
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;
    let rate = read as f64 * 8.0 / ((to - from) as f64 / 1e6) / 1e6;
    report.figure("rate that came through", rate, "Mbit/s").at_most(1.3).always();
    report.figure("memory of the connection", most, "MiB").at_most(16.0).always();
    let ratio = p99(ledger.during(from, to)) / p99(ledger.during(0, from));
    report.figure("p99 of other connections, to that before", ratio, "times").at_most(1.2);
    Ok(())
}
