//! The command line.

use libfast_bench::{WORKLOADS, Workload};
use std::path::PathBuf;

pub const USAGE: &str = "usage: bench [-d PART]... [-w WORKLOAD]... [-r ROUNDS] [-s SECONDS] [-o FILE.json] [-p FILE.md] [CONTENDER]...
       bench -i FILE.json -p FILE.md

Runs the contenders in turn, by default all with all workloads, 5 rounds of 1 second each. With QUICK in the environment
2 rounds of 0.2 seconds. The table goes to the standard output.

-d PART       do this part: times, counts, growth, memory, or all. The default is times
-w WORKLOAD   measure the times of this workload, or of CONNECTIONSxIN_FLIGHT[xBYTES][@ENDPOINTS]
-o FILE.json  write all results
-p FILE.md    write the page of the results, and its plots beside it
-i FILE.json  measure nothing: take these results";

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Times,
    Counts,
    Growth,
    Memory,
}

const PARTS: [(&str, Part); 4] =
    [("times", Part::Times), ("counts", Part::Counts), ("growth", Part::Growth), ("memory", Part::Memory)];

pub struct Options {
    pub parts: Vec<Part>,
    /// Empty for all.
    pub contenders: Vec<String>,
    pub workloads: Vec<&'static Workload>,
    pub rounds: usize,
    /// For how long each client measures.
    pub seconds: f64,
    /// Whether growth is measured at few points, once, and memory of libfast only.
    pub quick: bool,
    pub output: Option<PathBuf>,
    pub page: Option<PathBuf>,
    pub input: Option<PathBuf>,
}

impl Options {
    /// Reads the command line; says what is wrong with it.
    pub fn read(arguments: impl Iterator<Item = String>, quick: bool) -> Result<Self, String> {
        let (rounds, seconds) = if quick { (2, 0.2) } else { (5, 1.0) };
        let mut options = Self {
            parts: vec![],
            contenders: vec![],
            workloads: vec![],
            rounds,
            seconds,
            quick,
            output: None,
            page: None,
            input: None,
        };
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value\n{USAGE}"));
            match argument.as_str() {
                "-d" => options.parts.extend(parts(&value()?)?),
                "-o" => options.output = Some(value()?.into()),
                "-p" => options.page = Some(value()?.into()),
                "-i" => options.input = Some(value()?.into()),
                "-w" => options.workloads.push(Workload::find(&value()?)?),
                "-r" => options.rounds = positive(&value()?, "rounds")?,
                "-s" => options.seconds = positive(&value()?, "seconds")?,
                flag if flag.starts_with('-') => return Err(format!("{flag} does not exist\n{USAGE}")),
                _ => options.contenders.push(argument),
            }
        }
        if options.parts.is_empty() {
            options.parts = vec![Part::Times];
        }
        if options.workloads.is_empty() {
            options.workloads = WORKLOADS.iter().collect();
        }
        Ok(options)
    }
}

fn parts(name: &str) -> Result<Vec<Part>, String> {
    let of = |part: &&(&str, Part)| name == "all" || part.0 == name;
    let parts: Vec<_> = PARTS.iter().filter(of).map(|(_, part)| *part).collect();
    if parts.is_empty() { Err(format!("part {name:?} does not exist\n{USAGE}")) } else { Ok(parts) }
}

fn positive<N: std::str::FromStr + PartialOrd + Default>(text: &str, what: &str) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| *number > N::default());
    number.ok_or_else(|| format!("{text:?} is no number of {what}"))
}
