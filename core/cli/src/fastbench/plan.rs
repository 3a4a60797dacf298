//! What to do: the command line, understood and completed with defaults.

use super::expected::{Expected, workload};
use super::number::{count, port, rate, time};
use super::options::Options;
use bytes::Bytes;
use libfast::Target;
use std::num::NonZero;
use std::time::Duration;

/// What to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The workload, where the classic form of the command line asks for it.
    pub classic: Option<Classic>,
    pub target: String,
    pub method: String,
    /// The text of a JSON array.
    pub args: Bytes,
    pub expected: Expected,
    /// Requests per second, in open loop.
    pub rate: Option<f64>,
    /// Most requests in flight.
    pub in_flight: usize,
    /// To each endpoint; at most as many as `in_flight`.
    pub connections: usize,
    /// At most as many as connections.
    pub threads: usize,
    pub requests: Option<u64>,
    /// Without it, and without `requests`, until interrupted.
    pub duration: Option<Duration>,
    pub warm_up: Duration,
    pub timeout: Option<Duration>,
    /// Between reports on the way.
    pub interval: Option<Duration>,
    pub runs: u64,
}

/// What the classic form names.
#[derive(Debug, Clone)]
pub struct Classic {
    pub workload: String,
    pub host: String,
    pub port: u16,
}

impl Plan {
    /// Understands a command line. The error says what is wrong with it.
    pub fn of(options: &Options) -> Result<Self, String> {
        let number = |option, text: &Option<String>, least| {
            text.as_deref().map(|text| count(option, text, least)).transpose()
        };
        let span = |option, text: &Option<String>, zero| {
            text.as_deref().map(|text| time(option, text, zero)).transpose()
        };
        let rate = options.rate.as_deref().map(|text| rate("-q", text)).transpose()?;
        let in_flight = number("-c", &options.concurrency, 1)?;
        let connections = number("--connections", &options.connections, 1)?;
        let per_connection = number("--requests-per-conn", &options.requests_per_conn, 1)?;
        let threads = number("--threads", &options.threads, 1)?;
        let requests = number("-n", &options.nrequests, 1)?;
        let values = number("--expect-values", &options.expect_values, 0)?;
        let runs = number("--runs", &options.runs, 1)?.unwrap_or(1);
        let duration = span("-d", &options.duration, false)?;
        number("-k", &options.kang_port, 1)?;
        number("-p", &options.artedi_port, 1)?;
        let interval = span("-i", &options.interval, true)?;
        let warm_up = span("--warm-up", &options.warm_up, true)?;
        let timeout = span("-t", &options.timeout, false)?;

        let asked = Asked::of(&options.operands)?;
        let is_classic = asked.classic.is_some();
        let in_flight = in_flight.unwrap_or(if is_classic { 1 } else { IN_FLIGHT });
        if in_flight > MOST_IN_FLIGHT {
            return Err(format!(
                "value for -c is too large: \"{in_flight}\"; at most {MOST_IN_FLIGHT} can be in flight"
            ));
        }
        let connections = match (connections, per_connection) {
            (Some(connections), _) => connections,
            (None, Some(per_connection)) => in_flight.div_ceil(per_connection),
            (None, None) if is_classic => in_flight.div_ceil(PER_CONNECTION),
            (None, None) => in_flight.div_ceil(PER_CONNECTION).min(MOST_CONNECTIONS),
        };
        let connections = connections.min(in_flight);
        let threads = threads.unwrap_or_else(half_the_processors).min(connections);
        let ends = requests.is_some() || duration.is_some();
        let duration = duration.or((!is_classic && !ends).then_some(DURATION));
        let no_warm_up = is_classic || requests.is_some();
        let default_warm_up =
            duration.filter(|_| !no_warm_up).map_or(Duration::ZERO, |d| (d / 10).min(WARM_UP));
        Ok(Self {
            expected: values.map_or(asked.expected, Expected::Values),
            rate,
            in_flight: in_flight as usize,
            connections: connections as usize,
            threads: threads as usize,
            requests,
            duration,
            warm_up: warm_up.unwrap_or(default_warm_up),
            timeout: timeout.or((!is_classic).then_some(TIMEOUT)),
            interval: interval.or(is_classic.then_some(INTERVAL)).filter(|interval| !interval.is_zero()),
            runs,
            classic: asked.classic,
            target: asked.target,
            method: asked.method,
            args: asked.args,
        })
    }

    /// Endpoints that are written out, each of which gets all the connections; one of a registry.
    pub fn endpoints(&self) -> usize {
        match Target::parse(&self.target) {
            Ok(Target::Fixed(addresses)) => addresses.len(),
            _ => 1,
        }
    }
}

/// What the operands ask for.
struct Asked {
    classic: Option<Classic>,
    target: String,
    method: String,
    args: Bytes,
    expected: Expected,
}

impl Asked {
    fn of(operands: &[String]) -> Result<Self, String> {
        match operands {
            [workload, host, number, ..] if delay_ms(workload).is_some() => {
                let port = port(number).ok_or_else(|| format!("bad port number: {number}"))?;
                Self::workload(workload, host, port)
            }
            [first, ..] if delay_ms(first).is_some() => Err(TOO_FEW.into()),
            [] | [_] => Err(TOO_FEW.into()),
            [workload, _, number] if number.parse::<i64>().is_ok() => {
                Err(format!("unsupported workload: {workload}"))
            }
            [target, method, args @ ..] if args.len() <= 1 => {
                let args = args.first().map_or("[]", String::as_str);
                let parsed =
                    serde_json::from_str(args).map_err(|error| format!("parsing RPC arguments: {error}"))?;
                let serde_json::Value::Array(_) = parsed else {
                    return Err("RPC arguments: expected array".into());
                };
                Target::parse(target).map_err(|error| error.message().to_owned())?;
                Ok(Self {
                    classic: None,
                    target: target.clone(),
                    method: method.clone(),
                    args: args.to_owned().into(),
                    expected: Expected::Anything,
                })
            }
            [_, _, _, more, ..] => Err(format!("unexpected argument: {more}")),
            [..] => Err(TOO_FEW.into()),
        }
    }

    fn workload(name: &str, host: &str, port: u16) -> Result<Self, String> {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let target = format!("{bracketed}:{port}");
        Target::parse(&target).map_err(|error| error.message().to_owned())?;
        Ok(Self {
            classic: Some(Classic { workload: name.to_owned(), host: host.to_owned(), port }),
            target,
            method: "fastbench".into(),
            args: workload(delay_ms(name).flatten()).to_string().into(),
            expected: Expected::Echoes,
        })
    }
}

/// The delay of a workload; `None` if there is no such workload.
fn delay_ms(workload: &str) -> Option<Option<u64>> {
    match workload {
        "sync" => Some(None),
        "sleep150" => Some(Some(150)),
        _ => None,
    }
}

/// The other half is for the server, which is mostly on the same machine; a thread makes some 100 000 requests per second.
fn half_the_processors() -> u64 {
    std::thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2) as u64
}

const TOO_FEW: &str = "expected workload, host, and port";
const IN_FLIGHT: u64 = 64;
/// As many as a client may have under way by default.
const MOST_IN_FLIGHT: u64 = 65_536;
/// A server of node-fast looks through the requests of a connection for each of them.
const PER_CONNECTION: u64 = 10;
const MOST_CONNECTIONS: u64 = 32;
const DURATION: Duration = Duration::from_secs(10);
const WARM_UP: Duration = Duration::from_secs(3);
const TIMEOUT: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_secs(5);
