//! What a consumer learns from a registry.

use crate::Record;
use libfast_model::{Endpoint, Error, ServiceName};
use std::any::Any;
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
    _keep: Option<Box<dyn Any + Send + Sync>>,
}

impl Watch {
    /// A view of `receiver`; `keep` is dropped with it.
    pub fn new(receiver: watch::Receiver<Resolution>, keep: impl Any + Send + Sync) -> Self {
        Self { receiver, _keep: Some(Box::new(keep)) }
    }

    /// A view that never changes.
    pub fn constant(resolution: Resolution) -> Self {
        Self { receiver: watch::channel(resolution).1, _keep: None }
    }

    /// What is known now.
    pub fn current(&self) -> Resolution {
        self.receiver.borrow().clone()
    }

    /// Waits for a change and returns what is known then; for ever if there can be no more. Cancel safe.
    pub async fn changed(&mut self) -> Resolution {
        if self.receiver.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.receiver.borrow_and_update().clone()
    }
}
