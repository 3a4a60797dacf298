//! One list in a file: a line that says what it is, a line with the list, and one with what operators decided, if they did.

use super::CacheSettings;
use crate::{Overrides, Provider};
use libfast_model::{Address, Endpoint, Error, ErrorKind, Metadata, Result, ServiceName};
use rustix::fs::OFlags;
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// The file of one service.
#[derive(Debug, Clone)]
pub(super) struct CacheFile {
    path: PathBuf,
    target: String,
    oldest: Duration,
}

/// What was read.
#[derive(Debug, PartialEq)]
pub(super) struct Cached {
    pub providers: Vec<Provider>,
    /// What operators decided, which counts in the list already: it holds for those, too, that are not on it any more.
    pub overrides: Overrides,
    /// Since it was known to be right.
    pub age: Duration,
}

/// Tells whether the file was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version(u64, SystemTime);

#[derive(Serialize, Deserialize)]
struct Head {
    schema: u32,
    target: String,
    saved_ms: u64,
    /// Of all that comes behind this line.
    checksum: String,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    key: String,
    address: String,
    weight: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    zone: String,
    /// Who reads this all the time must hear of it before it leaves the list; who reads it at a start calls it last.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    draining: bool,
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata,
}

const SCHEMA: u32 = 1;
/// A list that is older is more likely to mislead than to help.
const OLDEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// The largest file that is read, and the most endpoints.
const MAX_BYTES: u64 = 16 << 20;
const MOST_PROVIDERS: usize = 10_000;

impl CacheFile {
    pub fn new(settings: &CacheSettings, registry: &str, service: &ServiceName) -> Self {
        let name = format!("{service}-{:016x}.json", checksum(registry.as_bytes()));
        let oldest = if settings.allow_stale { Duration::MAX } else { OLDEST };
        Self { path: settings.folder.join(name), target: format!("{registry}/{service}"), oldest }
    }

    /// The registry and service that it is of.
    pub fn target(&self) -> &str {
        &self.target
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which file it is now, if there is one.
    pub fn version(&self) -> Option<Version> {
        let found = std::fs::symlink_metadata(&self.path).ok()?;
        Some(Version(found.ino(), found.modified().ok()?))
    }

    /// Reads it; `None` if there is none. What is there is not trusted: a file that somebody else could have written, that is
    /// damaged, too old or of something else is an error.
    pub fn load(&self) -> Result<Option<Cached>> {
        let text = match self.read() {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.refused(&error.to_string())),
        };
        let (head, body) = self.check(&text).map_err(|why| self.refused(&why))?;
        let (list, decided) = body.split_once('\n').unwrap_or((body, ""));
        let age = SystemTime::now().duration_since(UNIX_EPOCH + Duration::from_millis(head.saved_ms));
        // A clock that was set back makes it look as if it came from the future.
        let age = age.unwrap_or_default();
        if age > self.oldest {
            let days = age.as_secs() / 86_400;
            return Err(self.refused(&format!("it is {days} days old (registry_cache_stale=true takes it)")));
        }
        let entries: Vec<Entry> =
            serde_json::from_str(list).map_err(|error| self.refused(&error.to_string()))?;
        let providers = entries.into_iter().take(MOST_PROVIDERS).map(Entry::provider);
        let providers = providers.collect::<Option<_>>().ok_or_else(|| self.refused("an address is none"))?;
        let overrides =
            Overrides::from_json(decided.as_bytes()).map_err(|error| self.refused(error.message()))?;
        Ok(Some(Cached { providers, overrides, age }))
    }

    /// Whether there is a list that can be used.
    pub fn has_providers(&self) -> bool {
        self.load().is_ok_and(|cached| cached.is_some_and(|cached| !cached.providers.is_empty()))
    }

