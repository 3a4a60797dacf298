//! How long the calls of one method took, by how they ended.

use super::families::Families;
use super::histogram::Histogram;
use libfast_model::Metric;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

/// The histograms of one method, made when first needed.
#[derive(Debug)]
pub(crate) struct Durations {
    families: Arc<Families>,
    metric: Metric,
    /// The values of all labels but the last, `error_type`.
    labels: Vec<String>,
    ok: OnceLock<Histogram>,
    failed: RwLock<HashMap<String, Histogram>>,
}

impl Durations {
    pub fn new(families: Arc<Families>, metric: Metric, labels: &[&str]) -> Self {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        Self { families, metric, labels, ok: OnceLock::new(), failed: RwLock::default() }
    }

    /// Records one call. An empty `error_type` is success.
    pub fn observe(&self, took: Duration, error_type: &str) {
        let seconds = took.as_secs_f64();
        if error_type.is_empty() {
            self.ok.get_or_init(|| self.histogram("")).observe(seconds);
            return;
        }
        let error_type = self.families.error_type(error_type);
        if let Some(known) = self.failed.read().unwrap_or_else(PoisonError::into_inner).get(error_type) {
            known.observe(seconds);
            return;
        }
        let histogram = self.histogram(error_type);
        histogram.observe(seconds);
        let mut failed = self.failed.write().unwrap_or_else(PoisonError::into_inner);
        failed.insert(error_type.to_owned(), histogram);
    }

    /// Records calls that ended well.
    pub fn observe_all(&self, took: &[Duration]) {
        let seconds = took.iter().map(Duration::as_secs_f64);
        self.ok.get_or_init(|| self.histogram("")).observe_all(seconds);
    }

    fn histogram(&self, error_type: &str) -> Histogram {
        let mut labels: Vec<_> = self.labels.iter().map(String::as_str).collect();
        labels.push(error_type);
        self.families.histogram(self.metric, &labels)
    }
}
