//! Runs the contenders in turn and prints one table.
//!
//! Ratios of one run hold; absolute figures move with the machine. So every contender runs each workload once per round, in
//! turn, and a figure is the median of the rounds.

#![forbid(unsafe_code)]

mod contender;
mod machine;
mod options;
mod peers;
mod process;
mod results;
mod run;
mod table;

use options::Options;
use std::process::ExitCode;
use std::time::SystemTime;

fn main() -> ExitCode {
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<(), String> {
    let quick = std::env::var_os("QUICK").is_some_and(|value| !value.is_empty());
    let options = Options::read(std::env::args().skip(1), quick)?;
    let mut contenders = contender::all()?;
    let unknown = |name: &&String| !contenders.iter().any(|contender| contender.name == name.as_str());
    if let Some(name) = options.contenders.iter().find(unknown) {
        let names: Vec<_> = contenders.iter().map(|contender| contender.name).collect();
        return Err(format!("contender {name:?} does not exist; there are {}", names.join(", ")));
    }
    contenders.retain(|contender| {
        options.contenders.is_empty() || options.contenders.iter().any(|name| name == contender.name)
    });
    let started = SystemTime::now();
    let results = run::run(&contenders, &options);
    print!("{}", table::render(&contenders, &options.workloads, &results));
    if let Some(path) = &options.output {
        let text = format!("{:#}\n", results.json(&options, started));
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
