//! Files that are good and bad, and who believes them when.

mod leading;

use super::file::Cached;
use super::leader::Lead;
use super::*;
use crate::{Overrides, Provider};
use libfast_model::{Endpoint, Error, ErrorKind};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);
const RECENT: Duration = Duration::from_secs(300);

fn settings(folder: &Path) -> CacheSettings {
    CacheSettings { folder: folder.join("made"), allow_stale: false, lead: false, can_ask: true }
}

fn service() -> ServiceName {
    "calc".parse().unwrap()
}

fn file(settings: &CacheSettings) -> CacheFile {
    CacheFile::new(settings, "zk://h:1/fast", &service())
}

fn providers(ports: impl IntoIterator<Item = u16>) -> Vec<Provider> {
    let endpoint = |port| Endpoint {
        zone: "a".into(),
        metadata: [("shard".into(), "7".into())].into(),
        weight: 7,
        ..Endpoint::new(format!("h:{port}").parse().unwrap())
    };
    ports.into_iter().map(|port| Provider { key: format!("key-{port}"), endpoint: endpoint(port) }).collect()
}

#[test]
fn a_list_is_read_as_written_and_by_its_user_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&settings(folder.path()));
    assert_eq!(file.load().unwrap(), None);
    let mut list = providers(1..3);
    list[1].endpoint.draining = true;
    file.save(&list, &Overrides::default(), RECENT).unwrap();
    let Cached { providers: read, age, .. } = file.load().unwrap().unwrap();
    assert_eq!(read, list, "with those that drain");
    assert!(age < LONG);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file.path()), mode(file.path().parent().unwrap())), (0o600, 0o700));
    assert_eq!(fs::read_dir(file.path().parent().unwrap()).unwrap().count(), 1, "no temporary file stays");
}

#[test]
fn an_equal_list_is_not_written_again_soon_and_another_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&settings(folder.path()));
    file.save(&providers(1..3), &Overrides::default(), RECENT).unwrap();
    let first = file.version();
    file.save(&providers(1..3), &Overrides::default(), RECENT).unwrap();
    assert_eq!(file.version(), first);
    file.save(&providers(1..4), &Overrides::default(), RECENT).unwrap();
    assert_ne!(file.version(), first);
}

#[test]
fn what_is_damaged_foreign_or_old_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let file = file(&settings);
    file.save(&providers(1..3), &Overrides::default(), RECENT).unwrap();
    let good = fs::read_to_string(file.path()).unwrap();
    let refusal = |text: &str| {
        fs::write(file.path(), text).unwrap();
        file.load().unwrap_err().message().to_owned()
    };
    assert!(refusal("").contains("cut off"));
    assert!(refusal(&good[..good.len() - 1]).contains("cut off"));
    assert!(refusal(&good.replace("h:2", "h:3")).contains("checksum"));
    assert!(refusal(&good.replace("\"schema\":1", "\"schema\":2")).contains("schema is 2"));
    assert!(refusal(&good.replace("/fast/calc", "/fast/other")).contains("is of zk://h:1/fast/other"));
    let aged = |days: u64| {
        let (head, list) = good.split_once('\n').unwrap();
        let mut head: serde_json::Value = serde_json::from_str(head).unwrap();
        head["saved_ms"] = (head["saved_ms"].as_u64().unwrap() - days * 86_400_000).into();
        format!("{head}\n{list}")
    };
    assert!(refusal(&aged(8)).contains("8 days old"));
    fs::write(file.path(), aged(6)).unwrap();
    assert_eq!(file.load().unwrap().unwrap().providers, providers(1..3));
    fs::write(file.path(), aged(8)).unwrap();
    let patient = CacheSettings { allow_stale: true, ..settings.clone() };
    assert!(CacheFile::new(&patient, "zk://h:1/fast", &service()).load().unwrap().is_some());

    fs::write(file.path(), &good).unwrap();
    fs::set_permissions(file.path(), Permissions::from_mode(0o620)).unwrap();
    assert!(file.load().unwrap_err().message().contains("only this user"));
    fs::remove_file(file.path()).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", file.path()).unwrap();
    assert!(file.load().is_err());
}

/// A registry that says what the test says, and counts who asks.
#[derive(Clone)]
struct Told {
    sender: watch::Sender<Resolution>,
    conditions: watch::Sender<Condition>,
    overrides: watch::Sender<Overrides>,
    asked: Arc<Mutex<usize>>,
}

