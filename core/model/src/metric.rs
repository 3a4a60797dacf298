//! Every metric that clients and servers record: one table, from which they are registered and `docs/METRICS.md` is made.

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only ever grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often a value was within each bucket.
    Histogram,
}

/// One row of the table of metrics.
#[derive(Debug, Clone, Copy)]
pub struct MetricSpec {
    /// The metric itself.
    pub metric: Metric,
    /// The name as it is scraped; `_seconds` and `_bytes` give the unit.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: MetricKind,
    /// The names of its labels, the same for all its series.
    pub labels: &'static [&'static str],
    /// What it counts or measures.
    pub help: &'static str,
    /// A name of node-fast, there only with `metrics_legacy_names`. Its counters have no `_total`.
    pub legacy: bool,
}

macro_rules! metrics {
    ($($variant:ident = $name:literal, $kind:ident, $labels:expr, $legacy:literal, $help:literal;)*) => {
        /// What is counted or measured.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Metric {
            $(#[doc = $help] $variant,)*
        }

        impl Metric {
            /// The table, in the order in which metrics are shown.
            pub const TABLE: &'static [MetricSpec] = &[$(MetricSpec {
                metric: Metric::$variant, name: $name, kind: MetricKind::$kind, labels: &$labels, help: $help,
                legacy: $legacy,
            },)*];
        }
    };
}

metrics! {
    ServerCallDuration = "rpc_server_call_duration_seconds", Histogram,
        ["rpc_system_name", "rpc_method", "error_type"], false,
        "Time from the arrival of a request to the last message of its answer";
    ClientCallDuration = "rpc_client_call_duration_seconds", Histogram,
        ["rpc_system_name", "rpc_method", "server_address", "server_port", "error_type"], false,
        "Time from the start of a call to its end, retries included";
    ServerInFlight = "fast_server_in_flight_requests", Gauge, ["rpc_method"], false,
        "Requests being handled";
    ServerRefusals = "fast_server_refused_requests_total", Counter, ["reason"], false,
        "Requests that were answered without being run: `overloaded`, `connection` and `queue` by the limits of requests under way, of one connection, and of waiting ones; `expired` if their callers had stopped waiting; `rate` by `rate_limits`, `kicked` if their clients are not served for a while";
    ServerRateLimited = "fast_server_rate_limited_requests_total", Counter, ["limit"], false,
        "Requests that were not run because of `rate_limits`, by what the limit counts, as in `client=* method=search`; `all` if it counts everything";
    ServerConcurrencyLimit = "fast_server_concurrency_limit", Gauge, ["rpc_system_name"], false,
        "Requests that may run at once, of servers with `concurrency`";
    ServerWaiting = "fast_server_waiting_requests", Gauge, ["rpc_system_name"], false,
        "Requests that wait until they may run, of servers with `concurrency`";
    ClientInFlight = "fast_client_in_flight_requests", Gauge, ["rpc_method"], false,
        "Calls under way";
    ServerConnections = "fast_server_connections", Gauge, ["state"], false,
        "Connections of clients: open, or draining once the client has ended its side";
    ClientConnections = "fast_client_connections", Gauge, ["server_address", "server_port", "state"], false,
        "Connections to servers: idle, connecting, ready or failed";
    ServerRefusedConnections = "fast_server_refused_connections_total", Counter, ["reason"], false,
        "Connections of clients that were closed at once: `limit` by `max_connections`, `kicked` if the client is not served for a while";
    ServerStalls = "fast_server_stalled_connections_total", Counter, ["direction"], false,
        "Connections of clients that were closed because nothing went on for too long: `received` if the rest of a message did not come, `sent` if nothing was taken of what waits for the client";
    Messages = "fast_messages_total", Counter, ["side", "direction", "status"], false,
        "Messages received, and messages handed to the system for sending";
    MessageBytes = "fast_message_bytes_total", Counter, ["side", "direction", "status"], false,
        "Bytes of these messages, headers included";
    ProtocolErrors = "fast_protocol_errors_total", Counter, ["side", "reason"], false,
        "What a peer sent that is not Fast; it costs its connection, or its call if the reason is null_value";
    ClientPicks = "fast_client_picks_total", Counter, ["server_address", "server_port", "policy"], false,
        "How often the balancer chose a server";
    ClientRetries = "fast_client_retries_total", Counter, ["server_address", "server_port", "reason"], false,
        "Attempts that failed at a server and were followed by another";
    ClientRetriesDenied = "fast_client_retries_denied_total", Counter,
        ["server_address", "server_port", "reason"], false,
        "Attempts that failed at a server and were not followed by another because `retry_percent` and `retries_per_second` were used up";
    ClientHedges = "fast_client_hedges_total", Counter, ["reason", "outcome"], false,
        "Second attempts beside a first one, which took long (reason slow, calls with `hedge`) or whose server fell silent (reason silent): they won, lost, or were denied because `hedge_percent` or the budget of retries was used up";
    ClientThrottled = "fast_client_throttled_calls_total", Counter, [], false,
        "Calls that failed at once because of `throttle`";
    ClientWaiting = "fast_client_waiting_calls", Gauge, [], false,
        "Calls that wait for providers to be listed or for a connection";
    ClientEjections = "fast_client_ejections_total", Counter, ["server_address", "server_port"], false,
        "How often a server got no calls for a while, because too many had failed";
    ClientConnectFailures = "fast_client_connect_failures_total", Counter,
        ["server_address", "server_port", "reason"], false,
        "Attempts to connect that failed: refused, timeout, unreachable, unresolved or other";
    ClientConnects = "fast_client_connects_total", Counter, ["server_address", "server_port"], false,
        "Connections made";
    ClientRetired = "fast_client_retired_connections_total", Counter,
        ["server_address", "server_port", "reason"], false,
        "Good connections that got no further calls: left because the server is about to stop, idle, or replaced because of their age";
    RegistryStale = "fast_registry_stale_seconds", Gauge, ["service"], false,
        "How long the registry has been out of reach, 0 while it is not; calls go on with its last list";
    RegistryHeld = "fast_registry_held_total", Counter, ["service"], false,
        "Servers that vanished from the list without saying so and were used on for a while because they answered";
    RegistryQuarantines = "fast_registry_quarantines_total", Counter, ["service"], false,
        "How often half of the servers that answer vanished from the list, and were used on";
    RegistrySkipped = "fast_registry_skipped_entries", Gauge, ["service"], false,
        "Entries of the list that hold nothing usable";
    BuildInfo = "fast_build_info", Gauge, ["version"], false,
        "Always 1; the version of libfast is a label";
    LegacyServerCompleted = "fast_requests_completed", Counter, ["rpcMethod"], true,
        "count of fast requests completed";
    LegacyServerTime = "fast_server_request_time_seconds", Histogram, ["rpcMethod", "buckets_version"], true,
        "total time to process fast requests";
    LegacyClientCompleted = "fast_client_requests_completed", Counter, ["rpcMethod"], true,
        "count of fast client requests completed";
    LegacyClientTime = "fast_client_request_time_seconds", Histogram, ["rpcMethod", "buckets_version"], true,
        "end-to-end fast client request duration";
}

