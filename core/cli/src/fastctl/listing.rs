//! What a registry lists, asked for and written.

use super::asked::Asked;
use super::subject::Subject;
use crate::table::table;
use libfast::{Metadata, Record, Result, ServiceName};
use libfast_registry::{Override, Role};
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// A registry's or a service's entries.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Listing {
    /// The services of a registry.
    Registry { registry: String, services: Vec<Service> },
    /// Who provides and who calls a service.
    Service { registry: String, service: String, providers: Vec<Provider>, consumers: Vec<Consumer> },
}

#[derive(Debug, Serialize)]
pub struct Service {
    service: String,
    providers: usize,
    consumers: usize,
}

#[derive(Debug, Serialize)]
pub struct Provider {
    address: String,
    weight: u32,
    zone: String,
    name: String,
    pid: u32,
    state: &'static str,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata,
    #[serde(skip_serializing_if = "String::is_empty")]
    metrics: String,
    started_ms: u64,
    /// What an operator decided; the members above are what the provider says.
    #[serde(rename = "override", skip_serializing_if = "Override::is_none")]
    decided: Override,
}

#[derive(Debug, Serialize)]
pub struct Consumer {
    name: String,
    pid: u32,
    started_ms: u64,
}

impl Listing {
    /// Asks the registry. Takes as long as the registry does.
    pub async fn of(subject: &Subject, layouts: &str) -> Result<Self> {
        match subject {
            Subject::Registry(registry) => {
                let registry = Asked::open(registry, layouts)?;
                let listing = Self::of_registry(&registry).await;
                registry.close().await;
                listing
            }
            Subject::Service(registry, service) => {
                let registry = Asked::open(registry, layouts)?;
                let listing = Self::of_service(&registry, service).await;
                registry.close().await;
                listing
            }
            Subject::Either(registry, service, whole) => {
                let (registry, whole) = (Asked::open(registry, layouts)?, Asked::open(whole, layouts)?);
                let listing = Self::of_either(&registry, service, &whole).await;
                tokio::join!(registry.close(), whole.close());
                listing
            }
        }
    }

    async fn of_registry(registry: &Asked) -> Result<Self> {
        let services = registry.services().await?.into_iter();
        let services = services.map(|s| Service {
            service: s.service.to_string(),
            providers: s.providers,
            consumers: s.consumers,
        });
        Ok(Self::Registry { registry: registry.name(), services: services.collect() })
    }

    async fn of_service(registry: &Asked, service: &ServiceName) -> Result<Self> {
        let providers = registry.records(service, Role::Provider).await?;
        let consumers = registry.records(service, Role::Consumer).await?;
        let decided = registry.overrides(service).await?;
        let provider = |record: Record| {
            let decided = decided.of(&record.address);
            Provider::new(record, decided)
        };
        Ok(Self::Service {
            registry: registry.name(),
            service: service.to_string(),
            providers: providers.into_iter().map(provider).collect(),
            consumers: consumers.into_iter().map(Consumer::from).collect(),
        })
    }

    async fn of_either(registry: &Asked, service: &ServiceName, whole: &Asked) -> Result<Self> {
        match registry.knows(service).await? || !whole.exists().await? {
            true => Self::of_service(registry, service).await,
            false => Self::of_registry(whole).await,
        }
    }

    /// One line of JSON.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Document<'l> {
            schema: &'static str,
            #[serde(flatten)]
            listing: &'l Listing,
        }
        let document = Document { schema: "fastctl.ls/1", listing: self };
        serde_json::to_string(&document).expect("a listing is plain data")
    }

    /// Columns with a header; what is empty has the header only, except that no consumers are not mentioned.
    pub fn to_table(&self) -> String {
        match self {
            Self::Registry { services, .. } => {
                let rows = services
                    .iter()
                    .map(|s| vec![s.service.clone(), s.providers.to_string(), s.consumers.to_string()]);
                table(&["SERVICE", "PROVIDERS", "CONSUMERS"], rows)
            }
            Self::Service { providers, consumers, .. } => {
                let rows = providers.iter().map(Provider::row);
                let mut text = table(&["ADDRESS", "WEIGHT", "ZONE", "NAME", "PID", "STATE", "AGE"], rows);
                if !consumers.is_empty() {
                    let rows = consumers.iter().map(Consumer::row);
                    text = format!("{text}\n\n{}", table(&["CONSUMER", "PID", "AGE"], rows));
                }
                text
            }
        }
    }
}

impl Provider {
    fn new(record: Record, decided: Override) -> Self {
        let state = match record.endpoint() {
            // Clients pass over it.
            Err(_) => "unusable",
            Ok(_) if record.draining => "draining",
            Ok(_) if decided.draining => "drained",
            Ok(_) => "listed",
        };
        let Record { address, weight, zone, name, pid, metadata, metrics, started_ms, .. } = record;
        Self { address, weight, zone, name, pid, state, metadata, metrics, started_ms, decided }
    }

    /// With the weight that counts.
    fn row(&self) -> Vec<String> {
        let age = age(self.started_ms);
        let (weight, pid) = (self.decided.weight.unwrap_or(self.weight).to_string(), self.pid.to_string());
        vec![self.address.clone(), weight, self.zone.clone(), self.name.clone(), pid, self.state.into(), age]
    }
}

impl Consumer {
    fn row(&self) -> Vec<String> {
        vec![self.name.clone(), self.pid.to_string(), age(self.started_ms)]
    }
}

impl From<Record> for Consumer {
    fn from(record: Record) -> Self {
        Self { name: record.name, pid: record.pid, started_ms: record.started_ms }
    }
}

/// How long ago a moment was, in its two largest units.
fn age(started_ms: u64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    match now.checked_sub(Duration::from_millis(started_ms)) {
        Some(age) if started_ms > 0 => in_units(age.as_secs()),
        // It was not told, or the clocks of two machines differ.
        _ => "-".into(),
    }
}

fn in_units(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m{}s", seconds % 60),
        (0, ..) => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_has_two_units_and_no_space() {
        for (seconds, text) in [(0, "0s"), (61, "1m1s"), (7_260, "2h1m"), (273_600, "3d4h")] {
            assert_eq!(in_units(seconds), text);
        }
        assert_eq!(age(0), "-");
        assert_eq!(age(u64::MAX), "-");
    }

    #[test]
    fn a_provider_that_clients_pass_over_is_marked() {
        let record = Record { address: "h:1".into(), ..Record::of_this_process("calc") };
        let state =
            |record: Record, draining| Provider::new(record, Override { weight: None, draining }).state;
        assert_eq!(state(record.clone(), false), "listed");
        assert_eq!(state(record.clone(), true), "drained");
        assert_eq!(state(Record { draining: true, ..record.clone() }, true), "draining");
        assert_eq!(state(Record { address: "h".into(), ..record }, false), "unusable");
    }
}
