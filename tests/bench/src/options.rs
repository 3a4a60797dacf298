//! The command line.

use libfast_bench::{WORKLOADS, Workload};
use std::path::PathBuf;

pub const USAGE: &str = "usage: bench [-o FILE.json] [-w WORKLOAD]... [-r ROUNDS] [-s SECONDS] [CONTENDER]...

Runs the contenders in turn, by default all with all workloads, 5 rounds of 2 seconds each. With QUICK in the environment
3 rounds of 0.4 seconds. The table goes to the standard output, all results to FILE.json.";

pub struct Options {
    /// Empty for all.
    pub contenders: Vec<String>,
    pub workloads: Vec<&'static Workload>,
    pub rounds: usize,
    /// For how long each client measures.
    pub seconds: f64,
    pub output: Option<PathBuf>,
}

impl Options {
    /// Reads the command line; says what is wrong with it.
    pub fn read(arguments: impl Iterator<Item = String>, quick: bool) -> Result<Self, String> {
        let (rounds, seconds) = if quick { (3, 0.4) } else { (5, 2.0) };
        let mut options = Self { contenders: vec![], workloads: vec![], rounds, seconds, output: None };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value\n{USAGE}"));
            match argument.as_str() {
                "-o" => options.output = Some(value()?.into()),
                "-w" => options.workloads.push(Workload::find(&value()?)?),
                "-r" => options.rounds = positive(&value()?, "rounds")?,
                "-s" => options.seconds = positive(&value()?, "seconds")?,
                flag if flag.starts_with('-') => return Err(format!("{flag} does not exist\n{USAGE}")),
                _ => options.contenders.push(argument),
            }
        }
        if options.workloads.is_empty() {
            options.workloads = WORKLOADS.iter().collect();
        }
        Ok(options)
    }
}

fn positive<N: std::str::FromStr + PartialOrd + Default>(text: &str, what: &str) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| *number > N::default());
    number.ok_or_else(|| format!("{text:?} is no number of {what}"))
}
