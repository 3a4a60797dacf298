//! `faults` runs the rows of the fault matrix; it is its own servers and clients, too.

#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use libfast_faults::load::{self, LoadArgs};
use libfast_faults::results::{Outcome, Results};
use libfast_faults::server::{self, ServerArgs};
use libfast_faults::{ROWS, Row, page};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Breaks a cluster in many ways, one row of the fault matrix at a time, and measures what becomes of the calls.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Args {
    /// Rows to run, by number; all without any.
    rows: Vec<u32>,
    /// Seconds instead of minutes: for a look at the code, not for figures.
    #[arg(short, long)]
    short: bool,
    /// Write the results as JSON.
    #[arg(short, long, value_name = "FILE.json")]
    output: Option<PathBuf>,
    /// Write the page of the results.
    #[arg(short, long, value_name = "FILE.md")]
    page: Option<PathBuf>,
    /// Run nothing: take these results, or run the rows given and take the others from there.
    #[arg(short, long, value_name = "FILE.json")]
    input: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// A server of a row.
    Server(ServerArgs),
    /// A client of a row.
    Load(LoadArgs),
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.role {
        Some(Role::Server(args)) => server::run(args),
        Some(Role::Load(args)) => load::run(args),
        None => faults(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("faults: {error}");
            ExitCode::FAILURE
        }
    }
}

fn faults(args: &Args) -> Result<(), String> {
    if let Some(unknown) = args.rows.iter().find(|id| !ROWS.iter().any(|row| row.id == **id)) {
        let ids: Vec<_> = ROWS.iter().map(|row| row.id.to_string()).collect();
        return Err(format!("there is no row {unknown}; there are {}", ids.join(", ")));
    }
    let mut results: Results = match &args.input {
        Some(path) => serde_json::from_slice(&std::fs::read(path).map_err(|error| at(path, error))?)
            .map_err(|error| at(path, error))?,
        None => Results::default(),
    };
    let is_wanted = |row: &&Row| match &args.input {
        None => args.rows.is_empty() || args.rows.contains(&row.id),
        Some(_) => args.rows.contains(&row.id),
    };
    if let (Some(path), false) = (&args.input, args.rows.is_empty()) {
        results.check_form(!args.short).map_err(|error| at(path, error))?;
    }
    raise_open_files();
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    for row in ROWS.iter().filter(is_wanted) {
        eprintln!("row {}: {} …", row.id, row.name);
        let outcome = Outcome::of(row, &program, !args.short);
        print!("{}", outcome.text());
        results.add(outcome);
    }
    if let Some(path) = &args.output {
        let text = serde_json::to_string_pretty(&results).map_err(|error| error.to_string())?;
        write(path, text + "\n")?;
    }
    args.page.as_ref().map_or(Ok(()), |path| write(path, page::render(&results)))
}

/// Thousands of connections need as many files, here and in the processes that are started.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // What needs more than the limit allows fails, and says so.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

fn write(path: &Path, text: String) -> Result<(), String> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.and_then(|()| std::fs::write(path, text)).map_err(|error| at(path, error))
}

fn at(path: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
