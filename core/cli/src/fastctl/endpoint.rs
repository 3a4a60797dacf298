//! An endpoint as a client sees it.

use super::asked::Asked;
use libfast::{Result, Target};
use libfast_registry::{Provider, Resolution, Watch};
use serde::Serialize;

/// One row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Endpoint {
    pub address: String,
    pub weight: u32,
    pub zone: String,
    /// `ready`, `draining` (called only if nobody else is left) or `off` (weight 0, not called).
    pub state: &'static str,
    /// What tells this registration from others of the same address.
    pub key: String,
}

impl Endpoint {
    pub const HEADER: [&str; 5] = ["ADDRESS", "WEIGHT", "ZONE", "STATE", "KEY"];

    pub fn row(&self) -> Vec<String> {
        vec![
            self.address.clone(),
            self.weight.to_string(),
            self.zone.clone(),
            self.state.into(),
            self.key.clone(),
        ]
    }
}

impl From<&Provider> for Endpoint {
    fn from(provider: &Provider) -> Self {
        let endpoint = &provider.endpoint;
        let state = match (endpoint.weight, endpoint.draining) {
            (0, _) => "off",
            (_, true) => "draining",
            _ => "ready",
        };
        Self {
            address: endpoint.address.to_string(),
            weight: endpoint.weight,
            zone: endpoint.zone.clone(),
            state,
            key: provider.key.clone(),
        }
    }
}

/// The endpoints of a target, followed.
pub struct Followed {
    watch: Watch,
    registry: Option<Asked>,
}

impl Followed {
    /// Begins to ask.
    pub fn new(target: &Target, layouts: &str) -> Result<Self> {
        Ok(match target {
            Target::Fixed(addresses) => Self { watch: libfast_registry::fixed(addresses), registry: None },
            Target::Service { registry, service } => {
                let registry = Asked::open(registry, layouts)?;
                Self { watch: registry.watch(service), registry: Some(registry) }
            }
        })
    }

    /// What is known, as soon as anything is.
    pub async fn first(&mut self) -> Resolution {
        let mut resolution = self.watch.current();
        while matches!(resolution, Resolution::Pending) {
            resolution = self.watch.changed().await;
        }
        resolution
    }

    /// What is known after the next change.
    pub async fn changed(&mut self) -> Resolution {
        self.watch.changed().await
    }

    /// Ends the session, if there is one.
    pub async fn close(self) {
        if let Some(registry) = &self.registry {
            registry.close().await;
        }
    }
}
