//! What a client records.

use super::Metrics;
use super::durations::Durations;
use super::families::Families;
use super::legacy::{LegacyLabels, LegacyMeter};
use super::traffic::TrafficMeter;
use crate::names::{Named, Names};
use libfast_model::{Address, ClientOptions, Error, METRIC_OTHER, Metric, Result};
use libfast_protocol::Reason;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The handles of one client.
#[derive(Debug)]
pub(crate) struct ClientMeter {
    pub(super) families: Arc<Families>,
    legacy: Option<LegacyLabels>,
    policy: String,
    pub traffic: TrafficMeter,
    /// Second attempts, by reason: won, lost, denied.
    pub hedges: [[Counter; 3]; 2],
    /// Calls that were held back.
    pub throttled: Counter,
    /// Calls that wait for a connection.
    pub waiting: Gauge,
}

/// The handles of one endpoint of a client.
#[derive(Debug)]
pub(crate) struct EndpointMeter {
    client: Arc<ClientMeter>,
    address: String,
    port: String,
    pub picks: Counter,
    /// Connections made.
    pub connects: Counter,
    /// By the number of the method, a page at a time: most clients call few.
    durations: [OnceLock<Box<Page>>; MOST_METHODS / PAGE + 1],
}

/// The methods that a client has called, so that a call finds what belongs to its own without making anything.
#[derive(Debug)]
pub(crate) struct ClientMethods {
    meter: Option<Arc<ClientMeter>>,
    /// For calls that end before an endpoint is chosen.
    nowhere: Option<EndpointMeter>,
    known: Names<ClientMethod>,
    /// How many these are.
    count: Mutex<usize>,
}

/// A method as its callers know it.
#[derive(Debug)]
pub(crate) struct ClientMethod {
    pub name: Box<str>,
    /// Below [`MOST_METHODS`]; the last number is that of all the methods that are too many.
    number: usize,
    meter: Option<MethodMeter>,
}

#[derive(Debug)]
struct MethodMeter {
    in_flight: Gauge,
    legacy: Option<LegacyMeter>,
}

/// Methods that a client keeps apart. Names are the program's choice, and some programs make them up.
const MOST_METHODS: usize = 256;

/// Methods whose durations are made room for together.
const PAGE: usize = 16;
type Page = [OnceLock<Durations>; PAGE];

impl ClientMeter {
    /// `None` if the options say that nothing is recorded.
    pub fn new(options: &ClientOptions, metrics: &Metrics) -> Result<Option<Arc<Self>>> {
        let labels = LegacyLabels::parse(&options.metrics_labels)?;
        if !options.metrics {
            return Ok(None);
        }
        let families = metrics.0.clone();
        Ok(Some(Arc::new(Self {
            legacy: options.metrics_legacy_names.then_some(labels),
            policy: libfast_model::OptionValue::to_text(&options.policy),
            traffic: TrafficMeter::new(&families, "client"),
            hedges: ["slow", "silent"].map(|reason| {
                ["won", "lost", "denied"]
                    .map(|outcome| families.counter(Metric::ClientHedges, &[reason, outcome]))
            }),
            throttled: families.counter(Metric::ClientThrottled, &[]),
            waiting: families.gauge(Metric::ClientWaiting, &[]),
            families,
        })))
    }

    /// The handles of an endpoint.
    pub fn endpoint(self: &Arc<Self>, address: &Address) -> EndpointMeter {
        let (host, port) = match address {
            Address::Tcp { host, port } => (host.clone(), port.to_string()),
            Address::Unix(path) => (path.display().to_string(), String::new()),
        };
        let picks = self.families.counter(Metric::ClientPicks, &[&host, &port, &self.policy]);
        let connects = self.families.counter(Metric::ClientConnects, &[&host, &port]);
        self.endpoint_at(&host, &port, picks, connects)
    }

    fn endpoint_at(
        self: &Arc<Self>,
        address: &str,
        port: &str,
        picks: Counter,
        connects: Counter,
    ) -> EndpointMeter {
        EndpointMeter {
            client: self.clone(),
            address: address.to_owned(),
            port: port.to_owned(),
            picks,
            connects,
            durations: [const { OnceLock::new() }; _],
        }
    }

