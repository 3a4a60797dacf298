//! What needs the inside of the registry; the rest is in `tests/dir.rs`.

use super::*;
use libfast_model::ErrorKind;

fn provider(address: &str) -> Record {
    Record { address: address.into(), ..Record::of_this_process("test") }
}

async fn until(watch: &mut Watch, wanted: impl Fn(&Resolution) -> bool) {
    let found = async {
        while !wanted(&watch.current()) {
            watch.changed().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), found)
        .await
        .expect("the list never became what was expected");
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

/// As at the limit of inotify instances, which a test must not use up: it is shared by all programs of the user.
#[test]
fn without_inotify_the_list_is_polled() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let registry =
            DirRegistry { notified: false, ..DirRegistry::open(Some(folder.path().into())).unwrap() };
        let service = "echo".parse().unwrap();
        let mut watch = registry.watch(&service);
        until(&mut watch, |now| matches!(now, Resolution::Absent)).await;
        let announcement = registry.announce(&service, Role::Provider, provider("h:1"));
        until(&mut watch, |now| matches!(now, Resolution::Bound(list) if list.len() == 1)).await;
        announcement.withdraw().await;
        until(&mut watch, |now| matches!(now, Resolution::Absent)).await;
    });
}

/// A descriptor that stays open in a child of a fork would keep a dead parent listed.
#[test]
fn the_lock_is_noted_for_the_fork_hook() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let registry = DirRegistry::open(Some(folder.path().into())).unwrap();
        let announcement = registry.announce(&"echo".parse().unwrap(), Role::Provider, provider("h:1"));
        let list = registry.listing(&"echo".parse().unwrap(), Role::Provider);
        let file = std::fs::read_dir(list.path()).unwrap().next().unwrap().unwrap().path();
        let is_file = |fd| std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok_and(|path| path == file);
        assert!(libfast_model::take_inherited_fds().any(is_file));
        drop(announcement);
        assert!(!file.exists(), "removed by the drop itself");
    });
}

#[test]
fn a_record_that_is_too_long_fails_its_announcement() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let registry = DirRegistry::open(Some(folder.path().into())).unwrap();
        let record = Record { zone: "z".repeat(5_000), ..provider("h:1") };
        let announcement = registry.announce(&"echo".parse().unwrap(), Role::Provider, record);
        assert_eq!(announcement.registered().await.unwrap_err().kind(), ErrorKind::Invalid);
    });
}

/// Readers find the old text or the new one, under the same key.
#[test]
fn a_change_replaces_the_record_in_one_step() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let registry = DirRegistry::open(Some(folder.path().into())).unwrap();
        let service = "echo".parse().unwrap();
        let announcement = registry.announce(&service, Role::Provider, provider("h:1"));
        let mut watch = registry.watch(&service);
        until(&mut watch, |now| matches!(now, Resolution::Bound(_))).await;
        let Resolution::Bound(before) = watch.current() else { panic!() };
        let mut listing = registry.listing(&service, Role::Provider);
        for weight in 1..=100 {
            announcement.change(|record| record.weight = weight).await.unwrap();
            let found = listing.providers().unwrap();
            assert_eq!((found.len(), found[0].endpoint.weight), (1, weight));
        }
        until(&mut watch, |now| matches!(now, Resolution::Bound(list) if list[0].endpoint.weight == 100))
            .await;
        let Resolution::Bound(after) = watch.current() else { panic!() };
        assert_eq!((after.len(), &after[0].key), (1, &before[0].key));

        let refused = announcement.change(|record| record.zone = "z".repeat(5_000)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        announcement.change(|record| record.weight = 1).await.unwrap();
        announcement.withdraw().await;
        assert!(listing.providers().unwrap().is_empty());
    });
}

/// With and without the file: what is decided holds for providers that come later, too.
#[test]
fn what_an_operator_decides_reaches_those_who_watch() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let registry = DirRegistry::open(Some(folder.path().into())).unwrap();
        let service = "echo".parse().unwrap();
        let mut watch = registry.watch(&service);
        let _announcement = registry.announce(&service, Role::Provider, provider("h:1"));
        let is = |weight, draining| move |now: &Resolution| matches!(now, Resolution::Bound(list) if (list[0].endpoint.weight, list[0].endpoint.draining) == (weight, draining));
        until(&mut watch, is(100, false)).await;
        let (listed, later) = ("h:1".parse().unwrap(), "h:2".parse().unwrap());
        registry.decide(&service, &listed, |decided| decided.draining = true).unwrap();
        until(&mut watch, is(100, true)).await;
        registry.decide(&service, &listed, |decided| decided.weight = Some(7)).unwrap();
        until(&mut watch, is(7, true)).await;
        assert_eq!(
            registry.overrides(&service).unwrap().of("h:1"),
            Override { weight: Some(7), draining: true }
        );
        registry.decide(&service, &listed, |decided| *decided = Override::default()).unwrap();
        until(&mut watch, is(100, false)).await;

        registry.decide(&service, &later, |decided| decided.weight = Some(1)).unwrap();
        let _later = registry.announce(&service, Role::Provider, provider("h:2"));
        until(
            &mut watch,
            |now| matches!(now, Resolution::Bound(list) if list.iter().any(|one| one.endpoint.weight == 1)),
        )
        .await;
        // What cannot be read leaves in force what was read before.
        std::fs::write(registry.listing(&service, Role::Provider).path().join("overrides.json"), "junk")
            .unwrap();
        let _third = registry.announce(&service, Role::Provider, provider("h:3"));
        until(&mut watch, |now| {
            matches!(now, Resolution::Bound(list) if list.len() == 3 && list.iter().any(|one| one.endpoint.weight == 1))
        })
        .await;
        assert!(registry.decide(&service, &later, |decided| decided.weight = None).is_err());
    });
}
