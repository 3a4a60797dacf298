//! The `dir:` registry as its users see it. `processes` kills real processes, `waiting` waits without sleeping.

mod processes;
mod waiting;

use libfast_model::{ErrorKind, ServiceName};
use libfast_registry::{
    Announcement, AnnouncementState, Announcer, DirRegistry, ListedService, Record, Resolution, Resolver,
    Role,
};
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::{NamedTempFile, TempDir, tempdir};
use waiting::{absent, bound, condition, in_time, until};

#[test]
fn announce_and_withdraw_are_seen() {
    run(async {
        let (folder, registry) = registry();
        let mut watch = registry.watch(&echo());
        absent(&mut watch).await;
        let first = announce(&registry, "h:1").await;
        assert_eq!(bound(&mut watch, 1).await, ["h:1"]);
        let second = announce(&registry, "unix:/run/two.sock").await;
        let mut found = bound(&mut watch, 2).await;
        found.sort();
        assert_eq!(found, ["h:1", "unix:/run/two.sock"]);
        let Resolution::Bound(list) = watch.current() else { panic!("was bound") };
        assert!(list.is_sorted_by_key(|provider| provider.key.clone()));

        let state = first.watch_state();
        first.withdraw().await;
        assert!(matches!(*state.borrow(), AnnouncementState::Closed));
        assert_eq!(bound(&mut watch, 1).await, ["unix:/run/two.sock"]);
        drop(second);
        assert_eq!(files(folder.path()), Vec::<PathBuf>::new(), "removed by the drop itself");
        absent(&mut watch).await;
    });
}

#[test]
fn a_watch_that_comes_later_sees_who_is_there() {
    run(async {
        let (_folder, registry) = registry();
        let _announcement = announce(&registry, "h:1").await;
        assert_eq!(bound(&mut registry.watch(&echo()), 1).await, ["h:1"]);
    });
}

#[test]
fn a_folder_that_is_missing_is_an_empty_registry_until_somebody_announces() {
    run(async {
        let above = tempdir().unwrap();
        let registry = DirRegistry::open(Some(above.path().join("a/b"))).unwrap();
        let mut watch = registry.watch(&echo());
        absent(&mut watch).await;
        assert!(registry.services().unwrap().is_empty());
        assert!(registry.consumers(&echo()).await.unwrap().is_empty());
        assert!(!above.path().join("a").exists(), "looking makes nothing");
        let _announcement = announce(&registry, "h:1").await;
        assert_eq!(bound(&mut watch, 1).await, ["h:1"]);
    });
}

#[test]
fn a_folder_that_cannot_be_made_fails_with_what_and_why() {
    run(async {
        let file = NamedTempFile::new().unwrap();
        let registry = DirRegistry::open(Some(file.path().join("registry"))).unwrap();
        let announcement = registry.announce(&echo(), Role::Provider, provider("h:1"));
        let error = announcement.registered().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Registry);
        for part in [file.path().to_str().unwrap(), "Not a directory", "name another folder"] {
            assert!(error.message().contains(part), "{part}: {error}");
        }
        assert!(matches!(announcement.state(), AnnouncementState::Failed(_)));
        let mut watch = registry.watch(&echo());
        until(&mut watch, |now| matches!(now, Resolution::Failed(e) if e.kind() == ErrorKind::Registry))
            .await;

        // The obstacle goes, and both go on by themselves.
        file.close().unwrap();
        let mut state = announcement.watch_state();
        in_time(state.wait_for(|state| matches!(state, AnnouncementState::Registered))).await.unwrap();
        assert_eq!(bound(&mut watch, 1).await, ["h:1"]);
        drop(announcement);
        std::fs::remove_dir_all(registry.folder().parent().unwrap()).unwrap();
    });
}

#[test]
fn what_a_dead_process_left_is_cleaned_and_nothing_else() {
    run(async {
        let (folder, registry) = registry();
        let list = folder.path().join("echo/providers");
        std::fs::create_dir_all(&list).unwrap();
        let stale = list.join("0b1f1f1e-8a52-4b7c-9d5e-3f1a2b3c4d5e.json");
        std::fs::write(&stale, provider("h:9").to_json()).unwrap();
        std::fs::write(list.join("notes.txt"), "mine").unwrap();
        let mut watch = registry.watch(&echo());
        absent(&mut watch).await;
        assert_eq!(files(folder.path()), [list.join("notes.txt")]);
        // Also while it is watched.
        std::fs::write(&stale, provider("h:9").to_json()).unwrap();
        let _announcement = announce(&registry, "h:1").await;
        assert_eq!(bound(&mut watch, 1).await, ["h:1"]);
        condition(|| !stale.exists()).await;
        assert!(list.join("notes.txt").exists());
    });
}

