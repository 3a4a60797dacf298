//! `fastctl endpoints`, `watch`, `announce`, `drain`, `weight` and `check` on a folder registry and on addresses.

use super::support::*;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Child;

fn fastctl(args: &[&str]) -> Ended {
    run("fastctl", args)
}

fn registry() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let registry = format!("dir://{}", folder.path().display());
    (folder, registry)
}

/// A command that runs until it is told to stop, and the lines of JSON it prints.
struct Running {
    child: Option<Child>,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut child = start(tool("fastctl").args(args).args(["-o", "json"]));
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child: Some(child), lines }
    }

    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"))
    }

    fn signal(&self, kind: Signal) {
        signal(self.child.as_ref().unwrap().id(), kind);
    }

    fn end(mut self) -> Ended {
        finish(self.child.take().unwrap())
    }

    fn stop(self) -> Ended {
        self.signal(Signal::TERM);
        self.end()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn of(line: &Value, members: &[&str]) -> Vec<Value> {
    members.iter().map(|member| line[member].clone()).collect()
}

#[test]
fn a_drained_provider_gets_no_calls_and_keeps_running() {
    let (_folder, registry) = registry();
    let target = format!("{registry}/echo");
    let drained = Fastserve::start(&["-a", &target]);
    let other = Fastserve::start(&["-a", &target]);
    let mut watch = Running::start(&["watch", &target]);
    for _ in 0..2 {
        assert_eq!(watch.next()["change"], "added");
    }

    let told = fastctl(&["drain", &target, drained.address(), "-o", "json"]).json();
    assert_eq!(of(&told, &["service", "draining", "weight"]), [json!("echo"), json!(true), Value::Null]);
    let change = watch.next();
    let expected = [json!("changed"), json!(drained.address()), json!("draining")];
    assert_eq!(of(&change, &["change", "address", "state"]), expected);
    // Each is a client of its own.
    for _ in 0..20 {
        let ended = run("fastcall", &["-v", &target, "echo", "[1]"]);
        assert_eq!(ended.code(), 0, "{ended:?}");
        assert!(ended.stderr.contains(&format!("connect  {}", other.address())), "{ended:?}");
    }
    let listing = fastctl(&["ls", &target, "-o", "json"]).json();
    let states =
        listing["providers"].as_array().unwrap().iter().map(|p| (p["address"].clone(), p["state"].clone()));
    for (address, state) in states {
        assert_eq!(state, if address == drained.address() { "drained" } else { "listed" });
    }

    // The last one that is left is called all the same.
    other.kill();
    assert_eq!(watch.next()["change"], "removed");
    assert_eq!(run("fastcall", &[&target, "echo", "[1]"]).data(), "{\"value\":1}\n");

    // Also of a provider that is not there any more.
    let address = drained.address().to_owned();
    fastctl(&["drain", &target, &address, "--off"]).data();
    assert_eq!(watch.next()["state"], "ready");
    drained.kill();
    assert_eq!(watch.next()["change"], "removed");
    fastctl(&["drain", &target, &address, "--off"]).data();
    assert_eq!(watch.stop().status.code(), None, "ended by the signal");
}

#[test]
fn a_weight_counts_until_the_providers_own_does_again() {
    let (_folder, registry) = registry();
    let target = format!("{registry}/echo");
    let server = Fastserve::start(&["-a", &target, "--weight", "30"]);
    let seen = || {
        let endpoints = fastctl(&["endpoints", &target, "-o", "json"]).json();
        of(&endpoints["endpoints"][0], &["weight", "state"])
    };
    for (weight, expected) in [
        ("7", [json!(7), json!("ready")]),
        ("0", [json!(0), json!("off")]),
        ("own", [json!(30), json!("ready")]),
    ] {
        fastctl(&["weight", &target, server.address(), weight]).data();
        assert_eq!(seen(), expected);
    }
    // Both are told: what counts, and what the provider says.
    fastctl(&["weight", &target, server.address(), "7"]).data();
    let listing = fastctl(&["ls", &target, "-o", "json"]).json();
    let provider = &listing["providers"][0];
    assert_eq!((&provider["weight"], &provider["override"]), (&json!(30), &json!({"weight": 7})));
}

#[test]
fn what_is_mistyped_is_refused() {
    let (_folder, registry) = registry();
    let target = format!("{registry}/echo");
    let server = Fastserve::start(&["-a", &target]);
    for (args, status, why) in [
        (&["drain", &target, "127.0.0.1:1"][..], 3, server.address()),
        (&["weight", &target, "127.0.0.1:1", "5"], 3, server.address()),
        (&["weight", &target, server.address(), "heavy"], 2, "whole number"),
        (&["weight", &target, server.address(), "1000001"], 2, "1000000"),
        (&["drain", server.address(), server.address()], 2, "is an address"),
        (&["drain", &target, "nonsense"], 2, "port is missing"),
        (&["endpoints", &format!("{registry}/nobody")], 3, "no provider"),
        (&["watch", "a b"], 2, "service name"),
        (&["announce", &target, "nonsense"], 2, "port is missing"),
        (&["announce", "127.0.0.1:1", server.address()], 2, "is an address"),
    ] {
        let ended = fastctl(args);
        assert_eq!(ended.code(), status, "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(why) && ended.stderr.contains("help: "), "{args:?}: {ended:?}");
    }
    // Unless it is meant.
    fastctl(&["drain", &target, "127.0.0.1:1", "--unlisted"]).data();
}

/// A port that nobody speaks Fast on stands for a server of any protocol.
#[test]
fn an_announced_address_is_listed_while_it_accepts_connections() {
    let (_folder, registry) = registry();
    let target = format!("{registry}/thrift");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let args = ["announce", &target, &address, "--weight", "5", "--zone", "z", "--check", "50ms"];
    let mut announce = Running::start(&args);
    assert_eq!(of(&announce.next(), &["state", "address"]), [json!("registered"), json!(address)]);
    let seen = || fastctl(&["endpoints", &target, "-o", "json"]).json()["endpoints"][0].clone();
    assert_eq!(of(&seen(), &["address", "weight", "zone"]), [json!(address), json!(5), json!("z")]);

    drop(listener);
    assert_eq!(announce.next()["state"], "closed");
    assert_eq!(fastctl(&["endpoints", &target]).code(), 3);
    let _listener = TcpListener::bind(&address).unwrap();
    assert_eq!(announce.next()["state"], "registered");

    let ended = announce.stop();
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(fastctl(&["endpoints", &target]).code(), 3);
}

/// It goes on with what it is about, and says so when it is done.
#[test]
fn a_signal_while_an_address_is_taken_off_does_not_leave_it_half_way() {
    let (folder, registry) = registry();
    let target = format!("{registry}/thrift");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut announce = Running::start(&["announce", &target, &address, "--check", "20ms"]);
    assert_eq!(announce.next()["state"], "registered");
    drop(listener);
    // First it says that it drains, and then it gives clients a quarter of a second to hear that.
    until("it is being taken off", || {
        let entries = std::fs::read_dir(folder.path().join("thrift/providers")).unwrap();
        let drains = |entry: std::fs::DirEntry| {
            std::fs::read_to_string(entry.path()).is_ok_and(|text| text.contains(r#""draining":true"#))
        };
        entries.flatten().any(drains).then_some(())
    });
    announce.signal(Signal::INT);
    assert_eq!(announce.next()["state"], "closed");
    assert_eq!(announce.end().code(), 0);
    assert_eq!(fastctl(&["endpoints", &target]).code(), 3);
}

#[test]
fn each_provider_is_asked_whether_it_answers() {
    let (_folder, registry) = registry();
    let target = format!("{registry}/echo");
    let well = Fastserve::start(&["-a", &target]);
    let hung = Fastserve::start(&["-a", &target]);
    for args in [&["check", &target][..], &["check", &registry], &["check", well.address()]] {
        let checked = fastctl(&[args, &["-o", "json"]].concat()).json();
        assert_eq!(checked["ok"], true, "{checked}");
    }
    hung.signal(Signal::STOP);
    let ended = fastctl(&["check", &target, "-o", "json"]);
    assert_eq!(ended.code(), 6, "{ended:?}");
    assert!(ended.stderr.contains("--tcp"), "{ended:?}");
    let checked: Value = serde_json::from_str(&ended.stdout).unwrap();
    let failed: Vec<_> =
        checked["items"].as_array().unwrap().iter().filter(|item| item["status"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{checked}");
    assert_eq!(failed[0]["subject"], format!("echo {}", hung.address()));
    // It still accepts connections, which is all that can be asked of a server of another protocol.
    assert_eq!(fastctl(&["check", "--tcp", &target]).code(), 0);
    let (well, address) = (well.address().to_owned(), hung.address().to_owned());
    hung.kill();
    let ended = fastctl(&["check", &format!("{well},{address}"), "-o", "json"]);
    assert_eq!(ended.code(), 6, "{ended:?}");
    assert!(ended.stdout.contains("refused"), "{ended:?}");
}
