//! Runs a ZooKeeper for tests in shell and other languages.

#![forbid(unsafe_code)]

use clap::Parser;
use libfast_testkit::{Unavailable, ZooKeeperEnsemble, ZooKeeperSettings};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// Run ZooKeeper, one server or an ensemble, in a temporary folder and on free ports
///
/// Standard output tells the addresses as `HOST:PORT[,HOST:PORT...]`, in the order of the members, then gives one line of
/// answer to each command: `ok`, the answer, or `error: ` and what is wrong. Everything ends when standard input does.
#[derive(Parser)]
#[command(name = "testkit-zookeeper", version, after_help = COMMANDS)]
struct Options {
    /// How many servers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=9))]
    servers: u64,
    /// Unit of time; sessions last from 2 to 20 of it
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(10..=60_000))]
    tick: u64,
}

const COMMANDS: &str = "\
Commands, one a line; MEMBER counts from 0, or is `all`:
  kill MEMBER      end it at once, as a crash does; its data stays
  restart MEMBER   start it again with its data, and wait until it serves
  freeze MEMBER    stop it where it stands (SIGSTOP)
  thaw MEMBER      let it go on
  cut MEMBER       reset its clients and refuse new ones; the other members still reach it
  stall MEMBER     pass nothing between it and its clients
  mend MEMBER      end cut and stall
  leader           the member that leads, once there is one";

fn main() -> ExitCode {
    let options = Options::parse();
    let settings = ZooKeeperSettings { tick: Duration::from_millis(options.tick), ..Default::default() };
    // A single one is an ensemble of one, and has the same commands.
    let mut ensemble = match settings.start_ensemble(options.servers as usize) {
        Ok(ensemble) => ensemble,
        Err(error) => {
            eprintln!("testkit-zookeeper: {error}");
            return ExitCode::FAILURE;
        }
    };
    if !say(&ensemble.connect_string()) {
        return ExitCode::FAILURE;
    }
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let answer = run(&mut ensemble, &line).unwrap_or_else(|error| format!("error: {error}"));
        if !say(&answer) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn say(line: &str) -> bool {
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_ok()
}

fn run(ensemble: &mut ZooKeeperEnsemble, line: &str) -> Result<String, String> {
    let failed = |error: Unavailable| error.to_string();
    let (command, member) = match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["leader"] => return ensemble.wait_for_leader().map(|leader| leader.to_string()).map_err(failed),
        ["restart", "all"] => return ensemble.restart_all().map(|()| "ok".into()).map_err(failed),
        [command, member] => (command, member),
        _ => return Err(format!("{line:?} is no command; see testkit-zookeeper --help")),
    };
    let size = ensemble.size();
    let members = match member.parse::<usize>() {
        Ok(member) if member < size => member..member + 1,
        Err(_) if member == "all" => 0..size,
        _ => return Err(format!("{member:?} is no member; write 0 to {} or all", size - 1)),
    };
    for member in members {
        match command {
            "kill" => ensemble.kill(member),
            "restart" => ensemble.restart(member).map_err(failed)?,
            "freeze" => ensemble.freeze(member),
            "thaw" => ensemble.thaw(member),
            "cut" => ensemble.cut(member),
            "stall" => ensemble.stall(member),
            "mend" => ensemble.mend(member),
            _ => return Err(format!("{command:?} is no command; see testkit-zookeeper --help")),
        }
    }
    Ok("ok".into())
}
