//! `fastserve`: how it starts and how it ends.

use super::support::*;
use libfast_registry::{DirRegistry, Role};
use rustix::process::Signal;
use std::net::TcpStream;

/// No arguments.
const NONE: [u8; 0] = [];

/// The server has begun to stop: it accepts no more.
fn until_refused(server: &Fastserve) {
    until("a stopping server refuses connections", || TcpStream::connect(server.address()).err());
}

/// Starts a call of `ms` and returns when the server runs it.
async fn sleeping(client: &libfast::Client, ms: u64) -> libfast::Call {
    // A call leaves at once only if there is a connection; requests of one connection are taken in order.
    client.call("date", NONE).await.unwrap();
    let call = client.stream("sleep", [serde_json::json!({ "ms": ms })]);
    client.call("date", NONE).await.unwrap();
    call
}

#[test]
fn it_says_where_it_serves_what() {
    let server = Fastserve::start(&[]);
    let version = env!("CARGO_PKG_VERSION");
    let address = server.address();
    let methods = "date echo yes fail fastbench sleep words";
    assert_eq!(server.line, format!("fastserve {version}  rpc {address}  methods: {methods}\n"));
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{address}");
}

#[test]
fn it_listens_where_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("unix:{}/s", folder.path().display());
    for (listen, prefix) in [("127.0.0.1:0", "127.0.0.1:"), (":0", "127.0.0.1:"), (&path, &path)] {
        let server = Fastserve::of(start(tool("fastserve").args(["--listen", listen])));
        assert!(server.address().starts_with(prefix), "{}", server.line);
        assert_eq!(run("fastcall", &[server.address(), "echo", "[1]"]).data(), "{\"value\":1}\n");
    }
}

#[test]
fn what_it_cannot_do_is_said_with_a_hint() {
    let server = Fastserve::start(&[]);
    for (args, status, why) in [
        (&["-l", server.address()][..], 3, "in use"),
        (&["-l", "nonsense"], 2, "port is missing"),
        (&["-p", "0", "-a", "127.0.0.1:1"], 2, "is an address"),
        (&["-p", "0", "-a", "echo", "--weight", "x"], 2, "weight"),
        (&["-p", "0", "-a", "zk://127.0.0.1:1/fast/echo"], 3, "cannot be reached"),
        (&["-p", "65536"], 2, "65536"),
        (&["-p", "1", "-l", ":1"], 2, "cannot be used with"),
        (&["operand"], 2, "unexpected"),
        (&["--nonsense"], 2, "--nonsense"),
    ] {
        let ended = run("fastserve", args);
        assert_eq!((ended.code(), ended.stdout.as_str()), (status, ""), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(why) && ended.stderr.contains("help"), "{args:?}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_it_after_what_is_under_way_is_answered() {
    for kind in [Signal::TERM, Signal::INT] {
        let server = Fastserve::start(&[]);
        let client = client(server.address());
        let call = sleeping(&client, 1_000).await;
        server.signal(kind);
        until_refused(&server);
        assert!(call.collect().await.unwrap().is_empty());
        let ended = server.finish();
        assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    let server = Fastserve::start(&[]);
    let client = client(server.address());
    let call = sleeping(&client, 1_800_000).await;
    server.signal(Signal::INT);
    until_refused(&server);
    server.signal(Signal::INT);
    assert_eq!(server.finish().code(), 130);
    assert!(call.collect().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn to_quiesce_is_to_leave_the_registry_and_wait_for_clients_to_go() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir://{}/echo", folder.path().display());
    let registry = DirRegistry::open(Some(folder.path().into())).unwrap();
    let listed = || registry.records(&"echo".parse().unwrap(), Role::Provider).unwrap().len();
    let server = Fastserve::start(&["--quiesce", "--announce", &target]);
    assert_eq!(listed(), 1);
    let client = client(server.address());
    let call = sleeping(&client, 300).await;
    server.signal(Signal::TERM);
    until("it leaves the registry", || (listed() == 0).then_some(()));
    assert!(call.collect().await.unwrap().is_empty());
    client.call("date", NONE).await.unwrap();
    client.close(LIMIT).await;
    drop(client);
    assert_eq!(server.finish().code(), 0);
}