impl Told {
    fn new(first: Resolution) -> Self {
        Self {
            sender: watch::channel(first).0,
            conditions: watch::channel(Condition::default()).0,
            overrides: watch::channel(Overrides::default()).0,
            asked: Arc::default(),
        }
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

impl Resolver for Told {
    fn watch(&self, _: &ServiceName) -> Watch {
        *self.asked.lock().unwrap() += 1;
        let watch = Watch::new(self.sender.subscribe(), ());
        watch.with_condition(self.conditions.subscribe()).with_overrides(self.overrides.subscribe())
    }

    fn consumers(&self, _: &ServiceName) -> Pin<Box<dyn Future<Output = Result<Vec<Record>>> + Send + '_>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

fn cached(told: &Told, settings: &CacheSettings) -> CachedResolver {
    CachedResolver::new(Arc::new(told.clone()), "zk://h:1/fast".into(), settings.clone())
}

fn watch_cached(told: &Told, settings: &CacheSettings) -> Watch {
    cached(told, settings).watch(&service())
}

fn away() -> Resolution {
    Resolution::Failed(Error::new(ErrorKind::Registry, "nobody answers"))
}

async fn until(watch: &mut Watch, ports: impl IntoIterator<Item = u16>) {
    until_list(watch, &providers(ports)).await;
}

async fn until_list(watch: &mut Watch, wanted: &[Provider]) {
    let found = async {
        while !matches!(watch.current(), Resolution::Bound(list) if list == wanted) {
            watch.changed().await;
        }
    };
    tokio::time::timeout(LONG, found).await.unwrap_or_else(|_| panic!("still {:?}", watch.current()));
}

async fn until_written(settings: &CacheSettings, wanted: &[Provider]) {
    until_file(settings, |file| file.load().unwrap().is_some_and(|cached| cached.providers == wanted)).await;
}

async fn until_file(settings: &CacheSettings, wanted: impl Fn(&CacheFile) -> bool) {
    let (file, limit) = (file(settings), Instant::now() + LONG);
    while !wanted(&file) {
        assert!(Instant::now() < limit, "{:?}", file.load());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_condition(watch: &Watch, wanted: impl FnMut(&Condition) -> bool) {
    let mut condition = watch.condition();
    let found = condition.wait_for(wanted);
    tokio::time::timeout(LONG, found).await.expect("in time").unwrap();
}

#[tokio::test]
async fn what_was_known_counts_while_the_registry_is_away_and_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let told = Told::new(Resolution::Bound(providers(1..3)));
    let mut first = watch_cached(&told, &settings);
    until(&mut first, 1..3).await;
    until_written(&settings, &providers(1..3)).await;
    drop(first);

    let told = Told::new(away());
    let mut later = watch_cached(&told, &settings);
    until(&mut later, 1..3).await;
    assert!(later.condition().borrow().stale_since.is_some(), "its age is told");
    told.sender.send_replace(Resolution::Bound(providers(2..5)));
    until(&mut later, 2..5).await;
    let mut condition = later.condition();
    condition.wait_for(|condition| condition.stale_since.is_none()).await.unwrap();
    until_written(&settings, &providers(2..5)).await;
    let decided = Overrides::from_json(br#"{"overrides":{"h:1":{"draining":true}}}"#).unwrap();
    told.overrides.send_replace(decided.clone());
    later.overrides().wait_for(|known| *known == decided).await.unwrap();
    // That nobody is there is told, and not written.
    told.sender.send_replace(Resolution::Absent);
    assert!(matches!(later.changed().await, Resolution::Absent));
    told.sender.send_replace(Resolution::Bound(providers(7..8)));
    until(&mut later, 7..8).await;
}

#[tokio::test]
async fn without_a_file_the_failure_is_told_and_an_answer_heals_it() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::new(Resolution::Pending);
    let mut watch = watch_cached(&told, &settings(folder.path()));
    told.sender.send_replace(away());
    assert!(matches!(watch.changed().await, Resolution::Failed(_)));
    told.sender.send_replace(Resolution::Bound(providers(1..2)));
    until(&mut watch, 1..2).await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_to_costs_nothing_but_the_file() {
    let folder = tempfile::NamedTempFile::new().unwrap();
    let told = Told::new(Resolution::Bound(providers(1..3)));
    let mut watch = watch_cached(&told, &settings(folder.path()));
    until(&mut watch, 1..3).await;
    told.sender.send_replace(Resolution::Bound(providers(1..4)));
    until(&mut watch, 1..4).await;
}

#[tokio::test]
async fn when_all_drain_the_file_still_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(folder.path());
    let mut list = providers(1..3);
    list.iter_mut().for_each(|provider| provider.endpoint.draining = true);
    let told = Told::new(Resolution::Bound(list.clone()));
    let mut watch = watch_cached(&told, &settings);
    until_list(&mut watch, &list).await;
    until_written(&settings, &list).await;
    drop(watch);
    // Nobody else is left: a start calls them.
    let mut later = watch_cached(&Told::new(away()), &settings);
    until_list(&mut later, &list).await;
}
