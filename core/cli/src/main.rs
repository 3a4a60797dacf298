//! The command-line tools of libfast: one binary, called by name.
//!
//! `fastcall`, `fastserve`, `fastbench`, `fastctl` and `fastd` are links to this binary (made by `install-links.sh`);
//! `libfast-cli fastcall …` does the same. Each tool is a module of its own. What they share: standard output carries
//! data only, everything else is on standard error ([`output`]), and how a tool ends ([`exit`]).

#![forbid(unsafe_code)]

mod duration;
mod exit;
mod fastbench;
mod fastcall;
mod fastctl;
mod fastserve;
mod format;
mod later;
mod monitor;
mod output;
mod stop;
mod table;
mod usage;

use clap::{CommandFactory, FromArgMatches, Parser};
use exit::Exit;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::time::Duration;

/// The command-line tools of libfast: one binary, called by name
#[derive(Parser)]
#[command(name = "libfast-cli", version = libfast::VERSION, propagate_version = true, disable_help_subcommand = true)]
enum Tool {
    Fastcall(fastcall::Options),
    Fastserve(fastserve::Options),
    Fastbench(Box<fastbench::Options>),
    Fastctl(fastctl::Options),
    Fastd(later::Options),
}

/// Longest wait for ZooKeeper to acknowledge the end of a session.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

fn main() -> std::process::ExitCode {
    let arguments = arguments();
    let name = arguments.first().and_then(|called| name(called));
    let by_name = name.is_some_and(is_tool);
    let program = if by_name { name.unwrap_or_default() } else { "libfast-cli" }.to_owned();
    let parsed = command().multicall(by_name).try_get_matches_from(arguments);
    let matches = parsed.unwrap_or_else(|error| usage::end(&error, &program));
    let tool = Tool::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return exit::fail(&error, "").into(),
    };
    let exit = runtime.block_on(run(tool));
    // Otherwise ZooKeeper would keep it, with what it has listed, until the session expires.
    libfast::close_registries(CLOSE_LIMIT);
    // What is left, such as a look-up of a host name, is not worth waiting for.
    runtime.shutdown_background();
    exit.into()
}

async fn run(tool: Tool) -> Exit {
    match tool {
        Tool::Fastcall(options) => fastcall::run(options).await,
        Tool::Fastserve(options) => fastserve::run(options).await,
        Tool::Fastbench(options) => fastbench::run(&options).await,
        Tool::Fastctl(options) => fastctl::run(options).await,
        Tool::Fastd(_) => later::run("fastd"),
    }
}

/// All tools and their options.
fn command() -> clap::Command {
    Tool::command().mut_subcommands(|tool| tool.after_help(exit::CODES))
}

/// The arguments, with the name of the tool first wherever it stands.
fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let names_tool = |at: usize| arguments.get(at).and_then(|called| name(called)).is_some_and(is_tool);
    if !names_tool(0) && names_tool(1) {
        arguments.remove(0);
    }
    arguments
}

/// The name in a path; `None` if no tool can be meant.
fn name(called: &OsStr) -> Option<&str> {
    Path::new(called).file_name()?.to_str()
}

fn is_tool(name: &str) -> bool {
    Tool::command().get_subcommands().any(|tool| tool.get_name() == name)
}

fn runtime() -> libfast::Result<tokio::runtime::Runtime> {
    // One worker beside the main thread: signals are heard while the main thread is stuck in a full pipe.
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|error| {
        libfast::Error::new(
            libfast::ErrorKind::NoMemory,
            format!("the system refuses threads or descriptors: {error}"),
        )
    })
}
