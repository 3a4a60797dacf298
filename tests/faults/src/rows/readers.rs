//! Peers that do not read.

use crate::clock::{now_us, pass};
use crate::ledger::{failed, p99, quantile};
use crate::raw::{Raw, request};
use crate::report::{Report, Trouble};
use crate::rig::Rig;
use libfast_testkit::ChaosProxy;
use socket2::SockRef;
use std::io::Read;
use std::net::TcpStream;
use std::num::NonZeroU64;

/// Bytes that the system of a slow reader keeps for it. That is not the server's.
const ROOM: usize = 4096;

/// Half of them read nothing, the others 1 KiB per second.
pub fn slow(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    // The short form does not last for as long as a server waits unless told otherwise.
    let server = rig.server("server", rig.choose(&[], &["--option", "send_timeout_ms=1000"]))?;
    let load = rig.load("load", &server.address, &["--rate", "300"])?;
    pass(rig.choose(10.0, 0.5));
    let (from, resident) = (now_us(), server.process.resident_mib());
    let many = rig.choose(100, 20);
    let mut readers = Vec::new();
    for number in 0..many {
        let reads = number % 2 == 0;
        let mut raw = match reads {
            // With the usual room its system would have enough for it to read for a minute.
            true => Raw::connect_with_room(&server.address, ROOM)?,
            // Made small later, so that the system is asked for room again and again, and takes a little of what nobody reads.
            false => Raw::connect(&server.address)?,
        };
        SockRef::from(&raw.stream).set_recv_buffer_size(ROOM)?;
        raw.write(&request(1, "flood", "[]"));
        raw.stream.set_nonblocking(true)?;
        readers.push((raw, reads));
    }
    let (mut most, mut closed): (f64, [u32; 2]) = (0.0, [0; 2]);
    // It ends when it has seen what it waits for.
    for _ in 0..rig.choose(90, 20) {
        pass(1.0);
        most = most.max(server.process.resident_mib() - resident);
        closed = [0; 2];
        for (reader, reads) in &mut readers {
            let is_closed = is_reset(&reader.stream);
            if *reads && !is_closed {
                let _ = reader.stream.read(&mut [0; 1024]);
            }
            closed[usize::from(*reads)] += u32::from(is_closed);
        }
        if closed[0] == many / 2 {
            break;
        }
    }
    let to = now_us();
    report.figure("those that read nothing all closed after", (to - from) as f64 / 1e6, "s").at_most(36.0);
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;
    report.figure("memory per slow reader", most / f64::from(many), "MiB").at_most(1.0).always();
    report.figure("memory of all", most, "MiB").at_most(256.0).always();
    let share = 200.0 * f64::from(closed[0]) / f64::from(many);
    report.figure("share of those closed that read nothing for 30 s", share, "%").at_least(100.0).always();
    report.figure("of those that read 1 KiB per second, closed", closed[1].into(), "").at_most(0.0);
    report.figure("calls of others failed", failed(ledger.calls()), "calls").at_most(0.0);
    let ratio = p99(ledger.during(from, to)) / p99(ledger.during(0, from));
    report.figure("p99 of others, to that before", ratio, "times").at_most(1.2);
    report.figure("longest of others", quantile(ledger.during(from, to), 1.0), "ms");
    Ok(())
}

/// Whether its peer has reset it.
fn is_reset(stream: &TcpStream) -> bool {
    stream.peer_addr().is_err()
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
