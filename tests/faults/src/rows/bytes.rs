//! Peers that send what no good peer sends.

use crate::clock::{now_us, pass};
use crate::ledger::{failed, p99, quantile_of};
use crate::raw::{LIMIT, Raw, Verdict, request, visit_ms};
use crate::report::{Report, Trouble};
use crate::rig::Rig;
use libfast_protocol::HEADER_BYTES;
use std::time::{Duration, Instant};

/// How often each costly message is sent: the middle time counts, since machines pause.
const TIMES: usize = 5;

/// Headers that promise more than anybody may send.
pub fn oversize(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let server = rig.server("server", &[])?;
    let load = rig.load("load", &server.address, &["--rate", "300"])?;
    pass(rig.choose(10.0, 0.5));
    let (from, resident) = (now_us(), server.process.resident_mib());
    let (mut open, mut closes) = (0, Vec::new());
    let begun = Instant::now();
    while begun.elapsed().as_secs_f64() < rig.choose(10.0, 0.5) {
        for length in [u32::MAX, (16 << 20) + 1] {
            let mut raw = Raw::connect(&server.address)?;
            let mut header = [2, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
            header[HEADER_BYTES - 4..].copy_from_slice(&length.to_be_bytes());
            raw.write(&header);
            let (verdict, took) = raw.verdict(1, LIMIT);
            open += usize::from(verdict != Verdict::Closed);
            closes.push(ms(took));
        }
        pass(0.002);
    }
    let grown = server.process.resident_mib() - resident;
    let to = now_us();
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;
    report.figure("headers sent per second", closes.len() as f64 / begun.elapsed().as_secs_f64(), "");
    report.figure("connections left open", open as f64, "").at_most(0.0).always();
    // The slowest of thousands tells of the machine, which pauses now and then; one in a hundred tells of the server.
    report.figure("closed after, the middle one", quantile_of(&mut closes, 0.5), "ms");
    report.figure("closed after, 99 of 100", quantile_of(&mut closes, 0.99), "ms").at_most(10.0);
    report.figure("closed after, the slowest", quantile_of(&mut closes, 1.0), "ms");
    report.figure("memory grown", grown, "MiB").at_most(1.0).in_test(8.0);
    report.figure("calls of others failed", failed(ledger.calls()), "calls").at_most(0.0).in_test(3.0);
    let ratio = p99(ledger.during(from, to)) / p99(ledger.during(0, from));
    report.figure("p99 of others, to that before", ratio, "times").at_most(1.1);
    Ok(())
}

/// Many connections on which a frame never gets whole.
pub fn slowloris(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    // The short form does not last for as long as a server waits unless told otherwise.
    let server = rig.server("server", rig.choose(&[], &["--option", "receive_timeout_ms=500"]))?;
    let many = rig.choose(5_000, 200);
    let idle = server.process.descriptors();
    let frame = request(1, "echo", "[1]");
    let mut slow: Vec<_> =
        (0..many).map(|_| Raw::connect(&server.address)).collect::<std::io::Result<_>>()?;
    slow.iter_mut().for_each(|raw| raw.write(&frame[..1]));
    report.figure("connections", f64::from(many), "");
    report
        .figure("a new client is served after", visit_ms(&server.address), "ms")
        .at_most(100.0)
        .in_test(5_000.0);
    pass(rig.choose(10.0, 1.0));
    slow.iter_mut().for_each(|raw| raw.write(&frame[1..2]));
    pass(rig.choose(5.0, 0.2));
    let open = server.process.descriptors().saturating_sub(idle);
    report.figure("still open after 15 s", open as f64, "").at_most(0.0).always();
    report.figure("memory of all", server.process.resident_mib(), "MiB");
    report
        .figure("a new client is served then after", visit_ms(&server.address), "ms")
        .at_most(100.0)
        .in_test(5_000.0);
    Ok(())
}

/// JSON that is costly to read.
pub fn bombs(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    // The handlers, and all that reads, are on the main thread, whose stack this limits.
    let mut server = rig.limited_server("server", &["--stack=262144"], &[])?;
    let keys: Vec<String> = (0..1_000_000).map(|key| format!("\"{key:x}\":0")).collect();
    let bombs = [
        ("arrays nested 100000 deep", format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))),
        ("objects nested 100000 deep", format!("[{}1{}]", "{\"a\":".repeat(100_000), "}".repeat(100_000))),
        ("arrays that never end", "[".repeat(1 << 20)),
        ("1000000 keys", format!("[{{{}}}]", keys.join(","))),
        ("1e999", "[1e999,-1e999]".to_owned()),
        ("half a surrogate pair", r#"["\ud800","\udc00x"]"#.to_owned()),
        ("the same key 100000 times", format!("[{{{}}}]", vec!["\"a\":1"; 100_000].join(","))),
    ];
    let (mut silent, mut largest) = (0, 0);
    for (name, bomb) in &bombs {
        // Its handler makes nothing of it, and its answer is short: what is measured is that the server reads it.
        let frame = request(1, "length", bomb);
        largest = largest.max(frame.len());
        let (mut times, mut verdicts) = (Vec::new(), Vec::new());
        let used = server.process.cpu_seconds();
        for _ in 0..TIMES {
            let mut raw = Raw::connect(&server.address)?;
            raw.write(&frame);
            let (verdict, took) = raw.verdict(1, LIMIT);
            silent += usize::from(verdict == Verdict::Silent);
            times.push(ms(took));
            verdicts.push(verdict);
        }
        if verdicts.iter().any(|verdict| *verdict != verdicts[0]) {
            return Err(format!("{name}: not always the same: {verdicts:?}").into());
        }
        let name = format!("{name}: {:?} after", verdicts[0]).to_lowercase();
        report.figure(&name, quantile_of(&mut times, 0.5), "ms").at_most(50.0);
        if frame.len() > 1 << 22 {
            let used = (server.process.cpu_seconds() - used) * 1e3 / TIMES as f64;
            report.figure("the slowest of these", quantile_of(&mut times, 1.0), "ms");
            report.figure("processor time for each, of the server", used, "ms").at_most(50.0);
            report.figure("its size", frame.len() as f64 / f64::from(1 << 20), "MiB");
        }
    }
    report.figure("neither answered nor refused", silent as f64, "").at_most(0.0).always();
    let ratio = server.process.peak_mib() / (largest as f64 / f64::from(1 << 20));
    report.figure("most memory, to the largest message", ratio, "times").at_most(4.0);
    let is_alive = server.process.is_alive() && visit_ms(&server.address).is_finite();
    report.figure("the server lives, on a stack of 256 KiB", f64::from(is_alive), "").at_least(1.0).always();
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
