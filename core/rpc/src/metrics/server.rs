//! What a server records.

use super::Metrics;
use super::durations::Durations;
use super::families::Families;
use super::legacy::{LegacyLabels, LegacyMeter};
use super::traffic::TrafficMeter;
use crate::refusal::Refusal;
use crate::server_account::Stalled;
use libfast_model::{METRIC_OTHER, Metric, Result, ServerOptions};
use libfast_protocol::Reason;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The handles of one server.
#[derive(Debug)]
pub(crate) struct ServerMeter {
    families: Arc<Families>,
    legacy: Option<LegacyLabels>,
    /// For requests whose method is missing or not registered: their names are the peers' choice.
    unregistered: OnceLock<MethodMeter>,
    /// In the order of [`Refusal::ALL`].
    refused: [Counter; Refusal::ALL.len()],
    pub connections_over_limit: Counter,
    pub connections_kicked: Counter,
    /// In the order of [`Stalled::ALL`].
    stalled: [Counter; Stalled::ALL.len()],
    pub traffic: TrafficMeter,
    pub open: Gauge,
    pub draining: Gauge,
}

/// The handles of one method of a server.
#[derive(Debug)]
pub(crate) struct MethodMeter {
    in_flight: Gauge,
    durations: Durations,
    legacy: Option<LegacyMeter>,
}

impl ServerMeter {
    /// `None` if the options say that nothing is recorded.
    pub fn new(options: &ServerOptions, metrics: &Metrics) -> Result<Option<Self>> {
        let labels = LegacyLabels::parse(&options.metrics_labels)?;
        if !options.metrics {
            return Ok(None);
        }
        let families = metrics.0.clone();
        let connections = |state| families.gauge(Metric::ServerConnections, &[state]);
        let refused = |reason| families.counter(Metric::ServerRefusedConnections, &[reason]);
        Ok(Some(Self {
            legacy: options.metrics_legacy_names.then_some(labels),
            unregistered: OnceLock::new(),
            refused: Refusal::ALL.map(|why| families.counter(Metric::ServerRefusals, &[why.reason()])),
            connections_over_limit: refused("limit"),
            connections_kicked: refused("kicked"),
            stalled: Stalled::ALL.map(|what| families.counter(Metric::ServerStalls, &[what.direction()])),
            traffic: TrafficMeter::new(&families, "server"),
            open: connections("open"),
            draining: connections("draining"),
            families,
        }))
    }

    /// The handles of a method that is being registered.
    pub fn method(&self, name: &str) -> MethodMeter {
        let legacy = |labels: &LegacyLabels| {
            labels.meter(&self.families, Metric::LegacyServerCompleted, Metric::LegacyServerTime, name)
        };
        MethodMeter {
            in_flight: self.families.gauge(Metric::ServerInFlight, &[name]),
            durations: Durations::new(self.families.clone(), Metric::ServerCallDuration, &[name]),
            legacy: self.legacy.as_ref().map(legacy),
        }
    }

    /// Records a request that was answered at once because its method is missing or not registered.
    pub fn unregistered(&self, took: Duration) {
        self.unregistered.get_or_init(|| self.method(METRIC_OTHER)).record(took, "FastError");
    }

    /// The handles of the limit of requests that run.
    pub fn gate(&self) -> GateMeter {
        let gauge = |metric| (self.families.gauge(metric, &[]), 0);
        GateMeter { limit: gauge(Metric::ServerConcurrencyLimit), waiting: gauge(Metric::ServerWaiting) }
    }

    /// A request was not run.
    pub fn refused(&self, why: Refusal) {
        // The variants are in the order of the array.
        self.refused[why as usize].inc();
    }

    /// The counter of the requests that a rate limit refuses; `counted` is which ones it counts.
    pub fn rate_limited(&self, counted: &str) -> Counter {
        let counted = if counted.is_empty() { "all" } else { counted };
        self.families.counter(Metric::ServerRateLimited, &[counted])
    }

    /// A connection was closed because its client got on with nothing.
    pub fn stalled(&self, what: Stalled) {
        // The variants are in the order of the array.
        self.stalled[what as usize].inc();
    }

    pub fn protocol_error(&self, reason: Reason) {
        self.families.counter(Metric::ProtocolErrors, &["server", reason.name()]).inc();
    }
}

/// The handles of a server's limit of requests that run, each with the server's part of the gauge.
#[derive(Debug)]
pub(crate) struct GateMeter {
    limit: (Gauge, i64),
    waiting: (Gauge, i64),
}

impl GateMeter {
    /// So many may run, and so many wait for that.
    pub fn publish(&mut self, limit: u32, waiting: usize) {
        let values = [(&mut self.limit, i64::from(limit)), (&mut self.waiting, waiting as i64)];
        for ((gauge, known), now) in values {
            if *known != now {
                gauge.inc_by(now - *known);
                *known = now;
            }
        }
    }
}

impl Drop for GateMeter {
    fn drop(&mut self) {
        self.publish(0, 0);
    }
}

impl MethodMeter {
    /// So many more requests run, and these have ended well.
    pub fn publish(&self, running: i64, took: &[Duration]) {
        if running != 0 {
            self.in_flight.inc_by(running);
        }
        if !took.is_empty() {
            self.durations.observe_all(took);
            self.legacy.iter().for_each(|legacy| took.iter().for_each(|&took| legacy.record(took)));
        }
    }

    /// Records a request that ended, or never began. An empty `error_type` is success.
    pub fn record(&self, took: Duration, error_type: &str) {
        self.durations.observe(took, error_type);
        if let Some(legacy) = &self.legacy {
            legacy.record(took);
        }
    }
}
