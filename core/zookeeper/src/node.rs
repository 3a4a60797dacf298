//! Entries as nodes: writing one, reading many.

use crate::failure::{ZkResult, is_lost, refused};
use crate::layouts::Codec;
use crate::place::Place;
use crate::security::Grants;
use crate::upkeep::Owned;
use libfast_registry::Record;
use std::sync::atomic::{AtomicU64, Ordering};
use zookeeper_client::{Client, Error as ZkError, Stat};

/// Rounds in which somebody else may undo what was just done, before it is called a failure.
pub const ROUNDS: usize = 10;
/// Unusable nodes that a registry logs.
const MOST_LOGGED: u64 = 100;
/// Requests on their way at once.
pub const IN_FLIGHT: usize = 32;

/// Makes sure that this data is listed at `place`, by the session of `client` and nowhere else, and watches it.
pub async fn own(client: &Client, place: &mut Place, data: &[u8], grants: &Grants) -> ZkResult<Owned> {
    for _ in 0..ROUNDS {
        let path = place.path();
        // Looking comes first: after a lost connection or in a session that was taken up again it may be there.
        let mut gone = Vec::new();
        for former in place.former.iter().filter(|former| **former != path) {
            gone.extend(client.check_stat(former).await?.map(|_| former.clone()));
        }
        let found = client.check_stat(&path).await?;
        let is_ours =
            found.as_ref().is_some_and(|stat| is_own(client, stat)) && !place.former.contains(&path);
        if let Some(stat) = found.as_ref().filter(|stat| !is_own(client, stat)) {
            let (owner, version) = (stat.ephemeral_owner, stat.version);
            tracing::warn!(
                path,
                owner,
                version,
                "replacing a node of a former self, or that somebody changed"
            );
            // Somebody may have read what it says; under its name that would count for ever.
            if place.has_generations() {
                place.advance();
                continue;
            }
        }
        if found.is_some() && !is_ours {
            gone.push(path.clone());
        }
        if !is_ours || !gone.is_empty() {
            let mut writer = client.new_multi_writer();
            // In one transaction, so that nobody sees the list without the entry, or with two.
            gone.iter().try_for_each(|path| writer.add_delete(path, None))?;
            if !is_ours {
                writer.add_create(&path, data, &grants.entry())?;
            }
            match writer.commit().await.map_err(ZkError::from) {
                Ok(_) => {}
                Err(ZkError::NoNode) => {
                    client.mkdir(place.folder(), &grants.folder()).await?;
                    continue;
                }
                Err(ZkError::NodeExists) => continue,
                Err(error) => return Err(error),
            }
        }
        place.former.clear();
        if let Some(owned) = watch(client, place.folder(), &path).await? {
            return Ok(owned);
        }
    }
    Err(ZkError::NodeExists)
}

/// Watches an entry of `folder`; nothing if it is none of ours.
pub async fn watch(client: &Client, folder: &str, path: &str) -> ZkResult<Option<Owned>> {
    let folder = client.check_stat(folder);
    let (stat, watcher) = client.check_and_watch_stat(path).await?;
    if !stat.is_some_and(|stat| is_own(client, &stat)) {
        return Ok(None);
    }
    let listed = folder.await?.map_or(0, |stat| stat.num_children);
    Ok(Some(Owned { watcher: Some(watcher), others: listed.try_into().unwrap_or(0) }))
}

/// A node whose data somebody changed is no more ours than one of another session: readers rely on data never changing.
pub fn is_own(client: &Client, stat: &Stat) -> bool {
    stat.ephemeral_owner == client.session_id().0 && stat.version == 0
}

/// Reads the nodes `names` of `folder` and gives how many of them went away meanwhile. `take` gets what each holds, or why that
/// cannot be used.
pub async fn read(
    client: &Client,
    folder: &str,
    names: &[String],
    codec: Codec,
    mut take: impl FnMut(&str, libfast_model::Result<Record>),
) -> ZkResult<usize> {
    let mut gone = 0;
    texts(client, folder, names, |name, read| match read {
        Ok((data, _)) => take(name, codec.decode(name, &data)),
        Err(ZkError::NoNode) => gone += 1,
        Err(error) => take(name, Err(refused("reading it", &error))),
    })
    .await?;
    Ok(gone)
}

/// Reads the nodes `names` of `folder`. `take` gets what each holds, or why it could not be read though there is a connection.
pub async fn texts(
    client: &Client,
    folder: &str,
    names: &[String],
    mut take: impl FnMut(&str, ZkResult<(Vec<u8>, Stat)>),
) -> ZkResult<()> {
    for some in names.chunks(IN_FLIGHT) {
        // The crate sends a request when its future is made, so all of these are on their way together.
        let requests: Vec<_> = some.iter().map(|name| client.get_data(&format!("{folder}/{name}"))).collect();
        for (name, request) in some.iter().zip(requests) {
            match request.await {
                Err(error) if is_lost(&error) => return Err(error),
                read => take(name, read),
            }
        }
    }
    Ok(())
}

/// Counts a node that cannot be used, and logs the first ones: a folder full of junk must not fill the log.
pub fn skip(codec: Codec, folder: &str, name: &str, reason: &str, skipped: &AtomicU64) {
    if skipped.fetch_add(1, Ordering::Relaxed) >= MOST_LOGGED {
        return;
    }
    let name = &*codec.shown(name);
    tracing::warn!(folder, name, reason, "skipping a node; remove it, or correct the program that made it");
}
