//! The metrics of the process.

use crate::fork::watch_forks;
use crate::per_process::PerProcess;
use libfast_rpc::Metrics;

/// Not the set that Rust programs share: a thread that does not exist in a forked child may hold the locks of that.
static METRICS: PerProcess<Metrics> = PerProcess::new();

/// What clients and servers made here record into.
pub(crate) fn metrics() -> Metrics {
    watch_forks();
    METRICS.lock().clone()
}

/// The current numbers of all clients and servers of the process, in Prometheus' text format, version 0.0.4. A forked
/// child begins at nothing.
pub fn metrics_text() -> String {
    metrics().text()
}
