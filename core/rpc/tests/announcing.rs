//! A server that says when it is ready, and how much it takes.

mod support;

use libfast_model::{Endpoint, ErrorKind, ServerOptions, parse_metadata};
use libfast_registry::{AnnouncementState, DirRegistry, Provider, Resolution, Resolver, Watch};
use libfast_rpc::{Client, Server};
use std::path::Path;
use std::time::Duration;
use support::LONG;

fn server(folder: &Path, more: &[(&str, &str)]) -> Server {
    let target = format!("dir://{}/calc", folder.display());
    let options = [&[("announce", &*target)], more].concat();
    Server::new(ServerOptions::from_pairs(options).unwrap()).unwrap()
}

fn watch(folder: &Path) -> Watch {
    DirRegistry::open(Some(folder.into())).unwrap().watch(&"calc".parse().unwrap())
}

/// Waits until the only provider has that weight.
async fn listed(watch: &mut Watch, weight: u32) -> Provider {
    listed_as(watch, |endpoint| endpoint.weight == weight).await
}

/// Waits until the only provider is like that.
async fn listed_as(watch: &mut Watch, wanted: impl Fn(&Endpoint) -> bool) -> Provider {
    let found = async {
        loop {
            if let Resolution::Bound(found) = watch.current()
                && let [one] = &found[..]
                && wanted(&one.endpoint)
            {
                return one.clone();
            }
            watch.changed().await;
        }
    };
    tokio::time::timeout(LONG, found).await.unwrap_or_else(|_| panic!("still {:?}", watch.current()))
}

async fn gone(watch: &mut Watch) {
    let absent = async {
        while !matches!(watch.current(), Resolution::Absent) {
            watch.changed().await;
        }
    };
    tokio::time::timeout(LONG, absent).await.unwrap();
}

/// Who loads a cache first listens, gets ready, and is found only then.
#[tokio::test]
async fn a_server_is_found_when_it_says_that_it_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let (server, mut watch) =
        (server(folder.path(), &[("announce_at_start", "false")]), watch(folder.path()));
    assert_eq!(server.announce().await.unwrap_err().kind(), ErrorKind::State, "it does not listen yet");
    let address = server.start().await.unwrap();
    gone(&mut watch).await;
    assert_eq!(server.announcement().name(), "closed");
    // The connections of those who know the address are accepted meanwhile.
    drop(support::Bare::connect(&address.to_string()));

    server.announce().await.unwrap();
    assert_eq!(server.announcement().name(), "registered");
    assert_eq!(listed(&mut watch, 100).await.endpoint.address, address);
    server.announce().await.unwrap();
    listed(&mut watch, 100).await;
    server.stop(LONG).await;
    gone(&mut watch).await;
    assert_eq!(server.announce().await.unwrap_err().kind(), ErrorKind::State, "it does not listen any more");
}

#[tokio::test]
async fn a_weight_can_change_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let (server, mut watch) = (server(folder.path(), &[("weight", "7")]), watch(folder.path()));
    server.set_weight(8).await.unwrap();
    server.start().await.unwrap();
    let before = listed(&mut watch, 8).await;
    server.set_weight(0).await.unwrap();
    let after = listed(&mut watch, 0).await;
    assert_eq!((before.key, before.endpoint.address), (after.key, after.endpoint.address));
    server.set_weight(1_000_000).await.unwrap();
    listed(&mut watch, 1_000_000).await;
    let error = server.set_weight(1_000_001).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    listed(&mut watch, 1_000_000).await;
    server.stop(LONG).await;
    server.set_weight(5).await.unwrap();
    gone(&mut watch).await;
}

