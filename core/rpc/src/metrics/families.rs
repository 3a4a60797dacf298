//! The numbers themselves, by metric and labels.

use super::histogram::Histogram;
use super::registry::RegistryReports;
use libfast_model::{DURATION_BUCKETS, LEGACY_BUCKETS, METRIC_OTHER, Metric, MetricKind, MetricSpec};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

/// Names and values, in the order in which they are shown.
pub(crate) type Labels = Vec<(Cow<'static, str>, Cow<'static, str>)>;

/// One family per row of the table of metrics.
#[derive(Debug)]
pub(crate) struct Families {
    /// In the order of the table, each with how many series were made.
    all: Vec<(AnyFamily, AtomicUsize)>,
    error_types: RwLock<HashSet<String>>,
    pub registries: RegistryReports,
}

#[derive(Debug)]
enum AnyFamily {
    Counter(Family<Labels, Counter>),
    /// Also the counters of node-fast, whose names OpenMetrics does not allow for a counter.
    Gauge(Family<Labels, Gauge>),
    Histogram(Family<Labels, Histogram, fn() -> Histogram>),
}

/// Series of one metric, above which new ones are counted together.
const MOST_SERIES: usize = 2000;
/// Distinct `error_type`s, above which new ones are `_OTHER`: names of errors are the peers' choice.
const MOST_ERROR_TYPES: usize = 64;
/// The labels whose values come from programs and peers.
const OPEN_LABELS: &[&str] =
    &["limit", "rpc_method", "rpcMethod", "server_address", "server_port", "service"];

impl Families {
    pub fn new() -> Self {
        let families = Self {
            all: Metric::TABLE.iter().map(|spec| (AnyFamily::new(spec), AtomicUsize::new(0))).collect(),
            error_types: RwLock::default(),
            registries: RegistryReports::default(),
        };
        families.gauge(Metric::BuildInfo, &[libfast_model::VERSION]).set(1);
        families
    }

    /// The counter with these values of its labels.
    pub fn counter(&self, metric: Metric, values: &[&str]) -> Counter {
        match self.family(metric) {
            (AnyFamily::Counter(family), made) => series(family, made, labels(metric.spec(), values)),
            _ => unreachable!("{metric:?} is no counter"),
        }
    }

    /// The gauge with these values of its labels.
    pub fn gauge(&self, metric: Metric, values: &[&str]) -> Gauge {
        self.gauge_labelled(metric, labels(metric.spec(), values))
    }

    pub fn gauge_labelled(&self, metric: Metric, labels: Labels) -> Gauge {
        match self.family(metric) {
            (AnyFamily::Gauge(family), made) => series(family, made, labels),
            _ => unreachable!("{metric:?} is no gauge"),
        }
    }

    /// The histogram with these values of its labels.
    pub fn histogram(&self, metric: Metric, values: &[&str]) -> Histogram {
        self.histogram_labelled(metric, labels(metric.spec(), values))
    }

    pub fn histogram_labelled(&self, metric: Metric, labels: Labels) -> Histogram {
        match self.family(metric) {
            (AnyFamily::Histogram(family), made) => series(family, made, labels),
            _ => unreachable!("{metric:?} is no histogram"),
        }
    }

