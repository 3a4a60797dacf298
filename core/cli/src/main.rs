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
mod iso8601;
mod later;
mod output;

use clap::{CommandFactory, FromArgMatches, Parser};
use exit::Exit;
use std::ffi::{OsStr, OsString};
use std::path::Path;

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

fn main() -> std::process::ExitCode {
    let arguments = arguments();
    let by_name = arguments.first().is_some_and(|name| is_tool(name));
    let command = Tool::command().multicall(by_name).mut_subcommands(|tool| tool.after_help(exit::CODES));
    let matches = command.get_matches_from(arguments);
    let tool = Tool::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return exit::fail(&error, "").into(),
    };
    let exit = runtime.block_on(run(tool));
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

/// The arguments, with the name of the tool first wherever it stands.
fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let is_launcher = arguments.first().is_some_and(|name| !is_tool(name));
    if is_launcher && arguments.get(1).is_some_and(|name| is_tool(name)) {
        arguments.remove(0);
    }
    arguments
}

fn is_tool(called: &OsStr) -> bool {
    let name = Path::new(called).file_name();
    Tool::command().get_subcommands().any(|tool| name == Some(OsStr::new(tool.get_name())))
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
