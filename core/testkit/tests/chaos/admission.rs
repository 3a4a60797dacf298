//! New connections: refused, reset, or without a server.

use crate::support::{Rig, assert_reset, until, within};
use libfast_testkit::ChaosProxy;
use libfast_testkit::chaos::{Admission, Plan};
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

#[tokio::test]
async fn connections_are_refused_and_accepted_again_on_the_same_port() {
    let rig = Rig::new(Plan::default()).await;
    let address = rig.proxy.address();
    let is_taken = || {
        let error = TcpSocket::new_v4().unwrap().bind(address).err();
        error.is_some_and(|error| error.kind() == ErrorKind::AddrInUse)
    };
    // No connection holds the port yet.
    rig.proxy.change(|plan| plan.admission = Admission::Refuse);
    within(rig.proxy.settled()).await;
    assert!(is_taken());
    rig.proxy.clear();
    within(rig.proxy.settled()).await;
    let mut old = rig.connect().await;
    for _ in 0..3 {
        rig.proxy.change(|plan| plan.admission = Admission::Refuse);
        within(rig.proxy.settled()).await;
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        // Those that are there live, and nobody else gets the port by chance.
        old.talk().await;
        assert!(is_taken());
        rig.proxy.clear();
        within(rig.proxy.settled()).await;
        rig.connect().await.talk().await;
    }
}

#[tokio::test]
async fn connections_are_reset_just_after_they_are_accepted() {
    let rig = Rig::new(Plan { admission: Admission::Reset, ..Default::default() }).await;
    for _ in 0..10 {
        match TcpStream::connect(rig.proxy.address()).await {
            Ok(mut client) => assert_reset(&mut client).await,
            // The RST may come before `connect` has returned.
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
    assert_eq!((rig.proxy.counts().connections, rig.proxy.counts().rejected), (10, 10));
    rig.proxy.clear();
    // The server heard nothing of them: the first connection it gets is this one.
    let mut client = TcpStream::connect(rig.proxy.address()).await.unwrap();
    client.write_all(b"me").await.unwrap();
    let (mut server, _) = within(rig.server.accept()).await.unwrap();
    let mut name = [0; 2];
    within(server.read_exact(&mut name)).await.unwrap();
    assert_eq!(&name, b"me");
}

#[tokio::test]
async fn without_a_server_connections_are_reset_until_it_comes() {
    // Bound and not listening, so that nobody else gets the port.
    let place = TcpSocket::new_v4().unwrap();
    place.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let proxy = ChaosProxy::start(place.local_addr().unwrap().to_string()).unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    assert_reset(&mut client).await;
    until(|| proxy.counts().open == 0).await;
    assert_eq!((proxy.counts().unreachable, proxy.counts().reset), (1, 0));
    let server = place.listen(1).unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut accepted, _) = within(server.accept()).await.unwrap();
    accepted.write_all(b"welcome").await.unwrap();
    within(client.read_exact(&mut [0; 7])).await.unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error() {
    let rig = Rig::new(Plan::default()).await;
    let settings = libfast_testkit::ChaosSettings { listen: rig.proxy.address(), ..Default::default() };
    assert_eq!(settings.start("127.0.0.1:1").unwrap_err().kind(), ErrorKind::AddrInUse);
}
