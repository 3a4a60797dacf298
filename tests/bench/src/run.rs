//! The measurements, in turn.

use crate::contender::Contender;
use crate::options::Options;
use crate::process::Process;
use crate::results::{Measurement, Results};
use libfast_bench::Workload;
use serde_json::Value;

/// Each contender runs each workload once per round. What fails is said once, and left out.
pub fn run(contenders: &[Contender], options: &Options) -> Results {
    let mut results = Results::default();
    for round in 0..options.rounds {
        for workload in &options.workloads {
            for contender in contenders.iter().filter(|contender| contender.does(workload)) {
                match measure(contender, workload, options.seconds) {
                    Ok(report) => {
                        let (contender, workload) = (contender.name, workload.name);
                        results.0.push(Measurement { contender, workload, round, report });
                    }
                    Err(error) if round == 0 => {
                        eprintln!("bench: {}, {}: {error}", contender.name, workload.name);
                    }
                    Err(_) => {}
                }
            }
        }
    }
    results
}

/// One measurement: the client's report, with the CPU time of both sides.
///
/// That is divided by all calls made, also those of the warm-up, in which it was spent, too. It includes the start of the
/// process.
fn measure(contender: &Contender, workload: &Workload, seconds: f64) -> Result<Value, String> {
    let mut server = Process::start(&contender.server, &["server".into()])?;
    let port = server.port()?;
    let mut client = Process::start(&contender.client, &contender.arguments(port, workload, seconds))?;
    let mut report = client.report()?;
    for (side, process) in [("client", client), ("server", server)] {
        let seconds = process.finish()?;
        report[format!("{side}_cpu_s")] = seconds.into();
        if let Some(made) = report["made"].as_f64() {
            report[format!("{side}_cpu_us_per_call")] = (seconds * 1e6 / made).into();
        }
    }
    Ok(report)
}
