//! A histogram that is told of many durations at once.

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// As `prometheus_client` has it, whose own takes its lock for each duration. Clones are the same histogram.
#[derive(Debug, Clone)]
pub(crate) struct Histogram(Arc<Mutex<Counts>>);

#[derive(Debug)]
struct Counts {
    sum: f64,
    count: u64,
    /// By upper bound, the last of which is infinite; not cumulative.
    buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// With these upper bounds, in rising order, of all buckets but the last.
    pub fn new(bounds: &[f64]) -> Self {
        let buckets = bounds.iter().copied().chain([f64::INFINITY]).map(|bound| (bound, 0)).collect();
        Self(Arc::new(Mutex::new(Counts { sum: 0.0, count: 0, buckets })))
    }

    pub fn observe(&self, seconds: f64) {
        self.observe_all([seconds]);
    }

    pub fn observe_all(&self, all: impl IntoIterator<Item = f64>) {
        let mut counts = self.lock();
        for seconds in all {
            counts.sum += seconds;
            counts.count += 1;
            if let Some((_, bucket)) = counts.buckets.iter_mut().find(|(bound, _)| seconds <= *bound) {
                *bucket += 1;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let counts = self.lock();
        encoder.encode_histogram::<NoLabelSet>(counts.sum, counts.count, &counts.buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}
