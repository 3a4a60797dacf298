//! The metrics that node-fast has, under its names.

use super::families::{Families, Labels};
use super::histogram::Histogram;
use libfast_model::{Error, ErrorKind, Metric, Result};
use prometheus_client::metrics::gauge::Gauge;
use std::time::Duration;

/// The labels that all of a client's or server's legacy metrics have.
#[derive(Debug)]
pub(crate) struct LegacyLabels(Vec<(String, String)>);

/// The legacy metrics of one method.
#[derive(Debug)]
pub(crate) struct LegacyMeter {
    completed: Gauge,
    time: Histogram,
}

impl LegacyLabels {
    /// Reads the option `metrics_labels`: `name=value`, separated by commas.
    pub fn parse(text: &str) -> Result<Self> {
        let mut labels: Vec<(String, String)> = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let wrong = |why: &str| {
                let message =
                    format!("option \"metrics_labels\": {pair:?} {why}; write name=value,name=value");
                Err(Error::new(ErrorKind::Invalid, message))
            };
            let Some((name, value)) = pair.split_once('=') else { return wrong("has no =") };
            if !is_label_name(name) {
                return wrong("has a name that is not letters, digits and _, or that Prometheus reserves");
            }
            if labels.iter().any(|(known, _)| known == name) {
                return wrong("has a name that came before");
            }
            labels.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self(labels))
    }

    /// The meter of one method.
    pub fn meter(&self, families: &Families, completed: Metric, time: Metric, method: &str) -> LegacyMeter {
        let mut labels: Labels = vec![("rpcMethod".into(), method.to_owned().into())];
        let own = self.0.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str()));
        labels.extend(own.map(|(name, value)| (name.clone().into(), value.clone().into())));
        let completed = families.gauge_labelled(completed, labels.clone());
        labels.push(("buckets_version".into(), "1".into()));
        LegacyMeter { completed, time: families.histogram_labelled(time, labels) }
    }
}

impl LegacyMeter {
    /// Records one call, in the whole milliseconds that node-fast measures.
    pub fn record(&self, took: Duration) {
        self.completed.inc();
        self.time.observe(took.as_millis() as f64 / 1000.0);
    }
}

/// The labels that the library sets itself win.
const RESERVED: &[&str] = &["rpcMethod", "buckets_version"];

fn is_label_name(name: &str) -> bool {
    let start = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    start
        && !name.starts_with("__")
        && name != "le"
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_or_refused_with_a_reason() {
        let labels = LegacyLabels::parse("a=1, b_2=x=y,c=").unwrap();
        assert_eq!(format!("{labels:?}"), r#"LegacyLabels([("a", "1"), ("b_2", "x=y"), ("c", "")])"#);
        for (text, why) in [("a", "no ="), ("1=x", "letters"), ("le=1", "reserves"), ("a=1,a=2", "before")] {
            let error = LegacyLabels::parse(text).unwrap_err();
            assert!(error.message().contains("metrics_labels") && error.message().contains(why), "{error}");
        }
    }
}
