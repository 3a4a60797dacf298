//! The registry as its users hold it.

use crate::announcer;
use crate::decisions::{self, Decided, Refusal};
use crate::failure::refused;
use crate::node;
use crate::path::Layout;
use crate::process::{Home, Process};
use crate::resolver::Subscription;
use crate::security::{Grants, completed};
use crate::session::{Ensemble, Session};
use libfast_model::{Address, Result, ServiceName, ZooKeeperAccess};
use libfast_registry::{Announcement, Announcer, Override, Overrides, Record, Resolver, Role, Watch};
use std::collections::HashMap;
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
    layout: Layout,
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
        let ensemble = Ensemble { hosts: hosts.to_vec(), access: completed(access.into()) };
        Self(Arc::new(Shared::new(ensemble, root, false)))
    }

    /// As [`open`](Self::open), with the same session and watches as all others of this process that were made by this, and
    /// whose work goes on when the caller's runtime ends. Fails in a child of a process that used ZooKeeper before it forked.
    pub fn shared(hosts: &[String], root: &str, access: impl Into<ZooKeeperAccess>) -> Result<Self> {
        let process = Process::current()?;
        let ensemble = Ensemble { hosts: hosts.to_vec(), access: completed(access.into()) };
        let mut open = process.open();
        let key = (ensemble.clone(), Layout::new(root).root().to_owned());
        if let Some(shared) = open.registries.get(&key).and_then(Weak::upgrade) {
            return Ok(Self(shared));
        }
        let shared = Arc::new(Shared::new(ensemble, root, true));
        open.registries.insert(key, Arc::downgrade(&shared));
        Ok(Self(shared))
    }

    /// The services below the root that have or had entries, ordered by name. Fails if ZooKeeper cannot be reached,
    /// which can take as long as the session; dropping the future is harmless. Needs a tokio runtime.
    pub async fn services(&self) -> Result<Vec<ServiceCount>> {
        let client = self.session().client().await?;
        let layout = &self.0.layout;
        let fail = |error| refused(&format!("listing {}", layout.root()), &error);
        let names = children(&client, layout.root()).await.map_err(fail)?;
        let mut services: Vec<ServiceName> = names.iter().filter_map(|name| name.parse().ok()).collect();
        services.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        let mut counts = Vec::new();
        for some in services.chunks(IN_FLIGHT) {
            // Requests are sent when they are made: all of these are on their way together.
            let requests = some.iter().map(|service| {
                let stat = |role| client.check_stat(&layout.folder(service.as_str(), role));
                (service, stat(Role::Provider), stat(Role::Consumer))
            });
            for (service, providers, consumers) in requests.collect::<Vec<_>>() {
                let (providers, consumers) = (providers.await.map_err(fail)?, consumers.await.map_err(fail)?);
                if providers.is_none() && consumers.is_none() {
                    continue;
                }
                let count = |stat: Option<zookeeper_client::Stat>| {
                    stat.map_or(0, |stat| usize::try_from(stat.num_children).unwrap_or(0))
                };
                let (providers, consumers) = (count(providers), count(consumers));
                counts.push(ServiceCount { service: service.clone(), providers, consumers });
            }
        }
        Ok(counts)
    }

    /// Whether the service has entries, or had some a short while ago. Fails and needs a runtime as
    /// [`services`](Self::services) does.
    pub async fn knows(&self, service: &ServiceName) -> Result<bool> {
        let client = self.session().client().await?;
        for role in [Role::Provider, Role::Consumer] {
            let folder = self.0.layout.folder(service.as_str(), role);
            let stat = client.check_stat(&folder).await;
            if stat.map_err(|error| refused(&format!("reading {folder}"), &error))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the entries of one list say, ordered by key, for operators. A provider's address may be one that cannot be
    /// called. Fails and needs a runtime as [`services`](Self::services) does.
    pub async fn records(&self, service: &ServiceName, role: Role) -> Result<Vec<Record>> {
        let folder = self.0.layout.folder(service.as_str(), role);
        let client = self.session().client().await?;
        let fail = |error| refused(&format!("reading {folder}"), &error);
        let mut names = children(&client, &folder).await.map_err(fail)?;
        names.sort_unstable();
        let mut records = Vec::new();
        node::read(&client, &folder, &names, &self.0.skipped, |(_, record)| records.extend(record))
            .await
            .map_err(fail)?;
        Ok(records)
    }

    /// What an operator decided about the providers of a service. Fails and needs a runtime as
    /// [`services`](Self::services) does.
    pub async fn overrides(&self, service: &ServiceName) -> Result<Overrides> {
        let path = self.0.layout.config(service.as_str());
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
        let path = self.0.layout.config(service.as_str());
        let grants = Grants::new(&self.0.ensemble.access)?;
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

    /// The node whose children are the services.
    pub(crate) fn root(&self) -> &str {
        self.0.layout.root()
    }

    /// The session, started if need be.
    fn session(&self) -> Arc<Session> {
        self.0.session(&mut self.0.live())
    }
}

impl Shared {
    fn new(ensemble: Ensemble, root: &str, is_shared: bool) -> Self {
        let home = is_shared.then(OnceLock::new);
        Self { ensemble, home, layout: Layout::new(root), skipped: Arc::default(), live: Mutex::default() }
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
        let place = self.0.layout.new_place(service, role);
        announcer::announce(self.session(), &self.0.ensemble.access, place, role, record)
    }
}

impl Resolver for ZooKeeperRegistry {
    fn watch(&self, service: &ServiceName) -> Watch {
        let _within = self.0.enter();
        let mut live = self.0.live();
        live.subscriptions.retain(|_, subscription| subscription.strong_count() > 0);
        let known = live.subscriptions.get(service).and_then(Weak::upgrade);
        let subscription = known.filter(|subscription| !subscription.is_over()).unwrap_or_else(|| {
            let folder = self.0.layout.folder(service.as_str(), Role::Provider);
            let session = self.0.session(&mut live);
            let listed = Subscription::start(session.clone(), folder, self.0.skipped.clone());
            let subscription = Decided::start(session, self.0.layout.config(service.as_str()), listed);
            live.subscriptions.insert(service.clone(), Arc::downgrade(&subscription));
            subscription
        });
        let condition = subscription.condition();
        Watch::new(subscription.resolutions(), subscription).with_condition(condition)
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
async fn children(client: &Client, path: &str) -> std::result::Result<Vec<String>, ZkError> {
    match client.list_children(path).await {
        Err(ZkError::NoNode) => Ok(Vec::new()),
        outcome => outcome,
    }
}