    /// Writes the list and what operators decided, all or nothing, unless that is there already and no older than `recent`.
    /// Waits for the disk.
    pub fn save(&self, providers: &[Provider], overrides: &Overrides, recent: Duration) -> Result<()> {
        let entries: Vec<Entry> = providers.iter().map(Entry::new).collect();
        let mut body = serde_json::to_string(&entries).expect("plain data");
        if !overrides.is_empty() {
            body.push('\n');
            body.push_str(&serde_json::to_string(overrides).expect("plain data"));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let head = Head {
            schema: SCHEMA,
            target: self.target.clone(),
            saved_ms: now.as_millis() as u64,
            checksum: format!("{:016x}", checksum(body.as_bytes())),
        };
        if self.is_recent(&head, recent) {
            return Ok(());
        }
        let head = serde_json::to_string(&head).expect("plain data");
        self.replace(format!("{head}\n{body}\n").as_bytes()).map_err(|error| {
            let message = format!(
                "the list of {} cannot be kept in {}: {error}; make the folder writable, or choose another with \
                 registry_cache_dir, or turn it off with registry_cache=off",
                self.target,
                self.path.display()
            );
            Error::new(ErrorKind::Registry, message)
        })
    }

    fn read(&self) -> io::Result<String> {
        // Neither follows a link nor waits for the writer of a pipe.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&self.path)?;
        let found = file.metadata()?;
        let refuse = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
        if !found.is_file() || found.uid() != geteuid().as_raw() || found.mode() & 0o022 != 0 {
            return refuse("it is no file of this user that only this user can write to");
        }
        let mut text = String::new();
        file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
        if text.len() as u64 > MAX_BYTES { refuse("it is too large") } else { Ok(text) }
    }

    fn check<'t>(&self, text: &'t str) -> std::result::Result<(Head, &'t str), String> {
        let (head, body) = text.split_once('\n').ok_or("it is cut off")?;
        let head: Head = serde_json::from_str(head).map_err(|error| error.to_string())?;
        let body = body.strip_suffix('\n').ok_or("it is cut off")?;
        match () {
            () if head.schema != SCHEMA => Err(format!("its schema is {}, not {SCHEMA}", head.schema)),
            () if head.target != self.target => Err(format!("it is of {}", head.target)),
            () if head.checksum != format!("{:016x}", checksum(body.as_bytes())) => {
                Err("its checksum is wrong".into())
            }
            () => Ok((head, body)),
        }
    }

    fn is_recent(&self, new: &Head, recent: Duration) -> bool {
        let Ok(text) = self.read() else { return false };
        let Ok((old, _)) = self.check(&text) else { return false };
        let age = new.saved_ms.checked_sub(old.saved_ms);
        age.is_some_and(|ms| u128::from(ms) < recent.as_millis()) && old.checksum == new.checksum
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        DirBuilder::new().mode(0o700).recursive(true).create(folder)?;
        let temporary = folder.join(format!(".{}.tmp", Uuid::new_v4()));
        let write = |mut file: File| file.write_all(text).and_then(|()| file.sync_all());
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary);
        let renamed = created.and_then(write).and_then(|()| std::fs::rename(&temporary, &self.path));
        if renamed.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        renamed
    }

    fn refused(&self, why: &str) -> Error {
        let message = format!("the list kept in {} is not used: {why}", self.path.display());
        Error::new(ErrorKind::Registry, message)
    }
}

impl Entry {
    fn new(provider: &Provider) -> Self {
        let Endpoint { address, weight, zone, draining, metadata } = &provider.endpoint;
        let (key, address) = (provider.key.clone(), address.to_string());
        let (weight, draining) = (*weight, *draining);
        Self { key, address, weight, zone: zone.clone(), draining, metadata: metadata.clone() }
    }

    fn provider(self) -> Option<Provider> {
        let address: Address = self.address.parse().ok()?;
        if matches!(address, Address::Tcp { port: 0, .. }) {
            return None;
        }
        let Self { key, weight, zone, draining, metadata, .. } = self;
        let endpoint = Endpoint { address, weight, zone, draining, metadata };
        Some(Provider { key, endpoint })
    }
}

/// FNV-1a, which finds damage by chance and nothing else. It must be the same in all versions.
fn checksum(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
