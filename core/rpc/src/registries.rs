//! From a registry's text to its announcer and resolver.

use libfast_model::{Registry, Result, ZooKeeperAccess};
use libfast_registry::{Announcer, DirRegistry, Resolver};
use std::sync::Arc;
use std::time::Duration;

/// Both sides of one registry.
pub struct Registries {
    /// The side of providers and consumers.
    pub announcer: Arc<dyn Announcer>,
    /// The side of those who look for providers.
    pub resolver: Arc<dyn Resolver>,
}

impl Registries {
    /// Opens a registry. Nothing is connected or created yet.
    pub fn open(registry: &Registry, zookeeper_session_ms: u64) -> Result<Self> {
        Self::with_access(registry, Duration::from_millis(zookeeper_session_ms))
    }

    /// As [`open`](Self::open), with what the options of a client or server say about ZooKeeper.
    pub fn with_access(registry: &Registry, zookeeper: impl Into<ZooKeeperAccess>) -> Result<Self> {
        match registry {
            Registry::Dir(folder) => {
                let dir = Arc::new(DirRegistry::open(folder.clone())?);
                Ok(Self { announcer: dir.clone(), resolver: dir })
            }
            Registry::ZooKeeper { hosts, root } => self::zookeeper(hosts, root, zookeeper.into()),
        }
    }
}

#[cfg(feature = "zookeeper")]
fn zookeeper(hosts: &[String], root: &str, access: ZooKeeperAccess) -> Result<Registries> {
    let zookeeper = Arc::new(libfast_zookeeper::ZooKeeperRegistry::shared(hosts, root, access)?);
    Ok(Registries { announcer: zookeeper.clone(), resolver: zookeeper })
}

#[cfg(not(feature = "zookeeper"))]
fn zookeeper(_: &[String], _: &str, _: ZooKeeperAccess) -> Result<Registries> {
    let message = "this build has no ZooKeeper registry; use a build with the feature \"zookeeper\"";
    Err(libfast_model::Error::new(libfast_model::ErrorKind::Unsupported, message))
}

/// Sets what the thread that talks to ZooKeeper does before anything else, such as blocking signals. To be called before
/// the first client or server is made.
#[cfg_attr(not(feature = "zookeeper"), expect(unused_variables, reason = "there is no such thread"))]
pub fn on_registry_thread_start(hook: fn()) {
    #[cfg(feature = "zookeeper")]
    libfast_zookeeper::on_thread_start(hook);
}
