//! From a registry's text to its announcer and resolver.

use libfast_model::{Error, ErrorKind, Registry, Result};
use libfast_registry::{Announcer, DirRegistry, Resolver};
use std::sync::Arc;

/// Both sides of one registry.
pub struct Registries {
    /// The side of providers and consumers.
    pub announcer: Arc<dyn Announcer>,
    /// The side of those who look for providers.
    pub resolver: Arc<dyn Resolver>,
}

impl Registries {
    /// Opens a registry, where entries are listed as the option `layouts` says. Nothing is connected or created yet.
    pub fn open(registry: &Registry, layouts: &str, zookeeper_session_ms: u64) -> Result<Self> {
        match registry {
            Registry::Dir(_) if layouts != OWN => {
                let message =
                    format!("option \"layouts\": {layouts:?} is for ZooKeeper; a folder has {OWN} only");
                Err(Error::new(ErrorKind::Invalid, message))
            }
            Registry::Dir(folder) => {
                let dir = Arc::new(DirRegistry::open(folder.clone())?);
                Ok(Self { announcer: dir.clone(), resolver: dir })
            }
            Registry::ZooKeeper { hosts, root } => zookeeper(hosts, root, layouts, zookeeper_session_ms),
        }
    }
}

/// libfast's own layout.
const OWN: &str = "fast";

#[cfg(feature = "zookeeper")]
fn zookeeper(hosts: &[String], root: &str, layouts: &str, session_ms: u64) -> Result<Registries> {
    let session = std::time::Duration::from_millis(session_ms);
    let zookeeper = Arc::new(libfast_zookeeper::ZooKeeperRegistry::shared(hosts, root, layouts, session)?);
    Ok(Registries { announcer: zookeeper.clone(), resolver: zookeeper })
}

#[cfg(not(feature = "zookeeper"))]
fn zookeeper(_: &[String], _: &str, _: &str, _: u64) -> Result<Registries> {
    let message = "this build has no ZooKeeper registry; use a build with the feature \"zookeeper\"";
    Err(Error::new(ErrorKind::Unsupported, message))
}

/// Sets what the thread that talks to ZooKeeper does before anything else, such as blocking signals. To be called before
/// the first client or server is made.
#[cfg_attr(not(feature = "zookeeper"), expect(unused_variables, reason = "there is no such thread"))]
pub fn on_registry_thread_start(hook: fn()) {
    #[cfg(feature = "zookeeper")]
    libfast_zookeeper::on_thread_start(hook);
}
