//! What the tests against a real ZooKeeper share.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod logged;
pub mod nodes;

use libfast_model::ServiceName;
use libfast_registry::{
    Announcement, AnnouncementState, Announcer, Provider, Record, Resolution, Resolver, Role, Watch,
};
use libfast_testkit::ZooKeeper;
use libfast_zookeeper::ZooKeeperRegistry;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zookeeper_client::Client;

/// No condition that is waited for takes longer on any machine that is fit for tests.
pub const LIMIT: Duration = Duration::from_secs(20);
pub const ROOT: &str = "/test/fast";

pub fn registry(server: &ZooKeeper, session_timeout: Duration) -> ZooKeeperRegistry {
    ZooKeeperRegistry::open(&[server.connect_string()], ROOT, session_timeout)
}

pub fn service(name: &str) -> ServiceName {
    name.parse().unwrap()
}

pub fn record(port: u16) -> Record {
    Record { address: format!("10.0.0.1:{port}"), ..Record::of_this_process("test") }
}

pub async fn raw(server: &ZooKeeper) -> Client {
    Client::connect(&server.connect_string()).await.unwrap()
}

/// The path of the only provider.
pub async fn only_node(client: &Client, service: &str) -> String {
    let folder = format!("{ROOT}/{service}/providers");
    let names = client.list_children(&folder).await.unwrap();
    assert_eq!(names.len(), 1, "{names:?}");
    format!("{folder}/{}", names[0])
}

pub fn ports(providers: &[Provider]) -> Vec<u16> {
    let port = |provider: &Provider| {
        provider.endpoint.address.to_string().rsplit_once(':').unwrap().1.parse().unwrap()
    };
    let mut ports: Vec<u16> = providers.iter().map(port).collect();
    ports.sort_unstable();
    ports
}

/// Waits until the watch satisfies `condition`.
pub async fn until(watch: &mut Watch, condition: impl Fn(&Resolution) -> bool) -> Resolution {
    let found = async {
        let mut resolution = watch.current();
        while !condition(&resolution) {
            resolution = watch.changed().await;
        }
        resolution
    };
    match tokio::time::timeout(LIMIT, found).await {
        Ok(resolution) => resolution,
        Err(_) => panic!("still {:?}", watch.current()),
    }
}

/// Waits until exactly these ports are listed; none means that the service is absent.
pub async fn until_listed(watch: &mut Watch, expected: &[u16]) {
    until(watch, |resolution| match resolution {
        Resolution::Bound(providers) => ports(providers) == expected,
        Resolution::Absent => expected.is_empty(),
        _ => false,
    })
    .await;
}

/// A provider that is listed. A server that has just been started may break off the first try.
pub async fn announced(registry: &ZooKeeperRegistry, name: &str, port: u16) -> Announcement {
    let announcement = registry.announce(&service(name), Role::Provider, record(port));
    until_state(&announcement, is_registered).await;
    announcement
}

/// Waits until what is told satisfies `condition`.
pub async fn until_told<T>(mut told: watch::Receiver<T>, condition: impl FnMut(&T) -> bool) {
    let waiting = told.wait_for(condition);
    tokio::time::timeout(LIMIT, waiting).await.expect("it is told in time").unwrap();
}

/// Waits until the announcement's state satisfies `condition`.
pub async fn until_state(announcement: &Announcement, condition: impl Fn(&AnnouncementState) -> bool) {
    let mut states = announcement.watch_state();
    if tokio::time::timeout(LIMIT, states.wait_for(|state| condition(state))).await.is_err() {
        panic!("still {:?}", announcement.state());
    }
}

pub fn is_registered(state: &AnnouncementState) -> bool {
    matches!(state, AnnouncementState::Registered)
}

pub fn is_suspended(state: &AnnouncementState) -> bool {
    matches!(state, AnnouncementState::Suspended)
}

/// Notes every list that a watch goes through.
pub struct Recorder {
    lists: Arc<Mutex<Vec<Vec<u16>>>>,
    task: JoinHandle<()>,
}

impl Recorder {
    pub fn start(registry: &ZooKeeperRegistry, name: &str) -> Self {
        let lists = Arc::new(Mutex::new(Vec::new()));
        let mut watch = registry.watch(&service(name));
        let noted = lists.clone();
        let task = tokio::spawn(async move {
            loop {
                match watch.changed().await {
                    Resolution::Bound(providers) => noted.lock().unwrap().push(ports(&providers)),
                    Resolution::Pending => {}
                    Resolution::Absent | Resolution::Failed(_) => noted.lock().unwrap().push(Vec::new()),
                }
            }
        });
        Self { lists, task }
    }

    pub fn lists(&self) -> Vec<Vec<u16>> {
        self.lists.lock().unwrap().clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}
