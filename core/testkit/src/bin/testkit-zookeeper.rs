//! Runs a ZooKeeper for tests in shell and other languages: prints `host:port` as one line and serves until standard
//! input closes.

use libfast_testkit::ZooKeeper;
use std::io::{Read, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let server = match ZooKeeper::start() {
        Ok(server) => server,
        Err(error) => {
            eprintln!("testkit-zookeeper: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut stdout = std::io::stdout();
    if writeln!(stdout, "{}", server.connect_string()).and_then(|()| stdout.flush()).is_err() {
        return ExitCode::FAILURE;
    }
    // Whatever comes is passed over; a read error ends it as the end of input does.
    let mut chunk = [0; 1024];
    while std::io::stdin().read(&mut chunk).is_ok_and(|n| n > 0) {}
    ExitCode::SUCCESS
}
