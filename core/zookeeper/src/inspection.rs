//! What an operator wants to know of an ensemble and a root: whether one may announce there, who else may, and the clocks.

use crate::ZooKeeperRegistry;
use crate::backoff::Backoff;
use crate::failure::{ZkResult, is_lost, refused};
use crate::layouts::Codec;
use crate::security::Grants;
use libfast_model::{Error, Result, ServiceName};
use libfast_registry::Role;
use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};
use zookeeper_client::{Client, Error as ZkError, MultiWriteError, Permission, Stat};

/// How a session and the root of a registry are found.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// What the ensemble granted.
    pub session_timeout: Duration,
    /// The root, unless nothing was ever announced below it.
    pub root: Option<RootInspection>,
}

/// What was found at the root of a registry.
#[derive(Debug, Clone)]
pub struct RootInspection {
    /// What anybody may do there who can reach a server: the words of ZooKeeper, such as `CREATE|DELETE`. Empty if that is
    /// no more than reading.
    pub anybody_may: String,
    /// Whether a node could be made there, and taken away again, as a server does that announces itself.
    pub announcing: std::result::Result<(), Error>,
    /// By how many milliseconds the ensemble's clock is ahead of this machine's, give or take `uncertain_ms`; none if no node
    /// could be made.
    pub clock_ahead_ms: Option<i64>,
    /// How far `clock_ahead_ms` may be from the truth.
    pub uncertain_ms: i64,
}

/// What was found at the nodes of a service. They keep the ACL that they were made with, whatever that of the root is now.
#[derive(Debug, Clone)]
pub struct ServiceInspection {
    /// The nodes with which anybody may do more than read them who can reach a server, and what: the words of ZooKeeper.
    pub open: Vec<(String, String)>,
    /// Whether a provider could be listed and taken off again, in all layouts that can be written.
    pub announcing: std::result::Result<(), Error>,
}

/// Between tries to delete the node that was made, from the first to the longest.
const AGAIN: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(5)];

impl ZooKeeperRegistry {
    /// Looks at the session and the root, where it makes a node for a moment. Fails if ZooKeeper cannot be reached. Needs a
    /// tokio runtime.
    pub async fn inspect(&self) -> Result<Inspection> {
        let grants = Grants::new(self.access())?;
        let client = self.client().await?;
        let root = inspect(&client, self.root(), grants)
            .await
            .map_err(|error| refused(&format!("looking at {}", self.root()), &error))?;
        Ok(Inspection { session_timeout: client.session_timeout(), root })
    }

    /// Looks at the nodes of a service and changes nothing, so that none of its clients reads the list again. Nodes that are
    /// not there are nothing to complain of. Fails and needs a runtime as [`inspect`](Self::inspect) does.
    pub async fn inspect_service(&self, service: &ServiceName) -> Result<ServiceInspection> {
        let grants = Grants::new(self.access())?;
        let client = self.client().await?;
        let mut nodes = BTreeSet::from([self.config(service)]);
        for (codec, folder) in
            [Role::Provider, Role::Consumer].map(|role| self.folders(service, role)).concat()
        {
            nodes.extend(parent(codec, &folder).map(str::to_owned));
            nodes.insert(folder);
        }
        let mut open = Vec::new();
        for node in nodes {
            let may = anybody_may(&client, &node).await;
            let may = may.map_err(|error| refused(&format!("looking at {node}"), &error))?;
            open.extend(may.filter(|may| !may.is_empty()).map(|may| (node, may)));
        }
        let mut announcing = Ok(());
        for (codec, folder) in self.folders(service, Role::Provider) {
            if codec.is_written() && announcing.is_ok() {
                announcing = rehearse(&client, codec, &folder, &grants).await?;
            }
        }
        Ok(ServiceInspection { open, announcing })
    }
}

/// The node of the service, if a list is below it.
fn parent(codec: Codec, folder: &str) -> Option<&str> {
    codec.list(Role::Provider).filter(|list| !list.is_empty())?;
    folder.rsplit_once('/').map(|(parent, _)| parent)
}

/// Whether an entry could be made in the folder, or the folder if it is not there, and deleted again.
async fn rehearse(
    client: &Client,
    codec: Codec,
    folder: &str,
    grants: &Grants,
) -> Result<std::result::Result<(), Error>> {
    for folder in std::iter::once(folder).chain(parent(codec, folder)) {
        let path = format!("{folder}/.check-{}", uuid::Uuid::new_v4().simple());
        let refusal = |error| refused(&format!("creating and deleting {path}"), &error);
        match try_out(client, &path, grants).await {
            Ok(()) => return Ok(Ok(())),
            Err(ZkError::NoNode) => {}
            Err(error) if is_lost(&error) => return Err(refusal(error)),
            Err(error) => return Ok(Err(refusal(error))),
        }
    }
    Ok(Ok(()))
}

