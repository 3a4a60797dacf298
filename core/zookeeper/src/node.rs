//! Entries as nodes: writing one, reading many.

use crate::failure::is_lost;
use libfast_registry::Record;
use std::sync::atomic::{AtomicU64, Ordering};
use zookeeper_client::{Acls, Client, CreateMode, CreateOptions, Error as ZkError, OneshotWatcher, Stat};

const ENTRY: CreateOptions<'static> = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
/// ZooKeeper removes a container some time after its last child.
const FOLDER: CreateOptions<'static> = CreateMode::Container.with_acls(Acls::anyone_all());
/// Rounds in which somebody else may undo what was just done, before it is called a failure.
const ROUNDS: usize = 10;
/// Requests on their way at once.
const IN_FLIGHT: usize = 32;

/// Makes sure that the node exists with this data and belongs to the session of `client`, and watches it.
pub async fn own(client: &Client, path: &str, data: &[u8]) -> Result<OneshotWatcher, ZkError> {
    for _ in 0..ROUNDS {
        // Looking comes first: after a lost connection or in a session that was taken up again it may be there.
        let outcome = match client.check_stat(path).await? {
            Some(stat) if is_own(client, &stat) => Ok(()),
            Some(stat) => {
                tracing::warn!(path, owner = stat.ephemeral_owner, "replacing a node of a former self");
                replace(client, path, data).await
            }
            None => create(client, path, data).await,
        };
        match outcome {
            Ok(()) => {}
            Err(ZkError::NodeExists | ZkError::NoNode) => continue,
            Err(error) => return Err(error),
        }
        let (stat, watcher) = client.check_and_watch_stat(path).await?;
        if stat.is_some_and(|stat| is_own(client, &stat)) {
            return Ok(watcher);
        }
    }
    Err(ZkError::NodeExists)
}

/// A node whose data somebody changed is no more ours than one of another session: readers rely on data never changing.
fn is_own(client: &Client, stat: &Stat) -> bool {
    stat.ephemeral_owner == client.session_id().0 && stat.version == 0
}

async fn create(client: &Client, path: &str, data: &[u8]) -> Result<(), ZkError> {
    match client.create(path, data, &ENTRY).await {
        Err(ZkError::NoNode) => {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            client.mkdir(folder, &FOLDER).await?;
            client.create(path, data, &ENTRY).await.map(drop)
        }
        outcome => outcome.map(drop),
    }
}

/// In one transaction, so that nobody sees the list without the entry.
async fn replace(client: &Client, path: &str, data: &[u8]) -> Result<(), ZkError> {
    let mut writer = client.new_multi_writer();
    writer.add_delete(path, None)?;
    writer.add_create(path, data, &ENTRY)?;
    writer.commit().await.map(drop).map_err(ZkError::from)
}

/// What was read of a node: its record, or nothing if it holds none that can be understood.
pub type Entry = (String, Option<Record>);

/// Reads the nodes `names` of `folder`; those that went away meanwhile are left out. Nodes without a legal record
/// are logged and counted in `skipped`.
pub async fn read(
    client: &Client,
    folder: &str,
    names: &[String],
    skipped: &AtomicU64,
    mut take: impl FnMut(Entry),
) -> Result<(), ZkError> {
    for some in names.chunks(IN_FLIGHT) {
        // The crate sends a request when its future is made, so all of these are on their way together.
        let requests: Vec<_> = some.iter().map(|name| client.get_data(&format!("{folder}/{name}"))).collect();
        for (name, request) in some.iter().zip(requests) {
            let reason = match request.await {
                Ok((data, _)) => match Record::from_json(&data) {
                    Ok(record) => {
                        take((name.clone(), Some(record)));
                        continue;
                    }
                    Err(error) => error.to_string(),
                },
                Err(ZkError::NoNode) => continue,
                Err(error) if is_lost(&error) => return Err(error),
                Err(error) => error.to_string(),
            };
            skip(folder, name, &reason, skipped);
            take((name.clone(), None));
        }
    }
    Ok(())
}

/// Logs and counts a node that cannot be used.
pub fn skip(folder: &str, name: &str, reason: &str, skipped: &AtomicU64) {
    skipped.fetch_add(1, Ordering::Relaxed);
    tracing::warn!(folder, name, reason, "skipping a node; remove it, or correct the program that made it");
}