    /// The type itself, or `_OTHER` if it is one too many.
    pub fn error_type<'t>(&self, error_type: &'t str) -> &'t str {
        let known = self.error_types.read().unwrap_or_else(PoisonError::into_inner).contains(error_type);
        if known {
            return error_type;
        }
        let mut types = self.error_types.write().unwrap_or_else(PoisonError::into_inner);
        if types.len() >= MOST_ERROR_TYPES && !types.contains(error_type) {
            return METRIC_OTHER;
        }
        types.insert(error_type.to_owned());
        error_type
    }

    fn family(&self, metric: Metric) -> &(AnyFamily, AtomicUsize) {
        &self.all[metric as usize]
    }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        for (spec, (family, _)) in Metric::TABLE.iter().zip(&self.all) {
            if family.is_empty() {
                continue;
            }
            // The encoder appends it to the names of samples.
            let name = spec.name.strip_suffix("_total").unwrap_or(spec.name);
            let kind = match spec.kind {
                MetricKind::Counter if spec.legacy => MetricType::Unknown,
                MetricKind::Counter => MetricType::Counter,
                MetricKind::Gauge => MetricType::Gauge,
                MetricKind::Histogram => MetricType::Histogram,
            };
            let encoder = encoder.encode_descriptor(name, spec.help, None, kind)?;
            match family {
                // A family would write `{}` behind the name.
                AnyFamily::Counter(family) if spec.labels.is_empty() => only(family).encode(encoder)?,
                AnyFamily::Gauge(family) if spec.labels.is_empty() => only(family).encode(encoder)?,
                AnyFamily::Counter(family) => family.encode(encoder)?,
                AnyFamily::Gauge(family) => family.encode(encoder)?,
                AnyFamily::Histogram(family) => family.encode(encoder)?,
            }
        }
        Ok(())
    }
}

impl AnyFamily {
    fn new(spec: &MetricSpec) -> Self {
        match (spec.kind, spec.legacy) {
            (MetricKind::Counter, false) => Self::Counter(Family::default()),
            (MetricKind::Counter, true) | (MetricKind::Gauge, _) => Self::Gauge(Family::default()),
            (MetricKind::Histogram, false) => {
                Self::Histogram(Family::new_with_constructor(|| Histogram::new(&DURATION_BUCKETS)))
            }
            (MetricKind::Histogram, true) => {
                Self::Histogram(Family::new_with_constructor(|| Histogram::new(&LEGACY_BUCKETS)))
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Counter(family) => family.is_empty(),
            Self::Gauge(family) => family.is_empty(),
            Self::Histogram(family) => family.is_empty(),
        }
    }
}

/// The names of the table with these values.
fn labels(spec: &MetricSpec, values: &[&str]) -> Labels {
    let mut values = values.iter();
    let value = |name: &&'static str| match *name {
        "rpc_system_name" => Cow::Borrowed("fast"),
        _ => Cow::Owned((*values.next().expect("each label has a value")).to_owned()),
    };
    spec.labels.iter().map(|name| Cow::Borrowed(*name)).zip(spec.labels.iter().map(value)).collect()
}

/// The series of a metric without labels.
fn only<M: Clone + Default>(family: &Family<Labels, M>) -> M {
    family.get_or_create(&Labels::new()).clone()
}

/// The series with these labels, or the one that stands for all that are too many.
fn series<M, C>(family: &Family<Labels, M, C>, made: &AtomicUsize, mut labels: Labels) -> M
where
    M: Clone,
    C: MetricConstructor<M>,
{
    let known = family.get(&labels).is_some();
    if !known && made.fetch_add(1, Ordering::Relaxed) >= MOST_SERIES {
        for (name, value) in &mut labels {
            if OPEN_LABELS.contains(&&**name) {
                *value = METRIC_OTHER.into();
            }
        }
    }
    family.get_or_create_owned(&labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_and_peers_choose_is_bounded() {
        let families = std::sync::Arc::new(Families::new());
        for n in 0..3 * MOST_SERIES {
            families.gauge(Metric::ClientInFlight, &[&format!("method{n}")]).inc();
        }
        let text = super::super::text::open_metrics(&families);
        let series = text.lines().filter(|line| line.starts_with("fast_client_in_flight_requests{"));
        assert_eq!(series.count(), MOST_SERIES + 1);
        let rest = families.gauge(Metric::ClientInFlight, &["one more"]).get();
        assert_eq!(rest, 2 * MOST_SERIES as i64);

        let types: HashSet<_> = (0..1000).map(|n| families.error_type(&format!("E{n}")).to_owned()).collect();
        assert_eq!(types.len(), MOST_ERROR_TYPES + 1);
        assert_eq!((families.error_type("E0"), families.error_type("E999")), ("E0", METRIC_OTHER));
    }
}
