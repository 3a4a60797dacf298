//! The launcher itself: what tests rely on when they start, stop and lose a server.

use libfast_testkit::{ZooKeeper, ZooKeeperEnsemble};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn answers(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut answer = String::new();
    stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    stream.write_all(b"ruok").is_ok() && stream.read_to_string(&mut answer).is_ok() && answer == "imok"
}

fn wait_until_answers(address: &str) {
    let limit = Instant::now() + Duration::from_secs(10);
    while !answers(address) {
        assert!(Instant::now() < limit, "{address} does not answer");
    }
}

fn wait_until_dead(address: &str) {
    let limit = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < limit, "{address} still accepts");
        std::thread::yield_now();
    }
}

#[test]
fn it_survives_stop_and_restart_and_ends_with_its_value() {
    let mut server = ZooKeeper::start().unwrap();
    let address = server.connect_string();
    assert!(answers(&address));
    server.stop_process();
    assert!(!answers(&address));
    server.cont_process();
    wait_until_answers(&address);
    server.kill();
    assert!(!answers(&address));
    server.restart().unwrap();
    assert_eq!(server.connect_string(), address);
    assert!(answers(&address));
    drop(server);
    wait_until_dead(&address);
}

/// A test process that is killed runs no destructors; its server must not stay behind.
#[test]
fn it_dies_with_a_killed_process() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path();
    let mut process = Command::new(env!("CARGO_BIN_EXE_testkit-zookeeper"))
        .env("TMPDIR", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim();
    assert!(answers(address));
    process.kill().unwrap();
    process.wait().unwrap();
    wait_until_dead(address);
    let limit = Instant::now() + Duration::from_secs(10);
    while folder.read_dir().unwrap().next().is_some() {
        assert!(Instant::now() < limit, "the data is left behind in {}", folder.display());
        std::thread::yield_now();
    }
}

#[test]
fn an_ensemble_survives_its_leader_and_clients_can_lose_a_member_that_lives() {
    let mut ensemble = ZooKeeperEnsemble::start().unwrap();
    let first = ensemble.wait_for_leader().unwrap();
    ensemble.kill(first);
    let start = Instant::now();
    let second = ensemble.wait_for_leader().unwrap();
    eprintln!("measured: another leader after SIGKILL {:?}", start.elapsed());
    assert_ne!(first, second);
    ensemble.restart(first).unwrap();
    assert_eq!(ensemble.wait_for_leader().unwrap(), second, "who comes back follows");

    let hosts = ensemble.connect_string();
    let host = hosts.split(',').nth(first).unwrap();
    assert!(answers(host));
    ensemble.cut(first);
    wait_until_dead(host);
    assert!(answers(&ensemble.server(first).connect_string()));
    ensemble.mend(first);
    wait_until_answers(host);
    ensemble.stall(first);
    assert!(!answers(host));
    ensemble.mend(first);
    ensemble.freeze(first);
    assert!(!answers(&ensemble.server(first).connect_string()));
    ensemble.thaw(first);
    wait_until_answers(host);
}

#[test]
fn an_ensemble_takes_commands() {
    let mut process = Command::new(env!("CARGO_BIN_EXE_testkit-zookeeper"))
        .args(["--servers", "3"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut line = || lines.next().unwrap().unwrap();
    let hosts = line();
    assert_eq!(hosts.split(',').count(), 3);
    let mut input = process.stdin.take().unwrap();
    let mut tell = |command: &str| {
        writeln!(input, "{command}").unwrap();
        line()
    };
    let leader = tell("leader");
    assert_eq!(tell(&format!("kill {leader}")), "ok");
    assert_ne!(tell("leader"), leader);
    assert!(!answers(hosts.split(',').nth(leader.parse().unwrap()).unwrap()));
    assert_eq!(tell("restart all"), "ok");
    assert!(hosts.split(',').all(answers));
    assert!(tell("kill 7").starts_with("error: \"7\" is no member"));
    assert!(tell("boil 1").starts_with("error: \"boil\" is no command"));
    drop(input);
    assert!(process.wait().unwrap().success());
}
