//! What a registry lists, asked for and written.

use super::subject::Subject;
use crate::table::table;
use libfast::{Record, Registry, Result, ServiceName};
use libfast_registry::{DirRegistry, Role};
use libfast_zookeeper::ZooKeeperRegistry;
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
    started_ms: u64,
}

#[derive(Debug, Serialize)]
pub struct Consumer {
    name: String,
    pid: u32,
    started_ms: u64,
}

impl Listing {
    /// Asks the registry. Takes as long as the registry does.
    pub async fn of(subject: &Subject) -> Result<Self> {
        match subject {
            Subject::Registry(registry) => {
                let registry = Asked::open(registry)?;
                let listing = registry.services().await;
                registry.close().await;
                listing
            }
            Subject::Service(registry, service) => {
                let registry = Asked::open(registry)?;
                let listing = registry.service(service).await;
                registry.close().await;
                listing
            }
            Subject::Either(registry, service, whole) => {
                let (registry, whole) = (Asked::open(registry)?, Asked::open(whole)?);
                let listing = Self::of_either(&registry, service, &whole).await;
                tokio::join!(registry.close(), whole.close());
                listing
            }
        }
    }

    async fn of_either(registry: &Asked, service: &ServiceName, whole: &Asked) -> Result<Self> {
        match registry.knows(service).await? || !whole.exists().await? {
            true => registry.service(service).await,
            false => whole.services().await,
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
    fn row(&self) -> Vec<String> {
        let age = age(self.started_ms);
        let (weight, pid) = (self.weight.to_string(), self.pid.to_string());
        vec![self.address.clone(), weight, self.zone.clone(), self.name.clone(), pid, self.state.into(), age]
    }
}

impl From<Record> for Provider {
    fn from(record: Record) -> Self {
        let state = match record.endpoint() {
            // Clients pass over it.
            Err(_) => "unusable",
            Ok(_) if record.draining => "draining",
            Ok(_) => "listed",
        };
        let Record { address, weight, zone, name, pid, started_ms, .. } = record;
        Self { address, weight, zone, name, pid, state, started_ms }
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

/// A registry while it is asked.
enum Asked {
    Dir(DirRegistry),
    ZooKeeper(ZooKeeperRegistry, String),
}

impl Asked {
    fn open(registry: &Registry) -> Result<Self> {
        Ok(match registry {
            Registry::Dir(folder) => Self::Dir(DirRegistry::open(folder.clone())?),
            Registry::ZooKeeper { hosts, root } => {
                Self::ZooKeeper(ZooKeeperRegistry::open(hosts, root, SESSION), registry.to_string())
            }
        })
    }

    fn name(&self) -> String {
        match self {
            // Where the default folder is differs between users and machines.
            Self::Dir(dir) => format!("dir://{}", dir.folder().display()),
            Self::ZooKeeper(_, name) => name.clone(),
        }
    }

    async fn services(&self) -> Result<Listing> {
        let service = |service: ServiceName, providers, consumers| Service {
            service: service.to_string(),
            providers,
            consumers,
        };
        let services = match self {
            Self::Dir(dir) => {
                dir.services()?.into_iter().map(|s| service(s.service, s.providers, s.consumers)).collect()
            }
            Self::ZooKeeper(zookeeper, _) => {
                let services = zookeeper.services().await?;
                services.into_iter().map(|s| service(s.service, s.providers, s.consumers)).collect()
            }
        };
        Ok(Listing::Registry { registry: self.name(), services })
    }

    async fn service(&self, service: &ServiceName) -> Result<Listing> {
        let providers = self.records(service, Role::Provider).await?;
        let consumers = self.records(service, Role::Consumer).await?;
        Ok(Listing::Service {
            registry: self.name(),
            service: service.to_string(),
            providers: providers.into_iter().map(Provider::from).collect(),
            consumers: consumers.into_iter().map(Consumer::from).collect(),
        })
    }

    async fn records(&self, service: &ServiceName, role: Role) -> Result<Vec<Record>> {
        match self {
            Self::Dir(dir) => dir.records(service, role),
            Self::ZooKeeper(zookeeper, _) => zookeeper.records(service, role).await,
        }
    }

    async fn knows(&self, service: &ServiceName) -> Result<bool> {
        match self {
            Self::Dir(dir) => Ok(dir.knows(service)),
            Self::ZooKeeper(zookeeper, _) => zookeeper.knows(service).await,
        }
    }

    /// Ends the session, if there is one.
    async fn close(&self) {
        if let Self::ZooKeeper(zookeeper, _) = self {
            zookeeper.close().await;
        }
    }

    /// Whether there is anything that can be taken for a registry.
    async fn exists(&self) -> Result<bool> {
        match self {
            Self::Dir(dir) => Ok(dir.folder().is_dir()),
            Self::ZooKeeper(zookeeper, _) => Ok(!zookeeper.services().await?.is_empty()),
        }
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

/// Nothing is announced in the session, so it may end soon after its connection.
const SESSION: Duration = Duration::from_secs(5);

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
        assert_eq!(Provider::from(record.clone()).state, "listed");
        assert_eq!(Provider::from(Record { draining: true, ..record.clone() }).state, "draining");
        assert_eq!(Provider::from(Record { address: "h".into(), ..record }).state, "unusable");
    }
}
