//! What the programs of the benchmark share: the workloads, and how a client measures and reports.
//!
//! Every contender is a program with two commands: `server` prints `listening PORT` and serves until its input ends;
//! `client PORT WORKLOAD SECONDS` makes the load, and prints one line of JSON. `bench` runs them in turn. Those in Rust are a
//! [`Program`](program::Program).

#![forbid(unsafe_code)]

pub mod codec;
mod counted;
mod measured;
pub mod program;
mod workload;

pub use counted::{COUNTED, Counted};
pub use measured::{Meter, Tally};
pub use workload::{Kind, WORKLOADS, Workload, payload};

use std::time::Duration;

/// What a contender was told on its command line.
pub enum Order {
    /// Serve.
    Server,
    /// Make the load of `workload` on the server of this port.
    Client {
        /// Where the server listens, on 127.0.0.1.
        port: u16,
        /// Which load.
        workload: &'static Workload,
        /// For how long it is measured, after the warm-up.
        duration: Duration,
    },
}

impl Order {
    /// Reads the command line; says what is wrong with it.
    pub fn read() -> Result<Self, String> {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match *arguments {
            ["server"] | ["server", _] => Ok(Self::Server),
            ["client", port, workload, seconds] => Ok(Self::Client {
                port: port.parse().map_err(|_| format!("{port:?} is no port"))?,
                workload: Workload::find(workload)?,
                duration: seconds
                    .parse()
                    .ok()
                    .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                    .ok_or_else(|| format!("{seconds:?} is no number of seconds"))?,
            }),
            _ => Err("write `server [HOST]`, or `client PORT WORKLOAD SECONDS`".into()),
        }
    }
}

/// Prints the port, and returns when the input ends, so that no server outlives the benchmark.
pub fn serve_until_input_ends(port: u16) {
    println!("listening {port}");
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}