#[tokio::test]
async fn what_a_server_says_of_itself_can_change_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let (server, mut watch) = (server(folder.path(), &[("metadata", "shard=1")]), watch(folder.path()));
    let mut says = async |text: &str, weight: u32| {
        let metadata = parse_metadata(text).unwrap();
        listed_as(&mut watch, |found| found.metadata == metadata && found.weight == weight).await
    };
    server.set_metadata("version=1, shard=2").await.unwrap();
    server.start().await.unwrap();
    let before = says("version=1,shard=2", 100).await;
    server.set_metadata("version=2").await.unwrap();
    let after = says("version=2", 100).await;
    assert_eq!((before.key, before.endpoint.address), (after.key, after.endpoint.address));

    // What is refused changes nothing, neither now nor with what is said next.
    let too_long = format!("version={}", "3".repeat(4096));
    for (wrong, why) in [("version", "has no ="), ("=3", "has no name"), (&*too_long, "shorten its metadata")]
    {
        let error = server.set_metadata(wrong).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.message().contains(why), "{error}");
    }
    server.set_weight(7).await.unwrap();
    says("version=2", 7).await;
    server.set_metadata("").await.unwrap();
    says("", 7).await;
}

#[tokio::test]
async fn metadata_that_is_none_is_refused_before_the_server_starts() {
    let options = ServerOptions::from_pairs([("metadata", "version")]).unwrap();
    let error = Server::new(options).err().unwrap();
    let message = r#"option "metadata": "version" has no =; write name=value,name=value"#;
    assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, message));
}

#[tokio::test]
async fn the_state_is_told_from_beginning_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path(), &[]);
    let mut states = server.watch_announcement();
    let told = tokio::spawn(async move {
        let mut told = vec![states.borrow_and_update().name()];
        while told.last() != Some(&"closed") || told.len() < 2 {
            states.changed().await.unwrap();
            told.push(states.borrow_and_update().name());
        }
        told
    });
    server.start().await.unwrap();
    server.stop(LONG).await;
    let told = tokio::time::timeout(LONG, told).await.unwrap().unwrap();
    assert_eq!((told[0], told[1], told[told.len() - 1]), ("closed", "registered", "closed"), "{told:?}");
}

/// An entry that cannot be kept is told with the reason, and again when it can.
#[tokio::test]
async fn a_lost_entry_says_why_and_comes_back() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("registry");
    let server = server(&folder, &[]);
    server.start().await.unwrap();
    let mut states = server.watch_announcement();
    std::fs::rename(&folder, parent.path().join("away")).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    let lost =
        tokio::time::timeout(LONG, states.wait_for(|state| state.error().is_some())).await.unwrap().unwrap();
    let AnnouncementState::Failed(error) = lost.clone() else { panic!() };
    assert!(error.message().contains("registry"), "{error}");
    drop(lost);
    let change = tokio::time::timeout(Duration::from_secs(10), server.set_weight(3)).await.unwrap();
    assert!(change.is_err());
    std::fs::remove_file(&folder).unwrap();
    let back = states.wait_for(|state| matches!(state, AnnouncementState::Registered));
    drop(tokio::time::timeout(LONG, back).await.unwrap().unwrap());
    listed(&mut watch(&folder), 3).await;
}

#[tokio::test]
async fn a_server_without_a_service_cannot_be_announced() {
    let server = Server::new(ServerOptions::default()).unwrap();
    server.start().await.unwrap();
    let error = server.announce().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.message().contains("\"announce\""), "{error}");
    server.set_weight(5).await.unwrap();
    assert_eq!(server.announcement().name(), "closed");
}

/// Clients that pick for another protocol see nothing of a server but its entry. One that left in good order is none of those
/// that vanish when a registry loses its mind.
#[tokio::test]
async fn who_picks_for_another_protocol_forgets_a_server_that_left() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir://{}/calc", folder.path().display());
    let announce = async |address: &str| {
        let options = ServerOptions::from_pairs([("announce", &*target), ("advertise", address)]).unwrap();
        libfast_rpc::announce(&options, None).await.unwrap().unwrap()
    };
    let (first, _second) = (announce("127.0.0.1:1").await, announce("127.0.0.1:2").await);
    let client = Client::new(&target).unwrap();
    let known = |count: usize| {
        let client = client.clone();
        let all_known = async move {
            loop {
                let stats: serde_json::Value = serde_json::from_str(&client.stats()).unwrap();
                if stats["endpoints"].as_array().unwrap().len() == count {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        async move { tokio::time::timeout(LONG, all_known).await.unwrap() }
    };
    known(2).await;
    drop(client.pick().await.unwrap());
    first.leave().await;
    known(1).await;
    assert_eq!(client.pick().await.unwrap().endpoint().address.to_string(), "127.0.0.1:2");
}
