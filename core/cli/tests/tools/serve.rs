//! `fastserve`: how it starts and how it ends.

use super::support::*;
use libfast_registry::{DirRegistry, Role};
use libfast_testkit::Nobody;
use rustix::process::Signal;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
    let admin = server.admin();
    let line = format!("fastserve {version}  rpc {address}  admin http://{admin}  methods: {methods}\n");
    assert_eq!(server.line, line);
    for address in [address, admin] {
        assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{address}");
        TcpStream::connect(address).unwrap();
    }
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
fn addresses_that_are_taken_are_3_and_name_the_option() {
    let server = Fastserve::start(&[]);
    for (args, why) in [
        (&["-l", server.address(), "-m", "0"][..], "cannot listen on"),
        (&["-p", "0", "-m", server.admin()], "for monitoring (option -m)"),
        (&["-p", "0", "-a", "dir:///proc/nothing/echo"], "cannot announce echo"),
    ] {
        let ended = run("fastserve", args);
        assert_eq!((ended.code(), ended.stdout.as_str()), (3, ""), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(why) && ended.stderr.contains("help"), "{args:?}: {ended:?}");
    }
}

#[test]
fn a_registry_that_is_away_is_told_and_keeps_nobody_from_being_served() {
    let nobody = Nobody::new().unwrap();
    let unused = nobody.address();
    let mut server = Fastserve::start(&["-a", &format!("zk://{unused}/fast/echo")]);
    assert_eq!(run("fastcall", &[server.address(), "echo", "[1]"]).data(), "{\"value\":1}\n");
    let told = format!("serving, but not announced: ZooKeeper at {unused} cannot be reached");
    let said = server.says();
    assert!(said.contains(&told), "{said}");
    server.signal(Signal::TERM);
    let ended = server.finish();
    assert_eq!(ended.code(), 0, "{ended:?}");
}

/// The first lines are those of node-fast where it has them.
#[test]
fn wrong_usage_is_2_and_shows_the_right_one() {
    for (args, why) in [
        (&["-p", "abc"][..], "invalid fast TCP port: Error: invalid number: \"abc\""),
        (&["-p", "2e3"], "invalid fast TCP port: Error: trailing characters after number: \"e3\""),
        (&["-p", "65536"], "invalid fast TCP port: 65536"),
        (&["-m", "-1"], "invalid monitoring TCP port: -1"),
        (&["-p", "65000"], "invalid monitoring TCP port: 65800"),
        (&["-p", "7", "-m", "7"], "fast and monitoring TCP ports must differ: 7"),
        (&["a", "b"], "Positional arguments found when none were expected: a b"),
        (&["a", "-p", "x"], "Positional arguments found when none were expected: a -p x"),
        (&["-l", "nonsense"], "--listen: address \"nonsense\": the port is missing"),
        (&["-p", "0", "-a", "127.0.0.1:1"], "option \"announce\": \"127.0.0.1:1\" is an address"),
        (&["-p", "0", "-a", "echo", "--weight", "x"], "option \"weight\""),
        (&["-p", "1", "-l", ":1"], "the argument '--port <N>' cannot be used with"),
        (&["--nonsense"], "unexpected argument '--nonsense'"),
        (&["--exec", "x"], "--exec x: write NAME=COMMAND"),
        (&["--exec", "=x"], "--exec =x: write NAME=COMMAND"),
        (&["--exec", "x="], "--exec x=: write NAME=COMMAND"),
        (&["--exec", "date=true"], "--exec date=true: there is a method of this name already"),
        (&["--exec-limit", "0"], "invalid value '0' for '--exec-limit <N>'"),
    ] {
        let ended = run("fastserve", args);
        assert_eq!((ended.code(), ended.stdout.as_str()), (2, ""), "{args:?}: {ended:?}");
        assert!(ended.stderr.starts_with(&format!("fastserve: {why}")), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains("\nusage: fastserve [OPTIONS]"), "{args:?}: {ended:?}");
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

/// Calls of `yes` count as such that must not run twice: they are never repeated once sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_fails_no_call() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir://{}/echo", folder.path().display());
    let serve = || Fastserve::start(&["--announce", &target]);
    let mut servers = [serve(), serve(), serve()];
    let client = client(&target);
    let (enough, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (client, enough, answered) = (client.clone(), enough.clone(), answered.clone());
            tokio::spawn(async move {
                while !enough.load(Ordering::SeqCst) {
                    let values = client.call("yes", [serde_json::json!({"count": 3, "value": 1})]).await;
                    assert_eq!(values.expect("no call fails").len(), 3);
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for round in 0..6 {
        let before = answered.load(Ordering::SeqCst);
        until("calls go on", || (answered.load(Ordering::SeqCst) > before + 100).then_some(()));
        let old = std::mem::replace(&mut servers[round % 3], serve());
        old.signal(Signal::TERM);
        let ended = old.finish();
        assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
    }
    enough.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn to_quiesce_is_to_accept_no_more_and_wait_for_clients_to_go() {
    let folder = tempfile::tempdir().unwrap();
    let target = format!("dir://{}/echo", folder.path().display());
    let registry = DirRegistry::open(Some(folder.path().into())).unwrap();
    let listed = || registry.records(&"echo".parse().unwrap(), Role::Provider).unwrap().len();
    for announced in [true, false] {
        let announce = ["--announce", &target];
        let server = Fastserve::start(&[&["--quiesce"], &announce[..if announced { 2 } else { 0 }]].concat());
        assert_eq!(listed(), usize::from(announced));
        let client = client(server.address());
        let call = sleeping(&client, 300).await;
        server.signal(Signal::TERM);
        until_refused(&server);
        assert_eq!(listed(), 0);
        assert!(call.collect().await.unwrap().is_empty());
        // Who is there is still served.
        client.call("date", NONE).await.unwrap();
        client.close(LIMIT).await;
        drop(client);
        assert_eq!(server.finish().code(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_wait_for_clients() {
    let server = Fastserve::start(&["-q"]);
    let client = client(server.address());
    client.call("date", NONE).await.unwrap();
    server.signal(Signal::INT);
    until_refused(&server);
    server.signal(Signal::INT);
    assert_eq!(server.finish().code(), 130);
}

#[test]
fn it_may_have_as_many_descriptors_as_the_system_allows() {
    let server = Fastserve::of(start(std::process::Command::new("sh").args([
        "-c",
        "ulimit -S -n 64; exec \"$0\" fastserve -p 0",
        env!("CARGO_BIN_EXE_libfast-cli"),
    ])));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let [soft, hard] = [3, 4].map(|column| line.split_whitespace().nth(column).unwrap());
    assert_eq!(soft, hard, "{line}");
}