/// Makes and deletes a node in a transaction that ends with what cannot be, which undoes it: nobody sees the node, and no watch
/// fires.
async fn try_out(client: &Client, path: &str, grants: &Grants) -> ZkResult<()> {
    let mut writer = client.new_multi_writer();
    writer.add_create(path, b"", &grants.entry())?;
    writer.add_delete(path, None)?;
    writer.add_check_version(path, 0)?;
    match writer.commit().await {
        Err(MultiWriteError::OperationFailed { index: 2, source: ZkError::NoNode }) => Ok(()),
        outcome => Ok(outcome.map(drop)?),
    }
}

/// What anybody may do with a node but read it; none if it is not there.
async fn anybody_may(client: &Client, path: &str) -> ZkResult<Option<String>> {
    let acls = match client.get_acl(path).await {
        Ok((acls, _)) => acls,
        Err(ZkError::NoNode) => return Ok(None),
        // Reading it is a right of its own. Who may not read it cannot be anybody who may do more.
        Err(ZkError::NoAuth) => Vec::new(),
        Err(error) => return Err(error),
    };
    let anybody = acls.iter().filter(|acl| acl.scheme() == "world").map(|acl| acl.permission());
    let anybody = anybody.fold(Permission::NONE, |all, one| all | one);
    let changes = Permission::WRITE | Permission::CREATE | Permission::DELETE | Permission::ADMIN;
    Ok(Some(match anybody & changes {
        Permission::NONE => String::new(),
        may => may.to_string(),
    }))
}

async fn inspect(client: &Client, root: &str, grants: Grants) -> ZkResult<Option<RootInspection>> {
    let Some(anybody_may) = anybody_may(client, root).await? else { return Ok(None) };
    // No service has a name that begins with a dot, so no list shows it.
    let path = format!("{}/.check-{}", root.trim_end_matches('/'), uuid::Uuid::new_v4().simple());
    let (asked, since) = (now_ms(), Instant::now());
    // In a task of its own, so that the node does not stay if nobody waits any more.
    let probing = tokio::spawn(probe(client.clone(), path.clone(), grants)).await;
    let Probe { made, created_after, deleted } =
        probing.map_err(|error| ZkError::UnexpectedError(error.to_string()))?;
    let took = i64::try_from((created_after - since).as_millis()).unwrap_or(i64::MAX);
    let mut found =
        RootInspection { anybody_may, announcing: Ok(()), clock_ahead_ms: None, uncertain_ms: took / 2 + 1 };
    let is_lasting = |error: &ZkError| {
        matches!(error, ZkError::NoAuth | ZkError::NoChildrenForEphemerals | ZkError::QuotaExceeded)
    };
    match made {
        Ok(stat) => found.clock_ahead_ms = (!stat.is_invalid()).then(|| stat.ctime - asked - took / 2),
        Err(error) if is_lasting(&error) => {
            found.announcing = Err(refused(&format!("creating {path}"), &error));
        }
        Err(error) => return Err(error),
    }
    match deleted {
        Err(error) if is_lasting(&error) => {
            found.announcing = Err(refused(&format!("deleting {path}"), &error));
        }
        deleted => deleted?,
    }
    Ok(Some(found))
}

/// What came of making a node and deleting it.
struct Probe {
    made: ZkResult<Stat>,
    created_after: Instant,
    deleted: ZkResult<()>,
}

/// Makes a node as a server does that announces itself, and deletes it, also if it is not known whether it was made.
async fn probe(client: Client, path: String, grants: Grants) -> Probe {
    let made = client.create(&path, b"", &grants.entry()).await.map(|(stat, _)| stat);
    let created_after = Instant::now();
    let deleted = match &made {
        Err(error) if !is_lost(error) => Ok(()),
        _ => delete(&client, &path).await,
    };
    Probe { made, created_after, deleted }
}

/// Tries for as long as the session lives, which the node does not outlive.
async fn delete(client: &Client, path: &str) -> ZkResult<()> {
    let mut backoff = Backoff::new(AGAIN[0], AGAIN[1]);
    loop {
        match client.delete(path, None).await {
            Ok(()) | Err(ZkError::NoNode) => return Ok(()),
            Err(error) if is_lost(&error) && !client.state().is_terminated() => {
                tokio::time::sleep(backoff.step()).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
