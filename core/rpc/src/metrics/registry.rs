//! What a client records about its registry.

use super::client::ClientMeter;
use super::families::Families;
use libfast_model::{Metric, ServiceName};
use libfast_registry::{Condition, RosterCounts};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The handles of one service, for one of its clients.
#[derive(Debug)]
pub(crate) struct RegistryMeter {
    families: Arc<Families>,
    /// The service, and which of its clients this is.
    place: (String, u64),
    stale_seconds: Gauge,
    skipped: Gauge,
    held: Counter,
    quarantines: Counter,
}

/// What the clients of each service say at present. Those of one service share its gauges, which show the worst of it.
#[derive(Debug, Default)]
pub(crate) struct RegistryReports(Mutex<Reports>);

#[derive(Debug, Default)]
struct Reports {
    /// So many clients there were.
    clients: u64,
    present: BTreeMap<(String, u64), Report>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Report {
    stale_seconds: i64,
    skipped: i64,
}

impl RegistryMeter {
    pub fn new(client: &ClientMeter, service: &ServiceName) -> Self {
        let families = client.families.clone();
        let labels = &[service.as_str()];
        let gauge = |metric| families.gauge(metric, labels);
        let counter = |metric| families.counter(metric, labels);
        Self {
            place: (service.to_string(), families.registries.next()),
            stale_seconds: gauge(Metric::RegistryStale),
            skipped: gauge(Metric::RegistrySkipped),
            held: counter(Metric::RegistryHeld),
            quarantines: counter(Metric::RegistryQuarantines),
            families,
        }
    }

    /// Tells how the registry is, and what changed since `before`.
    pub fn record(&self, condition: &Condition, now: RosterCounts, before: RosterCounts) {
        let stale_seconds = condition.stale_since.map_or(0, |since| since.elapsed().as_secs() as i64);
        self.report(Some(Report { stale_seconds, skipped: condition.skipped as i64 }));
        self.held.inc_by(now.held - before.held);
        self.quarantines.inc_by(now.quarantines - before.quarantines);
    }

    fn report(&self, report: Option<Report>) {
        let mut reports = self.families.registries.0.lock().unwrap_or_else(PoisonError::into_inner);
        match report {
            Some(report) => reports.present.insert(self.place.clone(), report),
            None => reports.present.remove(&self.place),
        };
        let (service, _) = &self.place;
        let all = reports.present.range((service.clone(), 0)..=(service.clone(), u64::MAX));
        let worst = all.fold(Report::default(), |worst, (_, one)| Report {
            stale_seconds: worst.stale_seconds.max(one.stale_seconds),
            skipped: worst.skipped.max(one.skipped),
        });
        // Locked until they are set, so that none of them shows what is over.
        self.stale_seconds.set(worst.stale_seconds);
        self.skipped.set(worst.skipped);
    }
}

impl RegistryReports {
    /// The number of the next client.
    fn next(&self) -> u64 {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reports.clients += 1;
        reports.clients
    }
}

impl Drop for RegistryMeter {
    /// It looks no more, so for it nothing is stale or passed over.
    fn drop(&mut self) {
        self.report(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;
    use std::time::{Duration, Instant};

    fn gauges(metrics: &Metrics) -> [Option<u64>; 2] {
        let of = |metric: &str| {
            let line = format!("{metric}{{service=\"calc\"}} ");
            metrics.text().lines().find_map(|found| found.strip_prefix(&line)?.parse().ok())
        };
        [of("fast_registry_stale_seconds"), of("fast_registry_skipped_entries")]
    }

    fn meter(metrics: &Metrics) -> RegistryMeter {
        let client = ClientMeter::new(&Default::default(), metrics).unwrap().unwrap();
        RegistryMeter::new(&client, &"calc".parse().unwrap())
    }

    fn record(meter: &RegistryMeter, stale_seconds: u64, skipped: usize) {
        let stale_since = Instant::now().checked_sub(Duration::from_secs(stale_seconds));
        let stale_since = stale_since.filter(|_| stale_seconds > 0);
        meter.record(&Condition { stale_since, skipped }, Default::default(), Default::default());
    }

    #[test]
    fn a_client_that_is_gone_has_no_sick_registry() {
        let metrics = Metrics::new();
        let meter = meter(&metrics);
        record(&meter, 5, 3);
        assert!(gauges(&metrics).iter().all(|gauge| *gauge > Some(0)), "{:?}", gauges(&metrics));
        drop(meter);
        assert_eq!(gauges(&metrics), [Some(0), Some(0)]);
    }

    #[test]
    fn of_several_clients_of_a_service_the_worst_is_told_while_it_is_there() {
        let metrics = Metrics::new();
        let [sick, well, other] = [meter(&metrics), meter(&metrics), meter(&metrics)];
        record(&sick, 5, 3);
        record(&other, 0, 4);
        record(&well, 0, 0);
        let [Some(stale), Some(4)] = gauges(&metrics) else { panic!("{:?}", gauges(&metrics)) };
        assert!(stale >= 5);
        drop((well, other));
        let [Some(stale), Some(3)] = gauges(&metrics) else { panic!("{:?}", gauges(&metrics)) };
        assert!(stale >= 5);
        record(&sick, 0, 0);
        assert_eq!(gauges(&metrics), [Some(0), Some(0)]);
    }
}