impl Metric {
    /// The row of this metric.
    pub fn spec(self) -> &'static MetricSpec {
        // The table is made by the macro that made the variants, in the same order.
        &Self::TABLE[self as usize]
    }
}

/// The labels of all metrics, with what their values mean.
pub const METRIC_LABELS: &[(&str, &str)] = &[
    ("rpc_system_name", "always `fast`"),
    ("rpc_method", "the method; `_OTHER` for requests whose method is missing or not registered"),
    (
        "error_type",
        "empty for success, else the name of the remote error or a code of [ERRORS.md](ERRORS.md); after 64 distinct ones `_OTHER`",
    ),
    ("server_address", "host or path of the server's socket; empty if no server was chosen"),
    ("server_port", "port of the server; empty for a Unix socket"),
    ("side", "`client` or `server`"),
    ("direction", "`sent` or `received`"),
    ("status", "`data`, `end` or `error`"),
    ("state", "see the metric"),
    ("reason", "of a protocol error its `fastReason`; of a retry the code of the error; else see the metric"),
    ("outcome", "`won`, `lost` or `denied`"),
    (
        "limit",
        "what a rate limit counts, as it is written (`client=* method=search`); `all` for one that counts everything",
    ),
    ("policy", "the client's `policy`"),
    ("service", "the service that is called"),
    ("version", "as in `x.y.z`"),
    ("rpcMethod", "as `rpc_method`"),
    ("buckets_version", "always `1`"),
];

/// What labels say in place of a value that is one too many.
pub const METRIC_OTHER: &str = "_OTHER";

/// Upper bounds of the buckets of durations, in seconds.
pub const DURATION_BUCKETS: [f64; 20] = [
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75,
    1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Upper bounds of the buckets of the legacy histograms, in seconds.
pub const LEGACY_BUCKETS: [f64; 30] = [
    0.0002, 0.0004, 0.0006, 0.0008, 0.001, 0.002, 0.004, 0.006, 0.008, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1,
    0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_variants_and_every_label_is_explained() {
        for (i, row) in Metric::TABLE.iter().enumerate() {
            assert_eq!(row.metric as usize, i);
            assert!(Metric::TABLE[..i].iter().all(|other| other.name != row.name), "{}", row.name);
            assert_eq!(
                row.name.ends_with("_total"),
                row.kind == MetricKind::Counter && !row.legacy,
                "{}",
                row.name
            );
            for label in row.labels {
                assert!(METRIC_LABELS.iter().any(|(name, _)| name == label), "{label}");
            }
        }
        let used = |label| Metric::TABLE.iter().any(|row| row.labels.contains(label));
        assert!(METRIC_LABELS.iter().all(|(name, _)| used(name)));
    }
}
