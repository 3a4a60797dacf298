//! What a call takes, counted: system calls, context switches, allocations.
//!
//! Each load is run twice, for a short and for a longer time, and the difference is divided by the difference in calls: what a
//! process does to begin and to end is in both.

use crate::contender::{Contender, root};
use crate::process::Process;
use crate::results::{Failure, Results};
use crate::run::PATIENCE;
use libfast_bench::Workload;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The loads that are counted.
const COUNTED: [&str; 5] = ["lat", "1x64", "1x256", "16x16", "50x1"];
/// perf's names of what it counts, which does not slow down what is counted.
const EVENTS: &str = "raw_syscalls:sys_enter,context-switches";
/// Seconds for which the first run measures, and at least so many more for the second.
const SHORT: f64 = 0.05;
const LONGER: f64 = 1.0;
const SIDES: [&str; 2] = ["client", "server"];

/// Of one side, for each call; null for what cannot be counted here.
#[derive(Serialize, Deserialize)]
pub struct Count {
    pub contender: String,
    pub workload: String,
    pub side: String,
    pub system_calls: Option<f64>,
    pub context_switches: Option<f64>,
    pub allocations: Option<f64>,
    pub allocated_bytes: Option<f64>,
}

/// Counts the loads of these contenders.
pub fn run(contenders: &[&Contender], seconds: f64, results: &mut Results) -> Result<(), String> {
    let counter = Counter::new()?;
    for workload in COUNTED {
        for contender in contenders {
            match counter.count(contender, Workload::find(workload)?, seconds) {
                Ok(counts) => results.counts.extend(counts),
                Err(error) => {
                    let (contender, workload) = (contender.name.into(), format!("counts of {workload}"));
                    results.failed(Failure { contender, workload, round: 0, error });
                }
            }
        }
    }
    Ok(())
}

struct Counter {
    perf: bool,
    preloaded: Option<PathBuf>,
    folder: PathBuf,
}

/// What a process did until its end, in the order of [`Count`].
type Totals = [Option<f64>; 4];

impl Counter {
    fn new() -> Result<Self, String> {
        let perf = Command::new("perf").args(["stat", "-e", EVENTS, "true"]).stderr(Stdio::null()).status();
        let perf = perf.is_ok_and(|status| status.success());
        if !perf {
            eprintln!(
                "bench: system calls and context switches are not counted: `perf stat -e {EVENTS} true` fails"
            );
        }
        let folder = root().join(".build/bench/counts");
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let preloaded = Some(root().join(".build/bench/allocations.so")).filter(|path| path.exists());
        if preloaded.is_none() {
            eprintln!("bench: allocations are not counted: `make bench` builds what counts them");
        }
        Ok(Self { perf, preloaded, folder })
    }

    fn count(&self, contender: &Contender, workload: &Workload, seconds: f64) -> Result<Vec<Count>, String> {
        let (few, before) = self.totals(contender, workload, SHORT)?;
        let (many, after) = self.totals(contender, workload, SHORT + seconds.max(LONGER))?;
        let calls = many - few;
        if calls < few / 2.0 {
            return Err(format!(
                "{few} calls in a short time and {many} in a long one: the machine has other work"
            ));
        }
        let count = |side: usize| {
            let of = |i: usize| {
                after[side][i].zip(before[side][i]).map(|(after, before)| (after - before) / calls)
            };
            Count {
                contender: contender.name.into(),
                workload: workload.name.into(),
                side: SIDES[side].into(),
                system_calls: of(0),
                context_switches: of(1),
                allocations: of(2),
                allocated_bytes: of(3),
            }
        };
        Ok(vec![count(0), count(1)])
    }

    /// Calls made, and what client and server did for them.
    fn totals(
        &self,
        contender: &Contender,
        workload: &Workload,
        seconds: f64,
    ) -> Result<(f64, [Totals; 2]), String> {
        let [client, server] = [&contender.client, &contender.server];
        let mut server = Process::start(&self.watched(server, SIDES[1]), &["server".into()], PATIENCE)?;
        let arguments = contender.arguments(server.port()?, workload, seconds);
        let mut client = Process::start(&self.watched(client, SIDES[0]), &arguments, PATIENCE)?;
        let made = client.report(|_| {})?["made"].as_f64().ok_or("no number of calls")?;
        client.finish()?;
        server.finish()?;
        Ok((made, SIDES.map(|side| self.read(side))))
    }

    /// The program, run by what counts.
    fn watched(&self, program: &[String], side: &str) -> Vec<String> {
        let file = |kind| self.folder.join(format!("{side}.{kind}")).display().to_string();
        let mut all: Vec<String> = Vec::new();
        if self.perf {
            all.extend(["perf", "stat", "-x,", "-e", EVENTS, "-o"].map(Into::into));
            all.extend([file("perf"), "--".into()]);
        }
        if let Some(preloaded) = &self.preloaded {
            all.extend(["env".into(), format!("LD_PRELOAD={}", preloaded.display())]);
            all.push(format!("ALLOCATIONS={}", file("allocations")));
        }
        all.extend_from_slice(program);
        all
    }

    fn read(&self, side: &str) -> Totals {
        let text = |counts: bool, kind| {
            let path: &Path = &self.folder.join(format!("{side}.{kind}"));
            counts.then(|| std::fs::read_to_string(path).ok()).flatten().unwrap_or_default()
        };
        let (perf, allocations) = (text(self.perf, "perf"), text(self.preloaded.is_some(), "allocations"));
        let event =
            |name: &str| perf.lines().find(|line| line.contains(name))?.split(',').next()?.parse().ok();
        let number = |i: usize| allocations.split_whitespace().nth(i)?.parse().ok();
        [event("sys_enter"), event("context-switches"), number(0), number(1)]
    }
}
