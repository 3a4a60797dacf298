//! The launcher itself: what tests rely on when they start, stop and lose a server.

use libfast_testkit::ZooKeeper;
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
