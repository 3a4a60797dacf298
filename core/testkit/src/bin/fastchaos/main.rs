//! `fastchaos`: a TCP proxy in front of one server, with faults that commands set while it runs.
//!
//! It owns the life of the process: options, the line that says where it listens, and its end. What the commands do is
//! in [`libfast_testkit::chaos`].

#![forbid(unsafe_code)]

mod control;
mod session;

use clap::Parser;
use control::Control;
use libfast_testkit::ChaosProxy;
use libfast_testkit::chaos::{COMMANDS, ChaosSettings, Command};
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};
use session::{End, Session, answer};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::io::{stdin, stdout};
use tokio::signal::unix::{SignalKind, signal};

/// Stand between clients and a server on TCP, and delay, limit, spoil and break what passes
///
/// Standard output tells the address as `listening HOST:PORT`, then gives one line of answer to each command: `ok`, JSON,
/// or `error: ` and what is wrong. It ends when standard input does.
#[derive(Parser)]
#[command(name = "fastchaos", version, after_long_help = help())]
struct Options {
    /// Address to listen on, HOST:PORT with the host as a number; port 0 takes a free one
    listen: SocketAddr,
    /// Address of the server, HOST:PORT; it need not run yet
    #[arg(value_parser = upstream)]
    upstream: String,
    /// Commands to begin with, each one argument
    #[arg(value_name = "COMMAND")]
    commands: Vec<Command>,
    /// What randomness begins with; by default it is another each time, and told on standard error
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Take commands on this Unix socket, from any number of connections, instead of standard input; it then runs until
    /// `quit` or a signal
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::try_parse().unwrap_or_else(|error| usage(&error));
    raise_limit();
    // Whoever can write to the control socket commands the proxy.
    umask(Mode::RWXG | Mode::RWXO);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the system refuses threads or descriptors: {error}")),
    };
    let exit = runtime.block_on(run(options));
    // A read of standard input may be left.
    runtime.shutdown_background();
    exit
}

async fn run(options: Options) -> ExitCode {
    let interrupted = match interrupted() {
        Ok(interrupted) => interrupted,
        Err(error) => return fail(&format!("signals cannot be handled: {error}")),
    };
    let defaults = ChaosSettings::default();
    let seed = options.seed.unwrap_or(defaults.seed);
    let settings = ChaosSettings { listen: options.listen, seed, ..defaults };
    let proxy = match settings.start(options.upstream) {
        Ok(proxy) => Arc::new(proxy),
        Err(error) => {
            let what = format!("cannot listen on {}: {error}", options.listen);
            return fail(&format!("{what}; choose another address, or port 0 for a free one"));
        }
    };
    if options.seed.is_none() {
        eprintln!("fastchaos: --seed {seed} repeats this run");
    }
    for command in &options.commands {
        command.run(&proxy).await;
    }
    let exit = tokio::select! {
        exit = serve(&proxy, options.control) => exit,
        exit = interrupted => exit,
    };
    // Nobody else has it any more, unless a session has panicked.
    if let Some(proxy) = Arc::into_inner(proxy) {
        proxy.close().await;
    }
    exit
}

async fn serve(proxy: &Arc<ChaosProxy>, control: Option<PathBuf>) -> ExitCode {
    let control = match control.map(Control::listen).transpose() {
        Ok(control) => control,
        Err(why) => return fail(&why),
    };
    if answer(&mut stdout(), &format!("listening {}", proxy.address())).await.is_err() {
        return ExitCode::SUCCESS;
    }
    match control {
        None => match Session::new(stdin(), stdout()).run(proxy).await {
            End { wrong: 0, .. } => ExitCode::SUCCESS,
            _ => ExitCode::from(USAGE),
        },
        Some(control) => control.serve(proxy).await,
    }
}

/// Waits for a signal to end. Those are heard from this call on, not from the first wait.
fn interrupted() -> std::io::Result<impl Future<Output = ExitCode>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => ExitCode::from(INTERRUPTED),
            _ = terminate.recv() => ExitCode::SUCCESS,
        }
    })
}

/// Every connection takes two descriptors, and the usual limit is meant for programs that wait with `select`.
fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If it is refused, the proxy does with fewer connections.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn upstream(text: &str) -> Result<String, String> {
    let port =
        text.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(1..)) => Ok(text.into()),
        _ => Err("write HOST:PORT, as in 127.0.0.1:2030".into()),
    }
}

fn help() -> String {
    format!(
        "Commands:\n{COMMANDS}\n\nExit status: 0 ok, 2 wrong usage or a wrong command on standard input, 3 cannot listen, \
         130 interrupted."
    )
}

fn usage(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    let Some(wrong) = text.strip_prefix("error: ") else { error.exit() };
    eprint!("fastchaos: {wrong}");
    std::process::exit(USAGE.into())
}

fn fail(why: &str) -> ExitCode {
    eprintln!("fastchaos: {why}");
    ExitCode::from(UNREACHABLE)
}

/// The exit statuses of all tools (docs/TOOLS.md).
const USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;
const INTERRUPTED: u8 = 130;
