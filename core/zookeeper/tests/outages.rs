//! What holds while ZooKeeper is away, and after it.

mod support;

use libfast_registry::{AnnouncementState, Announcer, Resolution, Resolver, Role};
use libfast_testkit::ZooKeeper;
use std::time::{Duration, Instant};
use support::*;

#[tokio::test]
async fn a_short_outage_removes_nobody_and_later_changes_are_seen() {
    let mut server = ZooKeeper::start().unwrap();
    let session = Duration::from_secs(8);
    let (provider, consumer) = (registry(&server, session), registry(&server, session));
    let mut watch = consumer.watch(&service("echo"));
    let first = provider.announce(&service("echo"), Role::Provider, record(1));
    until_listed(&mut watch, &[1]).await;
    let recorder = Recorder::start(&consumer, "echo");
    let client = raw(&server).await;
    let path = only_node(&client, "echo").await;
    let before = client.check_stat(&path).await.unwrap().unwrap();
    drop(client);

    let start = Instant::now();
    server.kill();
    until_state(&first, is_suspended).await;
    eprintln!("measured: suspended after SIGKILL of ZooKeeper {:?}", start.elapsed());
    server.restart().unwrap();
    let start = Instant::now();
    until_state(&first, is_registered).await;
    eprintln!("measured: registered after a short outage {:?}", start.elapsed());

    // The watch must have survived the reconnect.
    let second = provider.announce(&service("echo"), Role::Provider, record(2));
    until_listed(&mut watch, &[1, 2]).await;
    assert!(recorder.lists().iter().all(|list| list.contains(&1)), "{:?}", recorder.lists());
    second.withdraw().await;
    until_listed(&mut watch, &[1]).await;
    let after = raw(&server).await.check_stat(&path).await.unwrap().unwrap();
    assert_eq!(before, after, "the node was made anew");
}

/// The client declares the session dead by its own clock, while the server takes it up again at its start. Taking it
/// up again on both sides means that nothing ever leaves a list.
#[tokio::test]
async fn an_outage_longer_than_the_session_removes_nobody_either() {
    let mut server = ZooKeeper::start().unwrap();
    let session = Duration::from_secs(2);
    let (provider, consumer) = (registry(&server, session), registry(&server, session));
    let mut watch = consumer.watch(&service("echo"));
    let first = provider.announce(&service("echo"), Role::Provider, record(1));
    until_listed(&mut watch, &[1]).await;
    let recorder = Recorder::start(&consumer, "echo");
    let client = raw(&server).await;
    let path = only_node(&client, "echo").await;
    let before = client.check_stat(&path).await.unwrap().unwrap();
    drop(client);

    server.kill();
    until_state(&first, is_suspended).await;
    // The length of the outage: more than 7/5 of the session, when the crate gives it up.
    tokio::time::sleep(session * 2).await;
    server.restart().unwrap();
    let start = Instant::now();
    until_state(&first, is_registered).await;
    let time = start.elapsed();
    eprintln!("measured: registered after an outage longer than the session {time:?}");
    assert!(time < Duration::from_secs(3), "{time:?}");

    let second = provider.announce(&service("echo"), Role::Provider, record(2));
    until_listed(&mut watch, &[1, 2]).await;
    second.withdraw().await;
    until_listed(&mut watch, &[1]).await;
    assert!(recorder.lists().iter().all(|list| list.contains(&1)), "{:?}", recorder.lists());
    let after = raw(&server).await.check_stat(&path).await.unwrap().unwrap();
    assert_eq!(before, after, "the former session was not taken up again");
}

/// No former session to return to: a new one is made, everything is listed anew and watched again.
#[tokio::test]
async fn a_server_that_lost_everything_is_filled_again() {
    let mut server = ZooKeeper::start().unwrap();
    let session = Duration::from_secs(1);
    let (provider, consumer) = (registry(&server, session), registry(&server, session));
    let mut watch = consumer.watch(&service("echo"));
    let first = provider.announce(&service("echo"), Role::Provider, record(1));
    until_listed(&mut watch, &[1]).await;

    server.forget().unwrap();
    until_state(&first, is_suspended).await;
    assert!(matches!(watch.current(), Resolution::Bound(_)), "the last list stands");
    server.restart().unwrap();
    let start = Instant::now();
    until_state(&first, is_registered).await;
    let time = start.elapsed();
    eprintln!("measured: registered in a new session {time:?}");
    assert!(time < Duration::from_secs(3), "{time:?}");
    let _second = provider.announce(&service("echo"), Role::Provider, record(2));
    until_listed(&mut watch, &[1, 2]).await;
    first.withdraw().await;
    until_listed(&mut watch, &[2]).await;
}

/// A server that accepts and never answers is worse than a dead one: only time tells.
#[tokio::test]
async fn a_frozen_server_removes_nobody() {
    let mut server = ZooKeeper::start().unwrap();
    let session = Duration::from_secs(2);
    let registry = registry(&server, session);
    let mut watch = registry.watch(&service("echo"));
    let first = registry.announce(&service("echo"), Role::Provider, record(1));
    until_listed(&mut watch, &[1]).await;
    server.stop_process();
    let start = Instant::now();
    until_state(&first, is_suspended).await;
    eprintln!("measured: suspended after SIGSTOP of ZooKeeper (session 2 s) {:?}", start.elapsed());
    let Resolution::Bound(_) = watch.current() else { panic!("the last list stands") };
    // Withdrawing does not wait for ever for a server that does not answer.
    let start = Instant::now();
    first.withdraw().await;
    assert!(start.elapsed() < Duration::from_secs(5));
    // It goes on in the background.
    server.cont_process();
    until_listed(&mut watch, &[]).await;
}

#[tokio::test]
async fn an_unreachable_ensemble_says_so_and_heals_when_it_comes() {
    let mut server = ZooKeeper::stopped().unwrap();
    let registry = registry(&server, Duration::from_secs(10));
    let start = Instant::now();
    let mut watch = registry.watch(&service("echo"));
    assert!(matches!(watch.current(), Resolution::Pending));
    let announcement = registry.announce(&service("echo"), Role::Provider, record(1));
    let failed = until(&mut watch, |resolution| !matches!(resolution, Resolution::Pending)).await;
    eprintln!("measured: failure of an unreachable ensemble told {:?}", start.elapsed());
    let Resolution::Failed(error) = failed else { panic!("{failed:?}") };
    assert_eq!(error.kind(), libfast_model::ErrorKind::Registry);
    for part in [&*server.connect_string(), "refused", "check that the servers run"] {
        assert!(error.message().contains(part), "{error}");
    }
    assert!(announcement.registered().await.is_err());
    assert!(registry.services().await.is_err());
    let withdrawn = registry.announce(&service("echo"), Role::Provider, record(2));
    withdrawn.withdraw().await;

    server.restart().unwrap();
    let start = Instant::now();
    until_state(&announcement, |state| matches!(state, AnnouncementState::Registered)).await;
    until_listed(&mut watch, &[1]).await;
    eprintln!("measured: listed after the ensemble came {:?}", start.elapsed());
}
