//! The last known list of a service, in a file: for a start while its registry is away, and for processes that are to make
//! no session of their own.
//!
//! [`CachedResolver`] stands before another resolver. Normally it passes on what that one says, and writes it down; what is
//! written counts only as long as the registry has not answered. With [`CacheSettings::lead`], one process of all that use
//! the same file asks the registry, and the others read the file: [`follow`], [`keeper`]. What is in the file: [`file`].

mod file;
mod follow;
mod keeper;
mod leader;

use crate::{Condition, Overrides, Record, Resolution, Resolver, Watch};
use file::CacheFile;
use follow::{Follower, Times};
use libfast_model::{Result, ServiceName};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;

/// How lists are kept in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// Where the files are; made with mode 0700 when there is something to write.
    pub folder: PathBuf,
    /// Whether a list counts that is older than seven days.
    pub allow_stale: bool,
    /// Whether one process asks the registry for all that use the same folder.
    pub lead: bool,
    /// Whether this process can ask it; one that cannot reads what others write.
    pub can_ask: bool,
}

impl CacheSettings {
    /// The user's folder for this: `$XDG_CACHE_HOME/libfast`, else `$HOME/.cache/libfast`; `None` if neither is set.
    pub fn default_folder() -> Option<PathBuf> {
        let of = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let cache = of("XDG_CACHE_HOME").or_else(|| of("HOME").map(|home| home.join(".cache")))?;
        Some(cache.join("libfast"))
    }
}

/// A resolver whose lists are kept in files.
pub struct CachedResolver {
    inner: Arc<dyn Resolver>,
    registry: String,
    settings: CacheSettings,
}

impl CachedResolver {
    /// Keeps what `inner` says, of a registry that is written `registry`. Files of other registries are apart.
    pub fn new(inner: Arc<dyn Resolver>, registry: String, settings: CacheSettings) -> Self {
        Self { inner, registry, settings }
    }

    fn watch_at(&self, service: &ServiceName, times: Times) -> Watch {
        let file = CacheFile::new(&self.settings, &self.registry, service);
        let (sender, resolutions) = watch::channel(Resolution::Pending);
        let (conditions, condition) = watch::channel(Condition::default());
        let (decisions, overrides) = watch::channel(Overrides::default());
        let (inner, of_service) = (self.inner.clone(), service.clone());
        let ask = move || inner.watch(&of_service);
        // In the caller's runtime, as all that waits here.
        let follower = Follower::new(file, &self.settings, times, sender, conditions, decisions);
        Watch::new(resolutions, follower.start(ask)).with_condition(condition).with_overrides(overrides)
    }
}

impl Resolver for CachedResolver {
    fn watch(&self, service: &ServiceName) -> Watch {
        self.watch_at(service, Times::new(self.settings.lead))
    }

    fn consumers(
        &self,
        service: &ServiceName,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Record>>> + Send + '_>> {
        self.inner.consumers(service)
    }
}

#[cfg(test)]
mod tests;
