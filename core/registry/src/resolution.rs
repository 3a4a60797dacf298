//! What a consumer learns from a registry.

use crate::{Overrides, Record, changed};
use libfast_model::{Endpoint, Error, ServiceName};
use std::any::Any;
use std::time::Instant;
use tokio::sync::watch;

/// One provider as listed: a key that is unique to this registration, and where to reach it.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// Unique to this registration: a restarted server has another.
    pub key: String,
    /// Where it is and how much it takes.
    pub endpoint: Endpoint,
}

/// The state of knowledge about a service. An empty list is never used to mean "not known".
#[derive(Debug, Clone, Default)]
pub enum Resolution {
    /// Nothing is known yet.
    #[default]
    Pending,
    /// These are the providers, at least one, ordered by key.
    Bound(Vec<Provider>),
    /// The registry answered: nobody provides the service.
    Absent,
    /// Nothing is known, because of this error. The registry goes on trying.
    Failed(Error),
}

/// How good a [`Resolution`] is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Condition {
    /// Since when the registry cannot be reached; what it said last stands meanwhile.
    pub stale_since: Option<Instant>,
    /// Entries on the list that hold nothing usable and are not in the resolution.
    pub skipped: usize,
}

/// Finds the providers of services.
pub trait Resolver: Send + Sync {
    /// Watches the providers of a service until the returned value is dropped. Returns at once, normally with
    /// [`Resolution::Pending`]; must be called within a tokio runtime. A registry that cannot be reached any more
    /// leaves the last list standing.
    fn watch(&self, service: &ServiceName) -> Watch;

    /// The consumers that are listed for a service, for operators.
    fn consumers(
        &self,
        service: &ServiceName,
    ) -> std::pin::Pin<Box<dyn Future<Output = libfast_model::Result<Vec<Record>>> + Send + '_>>;
}

/// A live view of one service's providers. Dropping it ends the watch.
pub struct Watch {
    receiver: watch::Receiver<Resolution>,
    condition: watch::Receiver<Condition>,
    overrides: watch::Receiver<Overrides>,
    _keep: Option<Box<dyn Any + Send + Sync>>,
}

impl Watch {
    /// A view of `receiver`; `keep` is dropped with it.
    pub fn new(receiver: watch::Receiver<Resolution>, keep: impl Any + Send + Sync) -> Self {
        let (condition, overrides) = (never_changing(), never_changing());
        Self { receiver, condition, overrides, _keep: Some(Box::new(keep)) }
    }

    /// The same, of a registry that tells how good its answers are.
    pub fn with_condition(mut self, condition: watch::Receiver<Condition>) -> Self {
        self.condition = condition;
        self
    }

    /// The same, of a registry in which operators decide. The resolutions are as decided; this is for providers that the client
    /// knows although they are listed no more.
    pub fn with_overrides(mut self, overrides: watch::Receiver<Overrides>) -> Self {
        self.overrides = overrides;
        self
    }

    /// A view that never changes.
    pub fn constant(resolution: Resolution) -> Self {
        let (condition, overrides) = (never_changing(), never_changing());
        Self { receiver: watch::channel(resolution).1, condition, overrides, _keep: None }
    }

    /// What is known now.
    pub fn current(&self) -> Resolution {
        self.receiver.borrow().clone()
    }

    /// How good it is, now and later.
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.clone()
    }

    /// What operators decided, now and later; nothing if they cannot, or if it is not known.
    pub fn overrides(&self) -> watch::Receiver<Overrides> {
        self.overrides.clone()
    }

    /// Waits for a change and returns what is known then; for ever if there can be no more. Cancel safe.
    pub async fn changed(&mut self) -> Resolution {
        changed(&mut self.receiver).await;
        self.receiver.borrow_and_update().clone()
    }
}

fn never_changing<T: Default>() -> watch::Receiver<T> {
    watch::channel(T::default()).1
}
