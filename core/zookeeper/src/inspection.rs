//! What an operator wants to know of an ensemble and a root: whether one may announce there, who else may, and the clocks.

use crate::ZooKeeperRegistry;
use crate::failure::refused;
use libfast_model::{Error, Result};
use std::time::{Duration, Instant, SystemTime};
use zookeeper_client::{Acls, Client, CreateMode, CreateOptions, Error as ZkError, Permission};

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

const MINE: CreateOptions<'static> = CreateMode::Ephemeral.with_acls(Acls::anyone_all());

impl ZooKeeperRegistry {
    /// Looks at the session and the root, where it makes a node for a moment. Fails if ZooKeeper cannot be reached. Needs a
    /// tokio runtime.
    pub async fn inspect(&self) -> Result<Inspection> {
        let client = self.client().await?;
        let root = inspect(&client, self.root())
            .await
            .map_err(|error| refused(&format!("looking at {}", self.root()), &error))?;
        Ok(Inspection { session_timeout: client.session_timeout(), root })
    }
}

async fn inspect(client: &Client, root: &str) -> std::result::Result<Option<RootInspection>, ZkError> {
    let acls = match client.get_acl(root).await {
        Ok((acls, _)) => acls,
        Err(ZkError::NoNode) => return Ok(None),
        // Reading it is a right of its own. Who may not read it cannot be anybody who may do more.
        Err(ZkError::NoAuth) => Vec::new(),
        Err(error) => return Err(error),
    };
    let anybody = acls.iter().filter(|acl| acl.scheme() == "world").map(|acl| acl.permission());
    let anybody = anybody.fold(Permission::NONE, |all, one| all | one);
    let changes = Permission::WRITE | Permission::CREATE | Permission::DELETE | Permission::ADMIN;
    let anybody_may = match anybody & changes {
        Permission::NONE => String::new(),
        may => may.to_string(),
    };

    // No service has a name that begins with a dot, so no list shows it.
    let path = format!("{}/.check-{}", root.trim_end_matches('/'), uuid::Uuid::new_v4().simple());
    let (asked, since) = (now_ms(), Instant::now());
    let made = client.create(&path, b"", &MINE).await;
    let took = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
    let mut found =
        RootInspection { anybody_may, announcing: Ok(()), clock_ahead_ms: None, uncertain_ms: took / 2 + 1 };
    match made {
        Ok((stat, _)) => {
            found.clock_ahead_ms = (!stat.is_invalid()).then(|| stat.ctime - asked - took / 2);
            client.delete(&path, None).await?;
        }
        Err(error @ (ZkError::NoAuth | ZkError::NoChildrenForEphemerals | ZkError::QuotaExceeded)) => {
            found.announcing = Err(refused(&format!("creating {path}"), &error));
        }
        Err(error) => return Err(error),
    }
    Ok(Some(found))
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