/// The kernel reports that a dead process's file was closed before it drops the lock, and never reports the lock.
#[test]
fn a_lock_that_goes_after_the_report_is_noticed() {
    run(async {
        let (folder, registry) = registry();
        let list = folder.path().join("echo/providers");
        std::fs::create_dir_all(&list).unwrap();
        let path = list.join("0b1f1f1e-8a52-4b7c-9d5e-3f1a2b3c4d5e.json");
        std::fs::write(&path, provider("h:1").to_json()).unwrap();
        // Closing a file that was open for reading is not reported.
        let lock = File::open(&path).unwrap();
        lock.lock().unwrap();
        let mut watch = registry.watch(&echo());
        bound(&mut watch, 1).await;
        drop(File::options().write(true).open(&path).unwrap());
        tokio::task::yield_now().await;
        drop(lock);
        absent(&mut watch).await;
        assert!(!path.exists());
    });
}

#[test]
fn a_malformed_record_does_not_hide_the_others() {
    run(async {
        let (folder, registry) = registry();
        let bad = announce(&registry, "h:9").await;
        std::fs::write(&files(folder.path())[0], "{").unwrap();
        let _good = announce(&registry, "h:1").await;
        assert_eq!(bound(&mut registry.watch(&echo()), 1).await, ["h:1"]);
        drop(bad);
    });
}

#[test]
fn an_entry_that_somebody_removed_comes_back() {
    run(async {
        let (folder, registry) = registry();
        let _announcement = announce(&registry, "h:1").await;
        let file = files(folder.path()).remove(0);
        std::fs::remove_file(&file).unwrap();
        condition(|| files(folder.path()) == [file.clone()]).await;
        assert_eq!(bound(&mut registry.watch(&echo()), 1).await, ["h:1"]);
    });
}

#[test]
fn a_folder_that_was_removed_or_moved_away_is_made_again() {
    run(async {
        let above = tempdir().unwrap();
        let registry = DirRegistry::open(Some(above.path().join("registry"))).unwrap();
        let _announcement = announce(&registry, "h:1").await;
        let mut watch = registry.watch(&echo());
        bound(&mut watch, 1).await;
        std::fs::remove_dir_all(registry.folder()).unwrap();
        condition(|| !files(registry.folder()).is_empty()).await;
        // The new folder is the one that is watched.
        let second = announce(&registry, "h:2").await;
        bound(&mut watch, 2).await;
        drop(second);
        bound(&mut watch, 1).await;
        // The watched folder itself stays, at another place.
        std::fs::rename(registry.folder(), above.path().join("old")).unwrap();
        condition(|| !files(registry.folder()).is_empty()).await;
        let second = announce(&registry, "h:2").await;
        bound(&mut watch, 2).await;
        drop(second);
        bound(&mut watch, 1).await;
    });
}

#[test]
fn consumers_and_services_are_listed_for_operators() {
    run(async {
        let (folder, registry) = registry();
        let _provider = announce(&registry, "h:1").await;
        let consumer = registry.announce(&echo(), Role::Consumer, Record::of_this_process("caller"));
        consumer.registered().await.unwrap();
        let other = registry.announce(&"calc".parse().unwrap(), Role::Consumer, Record::of_this_process(""));
        other.registered().await.unwrap();
        std::fs::create_dir(folder.path().join("unrelated")).unwrap();

        let consumers = registry.consumers(&echo()).await.unwrap();
        assert_eq!(consumers.iter().map(|record| record.name.as_str()).collect::<Vec<_>>(), ["caller"]);
        assert_eq!(consumers[0].pid, std::process::id());
        let listed = |service: &str, providers, consumers| ListedService {
            service: service.parse().unwrap(),
            providers,
            consumers,
        };
        assert_eq!(registry.services().unwrap(), [listed("calc", 0, 1), listed("echo", 1, 1)]);
        assert_eq!(registry.records(&echo(), Role::Provider).unwrap()[0].address, "h:1");
        assert!(registry.knows(&echo()) && !registry.knows(&"unrelated".parse().unwrap()));
        drop(consumer);
        assert!(registry.consumers(&echo()).await.unwrap().is_empty());
    });
}

/// An announcement belongs to who holds it, not to the runtime that it was made in.
#[test]
fn an_entry_outlives_the_runtime_it_was_announced_in() {
    let (folder, registry) = registry();
    let announcement = run(announce(&registry, "h:1"));
    run(async { assert_eq!(bound(&mut registry.watch(&echo()), 1).await, ["h:1"]) });
    drop(announcement);
    assert!(files(folder.path()).is_empty());
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

fn registry() -> (TempDir, DirRegistry) {
    let folder = tempdir().unwrap();
    let registry = DirRegistry::open(Some(folder.path().into())).unwrap();
    (folder, registry)
}

fn echo() -> ServiceName {
    "echo".parse().unwrap()
}

fn provider(address: &str) -> Record {
    Record { address: address.into(), ..Record::of_this_process("test") }
}

async fn announce(registry: &DirRegistry, address: &str) -> Announcement {
    let announcement = registry.announce(&echo(), Role::Provider, provider(address));
    announcement.registered().await.unwrap();
    announcement
}

/// All files below a folder, ordered.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(found) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = found.map(|file| file.unwrap().path());
    let mut files: Vec<_> =
        paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    files.sort();
    files
}
