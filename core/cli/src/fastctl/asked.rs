//! A registry while it is asked.

use libfast::{Address, Error, ErrorKind, Record, Registry, Result, ServiceName};
use libfast_registry::{DirRegistry, Override, Overrides, Resolver, Role, Watch};
use libfast_zookeeper::{Inspection, ServiceInspection, ZooKeeperRegistry};
use std::time::Duration;

/// A registry of either kind.
pub enum Asked {
    Dir(DirRegistry),
    ZooKeeper(ZooKeeperRegistry, String),
}

/// A service and how many are listed for it.
pub struct Counted {
    pub service: ServiceName,
    pub providers: usize,
    pub consumers: usize,
}

/// libfast's own layout.
pub const OWN: &str = "fast";
/// Nothing is announced in the session, so it may end soon after its connection.
const SESSION: Duration = Duration::from_secs(5);

impl Asked {
    /// Asks nothing yet. `layouts` is the option of that name.
    pub fn open(registry: &Registry, layouts: &str) -> Result<Self> {
        Ok(match registry {
            Registry::Dir(_) if layouts != OWN => {
                let message = format!("--layouts {layouts}: other layouts are for ZooKeeper; leave it out");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            Registry::Dir(folder) => Self::Dir(DirRegistry::open(folder.clone())?),
            Registry::ZooKeeper { hosts, root } => {
                let zookeeper = ZooKeeperRegistry::open_in(hosts, root, layouts, SESSION)?;
                Self::ZooKeeper(zookeeper, registry.to_string())
            }
        })
    }

    /// Its name, the same for everybody.
    pub fn name(&self) -> String {
        match self {
            // Where the default folder is differs between users and machines.
            Self::Dir(dir) => format!("dir://{}", dir.folder().display()),
            Self::ZooKeeper(_, name) => name.clone(),
        }
    }

    pub async fn services(&self) -> Result<Vec<Counted>> {
        Ok(match self {
            Self::Dir(dir) => {
                let services = dir.services()?.into_iter();
                services
                    .map(|s| Counted { service: s.service, providers: s.providers, consumers: s.consumers })
                    .collect()
            }
            Self::ZooKeeper(zookeeper, _) => {
                let services = zookeeper.services().await?.into_iter();
                services
                    .map(|s| Counted { service: s.service, providers: s.providers, consumers: s.consumers })
                    .collect()
            }
        })
    }

    pub async fn records(&self, service: &ServiceName, role: Role) -> Result<Vec<Record>> {
        match self {
            Self::Dir(dir) => dir.records(service, role),
            Self::ZooKeeper(zookeeper, _) => zookeeper.records(service, role).await,
        }
    }

    pub async fn knows(&self, service: &ServiceName) -> Result<bool> {
        match self {
            Self::Dir(dir) => Ok(dir.knows(service)),
            Self::ZooKeeper(zookeeper, _) => zookeeper.knows(service).await,
        }
    }

    /// Whether there is anything that can be taken for a registry.
    pub async fn exists(&self) -> Result<bool> {
        match self {
            Self::Dir(dir) => Ok(dir.folder().is_dir()),
            Self::ZooKeeper(zookeeper, _) => Ok(!zookeeper.services().await?.is_empty()),
        }
    }

    /// The providers as clients see them.
    pub fn watch(&self, service: &ServiceName) -> Watch {
        match self {
            Self::Dir(dir) => dir.watch(service),
            Self::ZooKeeper(zookeeper, _) => zookeeper.watch(service),
        }
    }

    /// What an operator decided.
    pub async fn overrides(&self, service: &ServiceName) -> Result<Overrides> {
        match self {
            Self::Dir(dir) => dir.overrides(service),
            Self::ZooKeeper(zookeeper, _) => zookeeper.overrides(service).await,
        }
    }

    /// Decides something about an address.
    pub async fn decide(
        &self,
        service: &ServiceName,
        address: &Address,
        change: impl Fn(&mut Override),
    ) -> Result<()> {
        match self {
            Self::Dir(dir) => dir.decide(service, address, change),
            Self::ZooKeeper(zookeeper, _) => zookeeper.decide(service, address, change).await,
        }
    }

    /// Looks at what the registry stands on; a folder has nothing to look at.
    pub async fn inspect(&self) -> Result<Option<Inspection>> {
        match self {
            Self::Dir(_) => Ok(None),
            Self::ZooKeeper(zookeeper, _) => zookeeper.inspect().await.map(Some),
        }
    }

    /// Looks at what a service stands on, likewise.
    pub async fn inspect_service(&self, service: &ServiceName) -> Result<Option<ServiceInspection>> {
        match self {
            Self::Dir(_) => Ok(None),
            Self::ZooKeeper(zookeeper, _) => zookeeper.inspect_service(service).await.map(Some),
        }
    }

    /// Ends the session, if there is one.
    pub async fn close(&self) {
        if let Self::ZooKeeper(zookeeper, _) = self {
            zookeeper.close().await;
        }
    }
}
