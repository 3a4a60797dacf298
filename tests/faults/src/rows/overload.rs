//! More calls than can be answered.

use crate::clock::{now_us, pass};
use crate::ledger::{Ledger, failed, ok_percent, p99, quantile};
use crate::raw::{LIMIT, Raw, request};
use crate::report::{Report, Trouble};
use crate::rig::{Rig, target};
use libfast_protocol::Status;

/// As a server has it whose handlers use what there is little of.
const BUSY: &[&str] = &["--workers", "8", "--service-us", "10000", "--option", "concurrency=auto"];

/// Three times the capacity, then half of it.
pub fn threefold(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let servers = rig.servers(1, BUSY)?;
    let mut load = rig.load("load", &target(&servers), &["--rate", "100"])?;
    let began = now_us();
    pass(rig.choose(10.0, 1.0));
    let overloaded = now_us();
    load.process.tell("rate 2000")?;
    pass(rig.choose(30.0, 2.0));
    let relieved = now_us();
    load.process.tell("rate 300")?;
    pass(rig.choose(15.0, 4.0));
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;

    let service = quantile(ledger.during(began, overloaded), 0.5);
    report.figure("time of a call without overload", service, "ms");
    let capacity = 8.0 / service * 1e3;
    report.figure("offered, to what 8 workers can do", 2000.0 / capacity, "times");
    let seconds = (relieved - overloaded) as f64 / 1e6;
    let right = ledger.during(overloaded, relieved).filter(|entry| entry.is_ok()).count() as f64;
    let good = 100.0 * right / seconds / capacity;
    report.figure("right answers, to what 8 workers can do", good, "%").at_least(90.0);
    let tail = p99(ledger.during(overloaded, relieved)) / service;
    report.figure("p99 of right answers, to a call alone", tail, "times").at_most(5.0);
    let amplification = attempts_per_call(&ledger, overloaded, relieved);
    report.figure("attempts per call", amplification, "").at_most(1.25).in_test(3.0);
    let after = ok_percent(ledger.during(relieved + 2_000_000, u64::MAX));
    report.figure("right 2 s after the end of it", after, "%").at_least(100.0);
    let count = rig.choose(200_000, 2_000);
    let served = server_us(rig, "serving", &[], count, Status::End)?;
    let refused = server_us(rig, "refusing", &["--option", "max_inflight=1"], count, Status::Error)?;
    report.figure("processor time of the server for a request that is served", served, "µs");
    report.figure("for one that is refused", refused, "µs");
    report.figure("refused, to served", refused / served, "times");
    Ok(())
}

/// Microseconds of processor time in which a server ends a request of many in this way, behind one that does not end.
fn server_us(rig: &Rig, name: &str, arguments: &[&str], count: u32, how: Status) -> Result<f64, Trouble> {
    let server = rig.server(name, arguments)?;
    let mut raw = Raw::connect(&server.address)?;
    raw.write(&request(1, "forever", "[]"));
    let batch: Vec<u8> = (2..102).flat_map(|id| request(id, "echo", "[1]")).collect();
    let before = server.process.cpu_seconds();
    for _ in 0..count / 100 {
        raw.write(&batch);
        let mut open = 100;
        while open > 0 {
            let frame = raw.read(LIMIT).map_err(|verdict| format!("the server: {verdict:?}"))?;
            match frame.status {
                Status::Data => {}
                status if status == how => open -= 1,
                status => return Err(format!("a request to the {name} server got {status:?}").into()),
            }
        }
    }
    Ok((server.process.cpu_seconds() - before) * 1e6 / f64::from(count))
}

/// All servers refuse, then none.
pub fn storm(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let mut servers = rig.servers(5, &[])?;
    let load = rig.usual_load(&target(&servers))?;
    pass(rig.choose(10.0, 1.0));
    let from = now_us();
    for server in &mut servers {
        server.process.tell("fail refuse")?;
    }
    pass(rig.choose(30.0, 2.0));
    let to = now_us();
    for server in &mut servers {
        server.process.tell("fail no")?;
    }
    pass(rig.choose(15.0, 4.0));
    let ledger = load.finish(report)?;
    rig.universal(&ledger, 1_000.0, report)?;
    let sent = attempts_per_call(&ledger, from, to);
    report.figure("attempts per call meanwhile", sent, "").at_most(1.25).in_test(3.0);
    let last = ledger.during(to, u64::MAX).filter(|entry| !entry.is_ok()).map(|entry| entry.due_us).max();
    let recovery = last.map_or(0.0, |last| (last - to) as f64 / 1e6);
    report.figure("last failure after the end of it", recovery, "s").at_most(3.0).in_test(3.5);
    Ok(())
}

/// Nine clients that ask little, and one that asks for three times what there is.
pub fn greedy(rig: &Rig, report: &mut Report) -> Result<(), Trouble> {
    let servers = rig.servers(1, BUSY)?;
    let target = target(&servers);
    let modest: Vec<_> = (0..9)
        .map(|i| rig.load(&format!("modest-{i}"), &target, &["--rate", "20"]))
        .collect::<Result<_, _>>()?;
    pass(rig.choose(5.0, 0.5));
    let from = now_us();
    let greedy = rig.load("greedy", &target, &["--rate", "2000"])?;
    pass(rig.choose(20.0, 2.0));
    let to = now_us();
    greedy.finish(&mut Report::default())?;
    let (mut right, mut all) = (0.0, 0.0);
    for load in modest {
        let ledger = load.finish(&mut Report::default())?;
        all += ledger.during(from, to).count() as f64;
        right += ledger.during(from, to).count() as f64 - failed(ledger.during(from, to));
    }
    report.figure("calls of the others right", 100.0 * right / all, "%").at_least(99.0);
    Ok(())
}

fn attempts_per_call(ledger: &Ledger, from: u64, to: u64) -> f64 {
    let (calls, attempts) =
        ledger.during(from, to).fold((0, 0), |(calls, sum), entry| (calls + 1, sum + entry.picks.len()));
    attempts as f64 / f64::from(calls)
}
