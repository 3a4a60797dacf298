//! `fastbench`: makes load, and measures how it is borne.
//!
//! [`options`] and [`plan`] say what to do. A [`load`] does it, with one [`worker`] per thread; what these counted
//! becomes [`figures`], and these a [`report`].

mod bars;
mod baseline;
mod busy;
mod classic;
mod expected;
mod failure;
mod figures;
mod hgrm;
mod keys;
mod live;
mod load;
mod number;
mod objective;
mod options;
mod plan;
mod report;
mod run;
mod schedule;
mod screen;
mod spread;
mod tally;
mod timer;
mod worker;

pub use options::Options;

use crate::exit::{self, Exit};
use crate::output;
use baseline::Baseline;
use figures::Figures;
use libfast::{Error, ErrorKind, Result, VERSION};
use objective::{Objective, Verdict};
use options::Format;
use plan::Plan;
use report::Report;
use run::{Interrupts, Ran};
use spread::Spread;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Measures and reports.
pub async fn run(options: &Options) -> Exit {
    let exit = match Task::of(options) {
        Ok(task) => task.run(options).await.unwrap_or_else(|error| fail(&error)),
        Err(message) => return refuse(&message),
    };
    match (options.classic_exit, exit) {
        (false, exit) => exit,
        (true, Exit::Ok | Exit::Remote | Exit::Interrupted) => Exit::Ok,
        // Whoever asks for objectives wants to know.
        (true, Exit::Usage | Exit::Slo) => exit,
        (true, _) => Exit::Remote,
    }
}

/// All that the command line asks for.
struct Task {
    plan: Arc<Plan>,
    objectives: Vec<Objective>,
    baseline: Option<Baseline>,
}

impl Task {
    fn of(options: &Options) -> std::result::Result<Self, String> {
        let plan = Arc::new(Plan::of(options)?);
        let objectives = options.slo.as_deref().map(Objective::parse_list).transpose()?.unwrap_or_default();
        let baseline = options.compare.as_deref().map(Baseline::read).transpose()?;
        Ok(Self { plan, objectives, baseline })
    }

    async fn run(&self, options: &Options) -> Result<Exit> {
        let plan = &self.plan;
        if options.kang_port.is_some() || options.artedi_port.is_some() {
            output::say("fastbench: this release serves nothing on the ports of -k and -p");
        }
        let started_ms = now_ms();
        let mut interrupts = Interrupts::listen()?;
        let format = match (options.output, &plan.classic) {
            (Format::Auto, Some(_)) => None,
            (Format::Auto, None) if std::io::stdout().is_terminal() => Some(Format::Table),
            (Format::Auto, None) => Some(Format::Json),
            (format, _) => Some(format),
        };
        let mut ran: Vec<Ran> = Vec::new();
        while (ran.len() as u64) < plan.runs && !ran.last().is_some_and(Ran::was_ended) {
            let next = run::run(plan, format.is_none(), !options.no_tui, &mut interrupts).await;
            match next {
                Ok(next) => ran.push(next),
                Err(Exit::Interrupted) if !ran.is_empty() => break,
                Err(exit) => return Ok(exit),
            }
        }
        let all: Vec<_> = ran.iter().map(|ran| Figures::of(plan, &ran.tally)).collect();
        let chosen = spread::median_run(&all);
        let (figures, tally) = (&all[chosen], &ran[chosen].tally);
        if let Some(file) = &options.hgrm {
            hgrm::write(file, &tally.latency)?;
        }
        let slo: Vec<_> = self.objectives.iter().map(|objective| objective.judge(figures)).collect();
        let missed = slo.iter().any(|verdict| !verdict.pass);
        let report = Report {
            schema: report::SCHEMA,
            version: VERSION,
            started_ms,
            target: &plan.target,
            method: &plan.method,
            mode: if plan.rate.is_some() { "open" } else { "closed" },
            target_rate: plan.rate,
            in_flight: plan.in_flight,
            connections: plan.connections,
            threads: plan.threads,
            warm_up_s: plan.warm_up.as_secs_f64(),
            figures,
            runs: (plan.runs > 1).then(|| Spread::of(&all)),
            slo,
            compare: self.baseline.as_ref().map(|baseline| baseline.compare(figures)),
            tally,
            all: &all,
        };
        let text = match format {
            Some(format) => report.write(format),
            None => classic_text(&report),
        };
        if let Err(exit) = output::line(text.into_bytes()) {
            return Ok(exit);
        }
        let failed = all.iter().any(|figures| figures.failed > 0);
        let errors_are_judged = self.objectives.iter().any(Objective::is_about_errors);
        Ok(match &tally.fatal {
            Some(failure) => run::say_fatal(failure),
            None if missed => Exit::Slo,
            None if failed && !errors_are_judged => Exit::Remote,
            None if plan.classic.is_none() && ran.iter().any(|ran| ran.interrupted) => Exit::Interrupted,
            None => Exit::Ok,
        })
    }
}

/// The classic summary, and after it what else was asked for.
fn classic_text(report: &Report) -> String {
    let verdict = |verdict: &Verdict| {
        format!("\nSLO {} {}", verdict.objective, if verdict.pass { "PASS" } else { "FAIL" })
    };
    let slo: String = report.slo.iter().map(verdict).collect();
    let compare = report.compare.as_ref().map_or(String::new(), |change| format!("\n{}", change.text()));
    format!("{}{slo}{compare}", classic::summary(report.tally))
}

/// Says what is wrong with the command line.
fn refuse(message: &str) -> Exit {
    output::say(&format!("fastbench: {}\n{USAGE}", output::printable(message)));
    Exit::Usage
}

fn fail(error: &Error) -> Exit {
    let help = match error.kind() {
        ErrorKind::Connect => "is a server listening there? One to try with: `fastserve`",
        _ => "",
    };
    exit::fail(error, help)
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis() as u64)
}

const USAGE: &str = "usage: fastbench [OPTIONS] WORKLOAD HOST PORT\n       \
                     fastbench [OPTIONS] TARGET METHOD [ARGS]\n  \
                     help: WORKLOAD is sync or sleep150; `fastbench --help` lists the options";
