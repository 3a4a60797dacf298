//! Runs the contenders in turn and prints one table.
//!
//! Ratios of one run hold; absolute figures move with the machine. So every contender runs each workload once per round, in
//! turn, and a figure is the median of the rounds.

#![forbid(unsafe_code)]

mod contender;
mod counts;
mod growth;
mod machine;
mod memory;
mod options;
mod page;
mod peers;
mod plot;
mod process;
mod results;
mod run;
mod table;
mod versions;

use contender::Contender;
use options::{Options, Part};
use results::Results;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::process::ExitCode;

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
    let results = match &options.input {
        Some(path) => {
            let text =
                std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => measured(&options)?,
    };
    if let Some(path) = &options.output {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder
            .map_or(Ok(()), std::fs::create_dir_all)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        std::fs::write(path, results.json()?).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    options.page.as_ref().map_or(Ok(()), |path| page::write(path, &results))
}

fn measured(options: &Options) -> Result<Results, String> {
    let contenders = chosen(options)?;
    raise_open_files();
    let mut results = Results::new(&contenders, options);
    // They are those that growth and memory are compared by; the others would only take longer.
    let main: Vec<&Contender> =
        contenders.iter().filter(|contender| ["libfast", "floor"].contains(&contender.name)).collect();
    for part in &options.parts {
        match part {
            Part::Times => {
                run::run(&contenders, options, &mut results);
                print!("{}", table::render(&contenders, &options.workloads, &results));
            }
            Part::Counts => counts::run(&main, options.seconds, &mut results)?,
            Part::Growth => growth::run(&main, options, &mut results)?,
            Part::Memory => {
                let of = |contender: &&&Contender| !options.quick || contender.name == "libfast";
                memory::run(&main.iter().filter(of).copied().collect::<Vec<_>>(), &mut results);
            }
        }
    }
    Ok(results)
}

/// The contenders that were asked for.
fn chosen(options: &Options) -> Result<Vec<Contender>, String> {
    let mut contenders = contender::all()?;
    let unknown = |name: &&String| !contenders.iter().any(|contender| contender.name == name.as_str());
    if let Some(name) = options.contenders.iter().find(unknown) {
        let names: Vec<_> = contenders.iter().map(|contender| contender.name).collect();
        return Err(format!("contender {name:?} does not exist; there are {}", names.join(", ")));
    }
    contenders.retain(|contender| {
        options.contenders.is_empty() || options.contenders.iter().any(|name| name == contender.name)
    });
    Ok(contenders)
}

/// Ten thousand connections need as many files, here and in the processes that are started.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // What needs more than the limit allows fails, and says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
