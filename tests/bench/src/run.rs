//! The measurements, in turn.

use crate::contender::Contender;
use crate::options::Options;
use crate::process::{Process, cpu_seconds};
use crate::results::{Failure, Results, Run};
use libfast_bench::Workload;
use serde_json::{Map, Value};
use std::time::Duration;

/// Beyond what it measures for, a client may take so long to start, to connect, and to end.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Each contender runs each workload once per round. What fails is said once, and kept as failed.
pub fn run(contenders: &[Contender], options: &Options, results: &mut Results) {
    for round in 0..options.rounds {
        for workload in &options.workloads {
            for contender in contenders.iter().filter(|contender| contender.does(workload)) {
                let (name, load) = (contender.name.to_owned(), workload.name.to_owned());
                match measure(contender, workload, options.seconds) {
                    Ok(figures) => {
                        results.runs.push(Run { contender: name, workload: load, round, figures });
                    }
                    Err(error) => results.failed(Failure { contender: name, workload: load, round, error }),
                }
            }
        }
    }
}

/// One measurement: the client's report, with the CPU time of both sides.
///
/// `client_cpu_s`, `server_cpu_s` are those of the whole processes, and are divided by all calls made, also those of the
/// warm-up. Clients that say when the measured time begins and ends also get `client_window_us`, `server_window_us`: what a call
/// took within it.
pub fn measure(
    contender: &Contender,
    workload: &Workload,
    seconds: f64,
) -> Result<Map<String, Value>, String> {
    let limit = PATIENCE + Duration::from_secs_f64(seconds);
    // Many addresses of this machine are only listened on by who listens on all.
    let host = (workload.endpoints > 1).then(|| "0.0.0.0".into());
    let arguments: Vec<String> = ["server".into()].into_iter().chain(host).collect();
    let mut server = Process::start(&contender.server, &arguments, limit)?;
    let port = server.port()?;
    let mut client = Process::start(&contender.client, &contender.arguments(port, workload, seconds), limit)?;
    let ids = [client.id(), server.id()];
    let mut marks = Vec::new();
    let mut report = client.report(|_| marks.push(ids.map(cpu_seconds)))?;
    let (calls, made) = (report["calls"].as_f64().unwrap_or(0.0), report["made"].as_f64());
    if calls == 0.0 {
        return Err("no call was counted: measure for longer".into());
    }
    if let [began, ended] = marks.as_slice() {
        for (side, (began, ended)) in ["client", "server"].iter().zip(began.iter().zip(ended)) {
            let took = ended.zip(*began).map(|(ended, began)| (ended - began) * 1e6 / calls);
            report[format!("{side}_window_us")] = took.into();
        }
    }
    for (side, process) in [("client", client), ("server", server)] {
        let seconds = process.finish()?;
        report[format!("{side}_cpu_s")] = seconds.into();
        if let Some(made) = made {
            report[format!("{side}_cpu_us_per_call")] = (seconds * 1e6 / made).into();
        }
    }
    match report {
        Value::Object(figures) => Ok(figures),
        other => Err(format!("the client printed {other} instead of an object")),
    }
}
