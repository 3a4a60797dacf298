//! The command line of `fastbench`. What it means is in [`plan`](super::plan).

use std::path::PathBuf;

/// Measure throughput and latency of a method
///
/// With -q, requests leave at fixed times whatever the answers do, and latencies count from those times: a server that
/// stalls cannot hide it by slowing down the load (coordinated omission). Without -q each answer starts the next request.
#[derive(clap::Args)]
#[command(
    override_usage = "fastbench [OPTIONS] WORKLOAD HOST PORT\n       fastbench [OPTIONS] TARGET METHOD [ARGS]"
)]
pub struct Options {
    /// Most requests in flight at once, on all connections together [default: 64; with sync and sleep150: 1]
    #[arg(short = 'c', long, alias = "count", value_name = "N", allow_hyphen_values = true)]
    pub concurrency: Option<String>,
    /// How long to measure: seconds, or a time such as 30s [default: 10s; with sync and sleep150: until interrupted]
    #[arg(short, long, visible_short_alias = 'z', value_name = "TIME", allow_hyphen_values = true)]
    pub duration: Option<String>,
    /// Stop after that many requests, such as 10000 or 20k
    #[arg(short, long, alias = "requests", value_name = "N", allow_hyphen_values = true)]
    pub nrequests: Option<String>,
    /// Report on the way: each so many seconds; 0 does not [default: 0; with sync and sleep150: 5]
    #[arg(short, long, value_name = "TIME", allow_hyphen_values = true)]
    pub interval: Option<String>,
    /// Port on this machine for kang's snapshots of the run; 0 takes a free one [default: none; with sync and sleep150:
    /// 16520]
    #[arg(short, long, value_name = "PORT", allow_hyphen_values = true)]
    pub kang_port: Option<String>,
    /// Port on this machine for the metrics of the run; 0 takes a free one [default: none; with sync and sleep150: 16521]
    #[arg(short = 'p', long, value_name = "PORT", allow_hyphen_values = true)]
    pub artedi_port: Option<String>,
    /// Open loop: requests per second, in all, such as 500 or 20k
    #[arg(short = 'q', long, value_name = "RATE", allow_hyphen_values = true)]
    pub rate: Option<String>,
    /// Connections to each endpoint [default: one per 10 in flight, at most 32; with sync and sleep150: without limit]
    #[arg(long, value_name = "N", conflicts_with = "requests_per_conn")]
    pub connections: Option<String>,
    /// Most requests in flight on one connection, which gives the number of connections
    #[arg(long, value_name = "N")]
    pub requests_per_conn: Option<String>,
    /// Threads that make the load [default: half the processors]
    #[arg(long, value_name = "N")]
    pub threads: Option<String>,
    /// Load before the measurement, not counted but for what fails after it; 0 for none [default: 3s, but at most a tenth
    /// of the duration; none with -n, sync and sleep150]
    #[arg(long, value_name = "TIME")]
    pub warm_up: Option<String>,
    /// Longest a request may take before it counts as failed [default: 5s; with sync and sleep150: no limit]
    #[arg(short, long, value_name = "TIME", allow_hyphen_values = true)]
    pub timeout: Option<String>,
    /// Fail answers that have another number of values
    #[arg(long, value_name = "N")]
    pub expect_values: Option<String>,
    /// Repeat the run and tell how far the results are apart; the one with the median throughput is reported
    #[arg(long, value_name = "N")]
    pub runs: Option<String>,
    /// How to write the results; auto is a table on a terminal, JSON elsewhere
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        default_value = "auto",
        env = "FAST_OUTPUT",
        hide_env_values = true
    )]
    pub output: Format,
    /// Write the distribution of the latencies in HdrHistogram's text format, in milliseconds
    #[arg(long, value_name = "FILE")]
    pub hgrm: Option<PathBuf>,
    /// Objectives, such as 'p99<2ms,err<0.1%,rate>19k'; any of p50, p90, p99, p99.9, max, err, rate. One that is missed
    /// makes the exit status 6; failed requests then matter only to err
    #[arg(long, value_name = "LIST")]
    pub slo: Option<String>,
    /// Compare with the JSON of another run
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// Do not show the run on the terminal while it lasts
    #[arg(long)]
    pub no_tui: bool,
    /// End as older releases did: 0 although requests failed, 1 for all else but wrong usage
    #[arg(long)]
    pub classic_exit: bool,
    /// A target (:PORT, HOST:PORT[,HOST:PORT...], unix:/PATH, a service, dir:///FOLDER/SERVICE, zk://HOSTS/ROOT/SERVICE),
    /// a method and a JSON array of arguments; or a workload (sync or sleep150), a host and a port
    #[arg(value_name = "TARGET METHOD [ARGS]", hide_possible_values = true)]
    pub operands: Vec<String>,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A table on a terminal, JSON elsewhere
    Auto,
    /// Lines for people
    Table,
    /// One line of JSON for programs; it only ever gains members
    Json,
    /// A header and a line for each run
    Csv,
}
