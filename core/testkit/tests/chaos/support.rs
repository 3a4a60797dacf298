//! A proxy with a peer on each side.

use libfast_testkit::chaos::{ChaosSettings, Plan};
use libfast_testkit::{ChaosProxy, Direction};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than anything here takes on any machine that is fit for tests.
pub const LIMIT: Duration = Duration::from_secs(60);
/// Longer than any test runs.
pub const FOREVER: Duration = Duration::from_secs(3600);
pub const MS: Duration = Duration::from_millis(1);

pub struct Rig {
    pub proxy: ChaosProxy,
    pub server: TcpListener,
}

/// A connection: what is written on one end is read on the other.
pub struct Peers {
    pub client: TcpStream,
    pub server: TcpStream,
}

impl Rig {
    pub async fn new(plan: Plan) -> Self {
        Self::with(ChaosSettings { plan, ..Default::default() }).await
    }

    pub async fn with(settings: ChaosSettings) -> Self {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = settings.start(server.local_addr().unwrap().to_string()).unwrap();
        Self { proxy, server }
    }

    pub async fn connect(&self) -> Peers {
        let client = TcpStream::connect(self.proxy.address()).await.unwrap();
        let (server, _) = within(self.server.accept()).await.unwrap();
        Peers { client, server }
    }
}

/// With faults in one direction.
pub async fn rig_with(direction: Direction, change: impl FnOnce(&mut libfast_testkit::chaos::Faults)) -> Rig {
    let mut plan = Plan::default();
    change(plan.faults_mut(direction));
    Rig::new(plan).await
}

impl Peers {
    /// The sender and the receiver of a direction.
    pub fn ends(&mut self, direction: Direction) -> (&mut TcpStream, &mut TcpStream) {
        match direction {
            Direction::ToServer => (&mut self.client, &mut self.server),
            Direction::ToClient => (&mut self.server, &mut self.client),
        }
    }

    /// Sends bytes one way and returns what arrives of them, as many.
    pub async fn pass(&mut self, direction: Direction, bytes: &[u8]) -> Vec<u8> {
        let (sender, receiver) = self.ends(direction);
        let mut arrived = vec![0; bytes.len()];
        let (sent, read) =
            within(async { tokio::join!(sender.write_all(bytes), receiver.read_exact(&mut arrived)) }).await;
        sent.unwrap();
        read.unwrap();
        arrived
    }

    /// Shows that bytes pass both ways.
    pub async fn talk(&mut self) {
        for direction in Direction::ALL {
            assert_eq!(self.pass(direction, b"hello").await, b"hello");
        }
    }
}

pub fn other(direction: Direction) -> Direction {
    if direction == Direction::ToServer { Direction::ToClient } else { Direction::ToServer }
}

/// Reads all that comes, and how it ends.
pub async fn rest(stream: &mut TcpStream) -> (Vec<u8>, Result<(), ErrorKind>) {
    let mut bytes = vec![];
    let end = within(stream.read_to_end(&mut bytes)).await;
    (bytes, end.map(|_| ()).map_err(|error| error.kind()))
}

pub async fn assert_reset(stream: &mut TcpStream) {
    assert_eq!(rest(stream).await.1, Err(ErrorKind::ConnectionReset));
}

pub async fn assert_closed(stream: &mut TcpStream) {
    assert_eq!(rest(stream).await, (vec![], Ok(())));
}

pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("it takes too long")
}

/// Waits for a condition that another task brings about.
pub async fn until(condition: impl Fn() -> bool) {
    within(async {
        while !condition() {
            tokio::time::sleep(MS).await;
        }
    })
    .await;
}

/// Bytes that tell where they are.
pub fn numbered(count: usize) -> Vec<u8> {
    (0..count as u32 / 4).flat_map(u32::to_be_bytes).collect()
}