    pub fn protocol_error(&self, reason: Reason) {
        self.families.counter(Metric::ProtocolErrors, &["client", reason.name()]).inc();
    }

    fn method(&self, name: &str) -> MethodMeter {
        let legacy = |labels: &LegacyLabels| {
            labels.meter(&self.families, Metric::LegacyClientCompleted, Metric::LegacyClientTime, name)
        };
        MethodMeter {
            in_flight: self.families.gauge(Metric::ClientInFlight, &[name]),
            legacy: self.legacy.as_ref().map(legacy),
        }
    }
}

impl EndpointMeter {
    /// The meter of the client that it belongs to.
    pub fn client(&self) -> &Arc<ClientMeter> {
        &self.client
    }

    /// The number of connections in that state.
    pub fn connections(&self, state: &str) -> Gauge {
        self.client.families.gauge(Metric::ClientConnections, &[&self.address, &self.port, state])
    }

    /// How often it was ejected.
    pub fn ejections(&self) -> Counter {
        self.client.families.counter(Metric::ClientEjections, &[&self.address, &self.port])
    }

    /// A connection could not be made.
    pub fn connect_failed(&self, reason: &str) {
        self.count(Metric::ClientConnectFailures, reason);
    }

    /// A good connection is used no more.
    pub fn retired(&self, reason: &str) {
        self.count(Metric::ClientRetired, reason);
    }

    /// An attempt that failed with this error is followed by another, or would be if the budget allowed it.
    pub fn retried(&self, error: &Error, is_allowed: bool) {
        let metric = if is_allowed { Metric::ClientRetries } else { Metric::ClientRetriesDenied };
        self.count(metric, error.kind().name());
    }

    /// Rare enough for the labels to be made each time.
    fn count(&self, metric: Metric, reason: &str) {
        self.client.families.counter(metric, &[&self.address, &self.port, reason]).inc();
    }

    fn observe(&self, method: &ClientMethod, took: Duration, error_type: &str) {
        let page = self.durations[method.number / PAGE].get_or_init(Box::default);
        let durations = page[method.number % PAGE].get_or_init(|| {
            let name = if method.number < MOST_METHODS { &method.name } else { METRIC_OTHER };
            let (families, labels) = (self.client.families.clone(), [name, &self.address, &self.port]);
            Durations::new(families, Metric::ClientCallDuration, &labels)
        });
        durations.observe(took, error_type);
    }
}

impl ClientMethods {
    pub fn new(meter: Option<Arc<ClientMeter>>) -> Self {
        let nowhere =
            meter.as_ref().map(|meter| meter.endpoint_at("", "", Counter::default(), Counter::default()));
        Self { meter, nowhere, known: Names::default(), count: Mutex::default() }
    }

    /// The method of that name.
    pub fn get(&self, name: &str) -> Arc<ClientMethod> {
        if let Some(method) = self.known.get(name) {
            return method.clone();
        }
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let number = (*count).min(MOST_METHODS);
        let label = if number < MOST_METHODS { name } else { METRIC_OTHER };
        let meter = self.meter.as_ref().map(|meter| meter.method(label));
        let method = Arc::new(ClientMethod { name: name.into(), number, meter });
        if number < MOST_METHODS {
            match self.known.add(&method) {
                Ok(()) => *count += 1,
                // Another thread was quicker.
                Err(known) => return known.clone(),
            }
        }
        method
    }

    /// A call ended. `endpoint` is where its last attempt went. An empty `error_type` is success.
    pub fn ended(
        &self,
        method: &ClientMethod,
        endpoint: Option<&EndpointMeter>,
        took: Duration,
        error_type: &str,
    ) {
        let (Some(meter), Some(nowhere)) = (&method.meter, &self.nowhere) else { return };
        meter.in_flight.dec();
        endpoint.unwrap_or(nowhere).observe(method, took, error_type);
        if let Some(legacy) = &meter.legacy {
            legacy.record(took);
        }
    }
}

impl Named for ClientMethod {
    fn name(&self) -> &str {
        &self.name
    }
}

impl ClientMethod {
    /// A call of it begins.
    pub fn begin(&self) {
        if let Some(meter) = &self.meter {
            meter.in_flight.inc();
        }
    }
}
