//! The registry as its users hold it.

use crate::announcer;
use crate::decisions::{self, Decided, Refusal};
use crate::failure::{ZkResult, refused};
use crate::foreign::{self, Spot};
use crate::layouts::{Codec, Layouts};
use crate::node;
use crate::path::Layout;
use crate::place::Place;
use crate::process::{Home, Process};
use crate::resolver::Subscription;
use crate::security::{Grants, completed};
use crate::session::{Ensemble, Session};
use crate::several::join;
use libfast_model::{Address, Result, ServiceName, ZooKeeperAccess};
use libfast_registry::{Announcement, Announcer, Override, Overrides, Record, Resolver, Role, Watch};
use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;
use zookeeper_client::{Client, Error as ZkError};

/// Services whose numbers are asked for at once.
const IN_FLIGHT: usize = 32;

/// Services listed in a ZooKeeper ensemble. Clones share one session, which ends when the last of them and of their
/// announcements and watches is dropped.
#[derive(Clone)]
pub struct ZooKeeperRegistry(Arc<Shared>);

pub struct Shared {
    ensemble: Ensemble,
    /// Where the work is done by those that share it, from the first use on; otherwise in the runtime of the callers.
    home: Option<OnceLock<Option<Arc<Home>>>>,
    /// Where operators decide, whatever the layouts.
    root: String,
    /// At least one.
    layouts: Vec<Layout>,
    skipped: Arc<AtomicU64>,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    session: Option<Arc<Session>>,
    subscriptions: HashMap<ServiceName, Weak<Decided>>,
}

/// A service of the root and how many are listed for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCount {
    /// Its name.
    pub service: ServiceName,
    /// Entries on the list of providers, legal or not.
    pub providers: usize,
    /// Entries on the list of consumers, legal or not.
    pub consumers: usize,
}

impl ZooKeeperRegistry {
    /// A session timeout that survives a restart of the ensemble and garbage collection.
    pub const DEFAULT_SESSION_TIMEOUT: Duration = Duration::from_secs(15);

    /// The services below `root` of the ensemble `hosts` (`host:port` each). Nothing is connected before the first
    /// announcement or watch. `access` is that of the options of a client or server, or a session timeout, which the servers
    /// bound, normally to 2 to 20 of their ticks. What it does not set comes from the environment.
    pub fn open(hosts: &[String], root: &str, access: impl Into<ZooKeeperAccess>) -> Self {
        Self::unshared(hosts, root, Layouts(vec![(Codec::Fast, root.to_owned())]), access.into())
    }

    /// As [`open`](Self::open), for services that list themselves in other layouts, too: `layouts` is the option of that
    /// name. Providers of all of them are found, and announcements are made in each.
    pub fn open_in(
        hosts: &[String],
        root: &str,
        layouts: &str,
        access: impl Into<ZooKeeperAccess>,
    ) -> Result<Self> {
        Ok(Self::unshared(hosts, root, Layouts::parse(layouts, root)?, access.into()))
    }

    fn unshared(hosts: &[String], root: &str, layouts: Layouts, access: ZooKeeperAccess) -> Self {
        let ensemble = Ensemble { hosts: hosts.to_vec(), access: completed(access) };
        Self(Arc::new(Shared::new(ensemble, root, layouts, false)))
    }

    /// As [`open_in`](Self::open_in), with the same session and watches as all others of this process that were made by
    /// this, and whose work goes on when the caller's runtime ends. Fails in a child of a process that used ZooKeeper
    /// before it forked.
    pub fn shared(
        hosts: &[String],
        root: &str,
        layouts: &str,
        access: impl Into<ZooKeeperAccess>,
    ) -> Result<Self> {
        let layouts = Layouts::parse(layouts, root)?;
        let process = Process::current()?;
        let ensemble = Ensemble { hosts: hosts.to_vec(), access: completed(access.into()) };
        let mut open = process.open();
        let key = (ensemble.clone(), root.to_owned(), layouts.clone());
        if let Some(shared) = open.registries.get(&key).and_then(Weak::upgrade) {
            return Ok(Self(shared));
        }
        let shared = Arc::new(Shared::new(ensemble, root, layouts, true));
        open.registries.insert(key, Arc::downgrade(&shared));
        Ok(Self(shared))
    }

    /// The services below the root that have or had entries, ordered by name. Fails if ZooKeeper cannot be reached,
    /// which can take as long as the session; dropping the future is harmless. Needs a tokio runtime.
    pub async fn services(&self) -> Result<Vec<ServiceCount>> {
        let client = self.session().client().await?;
        let mut all = BTreeMap::new();
        for layout in &self.0.layouts {
            let counts = services_of(&client, layout).await;
            let counts = counts.map_err(|error| refused(&format!("listing {}", layout.root()), &error))?;
            for (service, providers, consumers) in counts {
                let sum: &mut (usize, usize) = all.entry(service).or_default();
                *sum = (sum.0 + providers, sum.1 + consumers);
            }
        }
        let counts = all.into_iter().filter_map(|(service, (providers, consumers))| {
            Some(ServiceCount { service: service.parse().ok()?, providers, consumers })
        });
        Ok(counts.collect())
    }

