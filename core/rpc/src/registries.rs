//! From a registry's text to its announcer and resolver.

use libfast_model::{
    ClientOptions, Error, ErrorKind, Registry, RegistryCache, Result, ServiceName, ZooKeeperAccess,
};
use libfast_registry::{
    Announcement, AnnouncementState, Announcer, CacheSettings, CachedResolver, DirRegistry, Record,
    Resolution, Resolver, Role, Watch,
};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

/// Both sides of one registry.
pub struct Registries {
    /// The side of providers and consumers.
    pub announcer: Arc<dyn Announcer>,
    /// The side of those who look for providers.
    pub resolver: Arc<dyn Resolver>,
}

impl Registries {
    /// Opens a registry, where entries are listed as the option `layouts` says; `zookeeper` is that of the options of a client or
    /// server, or a session timeout. Nothing is connected or created yet.
    pub fn open(registry: &Registry, layouts: &str, zookeeper: impl Into<ZooKeeperAccess>) -> Result<Self> {
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
            Registry::ZooKeeper { hosts, root } => self::zookeeper(hosts, root, layouts, zookeeper.into()),
        }
    }

    /// The same as a client uses it: with the lists of ZooKeeper kept in files, as its options say.
    pub(crate) fn of_client(registry: &Registry, options: &ClientOptions) -> Result<Self> {
        let opened = Self::open(registry, &options.layouts, options.zookeeper());
        let Some(mut settings) = cache_settings(registry, options)? else { return opened };
        let registries = match opened {
            // A child of a process with a session cannot have one; it can read the list that others keep.
            Err(error) if error.kind() == ErrorKind::Forked => {
                settings.can_ask = false;
                let unusable = Arc::new(Unusable(error));
                Self { announcer: unusable.clone(), resolver: unusable }
            }
            opened => opened?,
        };
        let resolver =
            Arc::new(CachedResolver::new(registries.resolver, cached(registry, &options.layouts), settings));
        Ok(Self { resolver, ..registries })
    }
}

/// What tells the lists in files apart.
fn cached(registry: &Registry, layouts: &str) -> String {
    match layouts {
        OWN => registry.to_string(),
        _ => format!("{registry} as {layouts}"),
    }
}

/// A folder of this machine is as good as a file of it.
fn cache_settings(registry: &Registry, options: &ClientOptions) -> Result<Option<CacheSettings>> {
    if options.registry_cache == RegistryCache::Off || !matches!(registry, Registry::ZooKeeper { .. }) {
        return Ok(None);
    }
    let lead = options.registry_cache == RegistryCache::Leader;
    let folder = match &*options.registry_cache_dir {
        "" => CacheSettings::default_folder(),
        folder => std::path::absolute(PathBuf::from(folder)).ok(),
    };
    let Some(folder) = folder else {
        // Each process would have a session of its own, which is what this is to prevent.
        let message = "option \"registry_cache\": leader needs a folder, and neither $XDG_CACHE_HOME nor $HOME names one; \
                       set registry_cache_dir";
        return if lead { Err(Error::new(ErrorKind::Invalid, message)) } else { Ok(None) };
    };
    Ok(Some(CacheSettings { folder, allow_stale: options.registry_cache_stale, lead, can_ask: true }))
}

/// A registry that says why it cannot be used.
struct Unusable(Error);

impl Resolver for Unusable {
    fn watch(&self, _: &ServiceName) -> Watch {
        Watch::constant(Resolution::Failed(self.0.clone()))
    }

    fn consumers(&self, _: &ServiceName) -> Pin<Box<dyn Future<Output = Result<Vec<Record>>> + Send + '_>> {
        Box::pin(std::future::ready(Err(self.0.clone())))
    }
}

impl Announcer for Unusable {
    fn announce(&self, _: &ServiceName, _: Role, record: Record) -> Announcement {
        let error = self.0.clone();
        let state = tokio::sync::watch::channel(AnnouncementState::Failed(error.clone())).1;
        Announcement::new(state, record, move |_| Err(error.clone()), || Box::pin(std::future::ready(())))
    }
}

/// libfast's own layout.
const OWN: &str = "fast";

#[cfg(feature = "zookeeper")]
fn zookeeper(hosts: &[String], root: &str, layouts: &str, access: ZooKeeperAccess) -> Result<Registries> {
    let zookeeper = Arc::new(libfast_zookeeper::ZooKeeperRegistry::shared(hosts, root, layouts, access)?);
    Ok(Registries { announcer: zookeeper.clone(), resolver: zookeeper })
}

#[cfg(not(feature = "zookeeper"))]
fn zookeeper(_: &[String], _: &str, _: &str, _: ZooKeeperAccess) -> Result<Registries> {
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

/// Ends the sessions with ZooKeeper that all clients and servers of the process share, and waits at most `timeout` for that: for
/// an orderly end of a process. What they announced leaves the lists. Must not be called within a runtime.
#[cfg_attr(not(feature = "zookeeper"), expect(unused_variables, reason = "there are none"))]
pub fn close_registries(timeout: std::time::Duration) {
    #[cfg(feature = "zookeeper")]
    libfast_zookeeper::close_shared(timeout);
}
