//! A list whose entries are gone by the time they are read. The server is asked through a relay that sees to that.

mod support;

use libfast_registry::Resolver;
use libfast_testkit::ZooKeeper;
use libfast_zookeeper::ZooKeeperRegistry;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::{Duration, Instant};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use zookeeper_client::{Acls, Client, CreateMode};

const SESSION: Duration = Duration::from_secs(10);
/// Numbers of requests in ZooKeeper's protocol.
const GET_DATA: u32 = 4;
const GET_CHILDREN: [u32; 2] = [8, 12];

/// Replaces each entry that is asked for by another one, before ZooKeeper hears that it was.
struct Churn {
    client: Client,
    folder: String,
    port: AtomicU16,
    is_over: AtomicBool,
    listings: watch::Sender<u32>,
}

impl Churn {
    async fn replace(&self, path: &str) {
        let port = self.port.fetch_add(1, Ordering::Relaxed) + 1;
        let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
        let text = record(port).to_json();
        self.client
            .create(&format!("{}/server-{port}", self.folder), text.as_bytes(), &ephemeral)
            .await
            .unwrap();
        self.client.delete(path, None).await.unwrap();
    }

    /// What the relay does before a request is passed on.
    async fn before(&self, request: &[u8]) {
        let number = |at: usize| Some(u32::from_be_bytes(request.get(at..at + 4)?.try_into().ok()?));
        let path = || {
            let end = 12 + usize::try_from(number(8)?).ok()?;
            std::str::from_utf8(request.get(12..end)?).ok()
        };
        // Behind the number of the request stands what it is.
        let (Some(kind), Some(path)) = (number(4), path()) else { return };
        if GET_CHILDREN.contains(&kind) && path == self.folder {
            self.listings.send_modify(|listings| *listings += 1);
        }
        if kind == GET_DATA && path.starts_with(&self.folder) && !self.is_over.load(Ordering::Relaxed) {
            self.replace(path).await;
        }
    }

    async fn relay(self: Arc<Self>, client: TcpStream, server: TcpStream) -> std::io::Result<()> {
        let ((from_client, mut to_client), (mut from_server, to_server)) =
            (client.into_split(), server.into_split());
        tokio::select! {
            failed = self.requests(from_client, to_server) => failed.map(|never| match never {}),
            ended = tokio::io::copy(&mut from_server, &mut to_client) => ended.map(drop),
        }
    }

    /// Passes requests on, one after the other.
    async fn requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> std::io::Result<Infallible> {
        loop {
            let length = from.read_u32().await?;
            let mut request = vec![0; length as usize];
            from.read_exact(&mut request).await?;
            self.before(&request).await;
            to.write_u32(length).await?;
            to.write_all(&request).await?;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_gone_when_they_are_read_cost_no_more_listings_than_others() {
    let server = ZooKeeper::start().unwrap();
    let client = raw(&server).await;
    let folder = format!("{ROOT}/calc/providers");
    client.mkdir(&folder, &CreateMode::Persistent.with_acls(Acls::anyone_all())).await.unwrap();
    let (listings, mut listed) = watch::channel(0);
    let (port, is_over) = Default::default();
    let churn = Arc::new(Churn { client, folder: folder.clone(), port, is_over, listings });
    let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    churn.client.create(&format!("{folder}/first"), b"{}", &ephemeral).await.unwrap();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, upstream) = (listener.local_addr().unwrap().to_string(), server.connect_string());
    let relays = churn.clone();
    let accepting = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&upstream).await.unwrap();
            tokio::spawn(relays.clone().relay(client, server));
        }
    });

    let start = Instant::now();
    let mut watch = ZooKeeperRegistry::open(&[address], ROOT, SESSION).watch(&service("calc"));
    // One to begin with, eight that may follow soon, and five that have to be earned by half a second each.
    let many = listed.wait_for(|listings| *listings >= 14);
    tokio::time::timeout(LIMIT, many).await.expect("it goes on").unwrap();
    let took = start.elapsed();
    eprintln!("measured: 14 listings of a list that never holds still took {took:?}");
    assert!(took >= Duration::from_secs(2), "14 listings within {took:?}");

    churn.is_over.store(true, Ordering::Relaxed);
    let names = churn.client.list_children(&folder).await.unwrap();
    until_listed(&mut watch, &[names[0].strip_prefix("server-").unwrap().parse().unwrap()]).await;
    accepting.abort();
}