    /// Whether the service has entries, or had some a short while ago. Fails and needs a runtime as
    /// [`services`](Self::services) does.
    pub async fn knows(&self, service: &ServiceName) -> Result<bool> {
        let client = self.session().client().await?;
        for role in [Role::Provider, Role::Consumer] {
            for (_, folder) in self.folders(service, role) {
                let stat = client.check_stat(&folder).await;
                if stat.map_err(|error| refused(&format!("reading {folder}"), &error))?.is_some() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What the entries of one list say, ordered by key, for operators. A provider's address may be one that cannot be
    /// called. Fails and needs a runtime as [`services`](Self::services) does.
    pub async fn records(&self, service: &ServiceName, role: Role) -> Result<Vec<Record>> {
        let client = self.session().client().await?;
        let mut records = Vec::new();
        for (codec, folder) in self.folders(service, role) {
            let fail = |error| refused(&format!("reading {folder}"), &error);
            let mut names = children(&client, &folder).await.map_err(fail)?;
            names.retain(|name| codec.is_entry(name));
            names.sort_unstable();
            let take = |name: &str, record: Result<Record>| match record {
                Ok(record) => records.push(record),
                Err(error) => node::skip(codec, &folder, name, error.message(), &self.0.skipped),
            };
            node::read(&client, &folder, &names, codec, take).await.map_err(fail)?;
        }
        Ok(records)
    }

    /// What an operator decided about the providers of a service. Fails and needs a runtime as
    /// [`services`](Self::services) does.
    pub async fn overrides(&self, service: &ServiceName) -> Result<Overrides> {
        let path = self.config(service);
        let client = self.session().client().await?;
        decisions::read(&client, &path).await.map_err(|error| refused(&format!("reading {path}"), &error))?
    }

    /// Changes what is decided about one address of a service, whether or not it is listed. Clients follow at once. Fails
    /// and needs a runtime as [`services`](Self::services) does.
    pub async fn decide(
        &self,
        service: &ServiceName,
        address: &Address,
        change: impl Fn(&mut Override),
    ) -> Result<()> {
        let path = self.config(service);
        let grants = Grants::new(self.access())?;
        let client = self.session().client().await?;
        decisions::edit(&client, &path, &grants, address, change).await.map_err(|refusal| match refusal {
            Refusal::Server(error) => refused(&format!("writing {path}"), &error),
            Refusal::Text(error) => error.context(path),
        })
    }

    /// How often a node was passed over because what it holds is no legal record.
    pub fn skipped(&self) -> u64 {
        self.0.skipped.load(Ordering::Relaxed)
    }

    /// Ends the session now: entries leave the lists, watches keep what they know, both for good. Waits for the
    /// server's acknowledgement, at most 2 s. Later announcements and watches make a new session.
    pub async fn close(&self) {
        let session = {
            let mut live = self.0.live();
            live.subscriptions.clear();
            live.session.take()
        };
        if let Some(session) = session {
            session.close().await;
        }
    }

    /// A client of the session, as soon as there is one.
    pub(crate) async fn client(&self) -> Result<Client> {
        self.session().client().await
    }

    /// Who asks, and for whom nodes are made.
    pub(crate) fn access(&self) -> &ZooKeeperAccess {
        &self.0.ensemble.access
    }

    /// The node whose children are the services.
    pub(crate) fn root(&self) -> &str {
        &self.0.root
    }

    /// The node of what an operator decided about a service.
    pub(crate) fn config(&self, service: &ServiceName) -> String {
        Layout::new(Codec::Fast, &self.0.root).config(service.as_str())
    }

    /// The lists of a service.
    pub(crate) fn folders(&self, service: &ServiceName, role: Role) -> Vec<(Codec, String)> {
        let folder = |layout: &Layout| Some((layout.codec(), layout.folder(service.as_str(), role)?));
        self.0.layouts.iter().filter_map(folder).collect()
    }

    /// The session, started if need be.
    fn session(&self) -> Arc<Session> {
        self.0.session(&mut self.0.live())
    }
}

impl Shared {
    fn new(ensemble: Ensemble, root: &str, Layouts(layouts): Layouts, is_shared: bool) -> Self {
        let home = is_shared.then(OnceLock::new);
        let layouts = layouts.into_iter().map(|(codec, root)| Layout::new(codec, &root)).collect();
        let (root, skipped, live) = (root.to_owned(), Arc::default(), Mutex::default());
        Self { ensemble, home, root, layouts, skipped, live }
    }

    fn session(&self, live: &mut Live) -> Arc<Session> {
        match &live.session {
            Some(session) if !session.is_over() => session.clone(),
            _ => live.session.insert(self.find_session()).clone(),
        }
    }

    /// The session that others of this process have with the ensemble, or a new one.
    fn find_session(&self) -> Arc<Session> {
        let start = || Session::start(self.ensemble.clone(), self.home().cloned());
        let Some(process) = self.home().and_then(|_| Process::current().ok()) else { return start() };
        let mut open = process.open();
        let known = open.sessions.get(&self.ensemble).and_then(Weak::upgrade);
        known.filter(|session| !session.is_over()).unwrap_or_else(|| {
            let session = start();
            open.sessions.insert(self.ensemble.clone(), Arc::downgrade(&session));
            session
        })
    }

    /// Where tasks are spawned while the guard lives.
    fn enter(&self) -> Option<tokio::runtime::EnterGuard<'_>> {
        self.home().map(|home| home.enter())
    }

    fn home(&self) -> Option<&Arc<Home>> {
        let start = || Process::current().and_then(Process::home);
        let found = self.home.as_ref()?.get_or_init(|| match start() {
            Ok(home) => Some(home),
            Err(error) => {
                tracing::warn!(%error, "ZooKeeper shares a thread with its first user");
                None
            }
        });
        found.as_ref()
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        // Nothing that is done under the lock can leave it half done.
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Announcer for ZooKeeperRegistry {
    fn announce(&self, service: &ServiceName, role: Role, record: Record) -> Announcement {
        let _within = self.0.enter();
        let access = &self.0.ensemble.access;
        let entry = |(codec, folder)| match codec {
            // Only those of providers change.
            Codec::Fast => {
                let place = Place::new(folder, role == Role::Provider);
                announcer::announce(self.session(), access, place, role, record.clone())
            }
            codec => {
                let spot = Spot { codec, folder, service: service.to_string() };
                foreign::announce(self.session(), access, spot, record.clone())
            }
        };
        join(self.folders(service, role).into_iter().map(entry).collect(), record.clone())
    }
}

impl Resolver for ZooKeeperRegistry {
    fn watch(&self, service: &ServiceName) -> Watch {
        let _within = self.0.enter();
        let mut live = self.0.live();
        live.subscriptions.retain(|_, subscription| subscription.strong_count() > 0);
        let known = live.subscriptions.get(service).and_then(Weak::upgrade);
        let subscription = known.filter(|subscription| !subscription.is_over()).unwrap_or_else(|| {
            let session = self.0.session(&mut live);
            let listed = self.folders(service, Role::Provider).into_iter().map(|(codec, folder)| {
                Subscription::start(session.clone(), codec, folder, self.0.skipped.clone())
            });
            let subscription = Decided::start(session.clone(), self.config(service), listed.collect());
            live.subscriptions.insert(service.clone(), Arc::downgrade(&subscription));
            subscription
        });
        let (condition, overrides) = (subscription.condition(), subscription.overrides());
        // With the registry, so that others of this process find the subscription for as long as anybody has it.
        Watch::new(subscription.resolutions(), (subscription, self.clone()))
            .with_condition(condition)
            .with_overrides(overrides)
    }

    fn consumers(
        &self,
        service: &ServiceName,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Record>>> + Send + '_>> {
        let service = service.clone();
        Box::pin(async move { self.records(&service, Role::Consumer).await })
    }
}

/// The children of a node; none if it is not there.
async fn children(client: &Client, path: &str) -> ZkResult<Vec<String>> {
    match client.list_children(path).await {
        Err(ZkError::NoNode) => Ok(Vec::new()),
        outcome => outcome,
    }
}

/// Each service of a layout with the numbers of its providers and consumers.
async fn services_of(client: &Client, layout: &Layout) -> ZkResult<Vec<(String, usize, usize)>> {
    let names = children(client, layout.root()).await?;
    let services: Vec<&String> = names.iter().filter(|name| name.parse::<ServiceName>().is_ok()).collect();
    let mut counts = Vec::new();
    for some in services.chunks(IN_FLIGHT) {
        // Requests are sent when they are made: all of these are on their way together.
        let requests = some.iter().map(|service| {
            let stat = |role| Some(client.check_stat(&layout.folder(service, role)?));
            (service, stat(Role::Provider), stat(Role::Consumer))
        });
        for (service, providers, consumers) in requests.collect::<Vec<_>>() {
            let mut found = [None, None];
            for (found, stat) in found.iter_mut().zip([providers, consumers]) {
                if let Some(stat) = stat {
                    *found = stat.await?;
                }
            }
            if found.iter().all(Option::is_none) {
                continue;
            }
            let [providers, consumers] =
                found.map(|stat| stat.map_or(0, |stat| usize::try_from(stat.num_children).unwrap_or(0)));
            counts.push((service.to_string(), providers, consumers));
        }
    }
    Ok(counts)
}
