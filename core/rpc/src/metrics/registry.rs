//! What a client records about its registry.

use super::client::ClientMeter;
use libfast_model::{Metric, ServiceName};
use libfast_registry::{Condition, RosterCounts};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// The handles of one service.
#[derive(Debug)]
pub(crate) struct RegistryMeter {
    stale_seconds: Gauge,
    skipped: Gauge,
    held: Counter,
    quarantines: Counter,
}

impl RegistryMeter {
    pub fn new(client: &ClientMeter, service: &ServiceName) -> Self {
        let labels = &[service.as_str()];
        let gauge = |metric| client.families.gauge(metric, labels);
        let counter = |metric| client.families.counter(metric, labels);
        Self {
            stale_seconds: gauge(Metric::RegistryStale),
            skipped: gauge(Metric::RegistrySkipped),
            held: counter(Metric::RegistryHeld),
            quarantines: counter(Metric::RegistryQuarantines),
        }
    }

    /// Tells how the registry is, and what changed since `before`.
    pub fn record(&self, condition: &Condition, now: RosterCounts, before: RosterCounts) {
        self.stale_seconds.set(condition.stale_since.map_or(0, |since| since.elapsed().as_secs() as i64));
        self.skipped.set(condition.skipped as i64);
        self.held.inc_by(now.held - before.held);
        self.quarantines.inc_by(now.quarantines - before.quarantines);
    }
}

impl Drop for RegistryMeter {
    /// Nobody looks any more, so nothing is stale or passed over.
    fn drop(&mut self) {
        self.stale_seconds.set(0);
        self.skipped.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use std::time::{Duration, Instant};

    #[test]
    fn a_client_that_is_gone_has_no_sick_registry() {
        let metrics = Metrics::new();
        let client = ClientMeter::new(&Default::default(), &metrics).unwrap().unwrap();
        let meter = RegistryMeter::new(&client, &"calc".parse().unwrap());
        let stale_since = Instant::now().checked_sub(Duration::from_secs(5));
        meter.record(&Condition { stale_since, skipped: 3 }, Default::default(), Default::default());
        let gauges = || {
            let of = |metric: &str| {
                let line = format!("{metric}{{service=\"calc\"}} ");
                metrics.text().lines().find_map(|found| found.strip_prefix(&line)?.parse::<u64>().ok())
            };
            [of("fast_registry_stale_seconds"), of("fast_registry_skipped_entries")]
        };
        assert!(gauges().iter().all(|gauge| *gauge > Some(0)), "{:?}", gauges());
        drop(meter);
        assert_eq!(gauges(), [Some(0), Some(0)]);
    }
}
