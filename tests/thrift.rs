//! `examples/thrift`: servers and clients of Apache Thrift that find each other through libfast, on a real ZooKeeper.
//! `make thrift` builds them.

use libfast::{Client, ClientOptions, ServerOptions};
use libfast_testkit::{Nobody, ZooKeeper};
use libfast_tests::root;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SERVER: &str = ".build/thrift/server";
const PYTHON: &str = ".build/venv/bin/python";
const CALLS: u64 = 5_000;

#[tokio::test(flavor = "multi_thread")]
async fn thrift_clients_are_balanced_over_thrift_servers_and_lose_no_call() {
    let (zookeeper, target) = match start() {
        Ok(started) => started,
        Err(why) => {
            println!("skipped: {why}");
            assert!(std::env::var_os("CI").is_none(), "in CI the example runs");
            return;
        }
    };
    let mut servers = ["a", "b", "c"].map(|name| Server::start(&target, &[name]));
    let _slow = Server::start(&target, &["slow", "300"]);
    // Listed, and nobody listens there: both clients meet a refused connection.
    let nobody = Nobody::new().unwrap();
    let _listed = listed(&nobody, &target).await;
    let mut clients = [
        ("python", client(&[PYTHON, "examples/thrift/client.py"], &target)),
        ("php", client(&["php", "examples/thrift/client.php"], &target)),
    ];
    // Consumers are listed, too, which also says that they have begun. One that ended says why below.
    let observer = observer(&target);
    until("both clients are listed", || {
        consumers(&target) >= 2 || clients.iter_mut().any(|(_, client)| client.try_wait().unwrap().is_some())
    })
    .await;

    // One dies, one stops in good order, one comes. Whenever that is, no call may fail.
    let [first, second, _] = &mut servers;
    first.signal(Signal::KILL);
    let newcomer = Server::start(&target, &["d"]);
    until("the newcomer is known to clients", || observer.stats().contains(&newcomer.address)).await;
    second.signal(Signal::TERM);
    assert!(second.child.wait().unwrap().success());
    for (language, client) in clients {
        let output = client.wait_with_output().unwrap();
        let (said, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let summary: Value =
            serde_json::from_str(&said).unwrap_or_else(|_| panic!("{language}: {said}{errors}"));
        assert_eq!(
            (&summary["ok"], &summary["failed"]),
            (&CALLS.into(), &0.into()),
            "{language}: {said}{errors}"
        );
        // A server that failed is left at once, and a slow one gets few calls: its fair share would be a quarter.
        let repeated = summary["repeated"].as_u64().unwrap();
        assert!((1..=10).contains(&repeated), "{language}: {said}");
        assert!(summary["servers"]["slow"].as_u64().unwrap_or(0) <= CALLS / 8, "{language}: {said}");
        println!("{}", said.trim());
    }
    drop(zookeeper);
}

fn start() -> Result<(ZooKeeper, String), String> {
    for program in [SERVER, PYTHON, ".build/thrift/php-thrift/done"] {
        if !root().join(program).exists() {
            return Err(format!("{program} is not there; run `make thrift`"));
        }
    }
    let zookeeper = ZooKeeper::start().map_err(|error| error.to_string())?;
    let target = format!("zk://{}/test/calculator", zookeeper.connect_string());
    Ok((zookeeper, target))
}

fn client(program: &[&str], target: &str) -> Child {
    let library = root().join(".build/thrift/libfast.so.1").canonicalize().unwrap();
    Command::new(program[0])
        .args(&program[1..])
        .args([target, &CALLS.to_string()])
        .current_dir(root())
        .env("PYTHONPATH", ".build/thrift/py:.build/thrift/py-thrift")
        .env("FAST_LIB", library)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn listed(nobody: &Nobody, target: &str) -> libfast::Announcement {
    let mut options = ServerOptions::default();
    target.clone_into(&mut options.announce);
    options.advertise = nobody.address();
    libfast::announce(&options, None).await.unwrap().unwrap()
}

fn observer(target: &str) -> Client {
    let mut options = ClientOptions::default();
    options.announce_consumer = false;
    Client::with_options(target, options).unwrap()
}

fn consumers(target: &str) -> usize {
    let Ok(libfast::Target::Service { registry, service }) = libfast::Target::parse(target) else {
        panic!("{target} is a service");
    };
    let registries = libfast::Registries::open(&registry, "fast", std::time::Duration::from_secs(5)).unwrap();
    let listed = tokio::task::block_in_place(|| {
        tokio::runtime::Handle::current().block_on(registries.resolver.consumers(&service))
    });
    listed.unwrap().len()
}

async fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < Duration::from_secs(30), "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A Thrift server, killed when dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Waits until it is listed.
    fn start(target: &str, args: &[&str]) -> Self {
        let mut command = Command::new(root().join(SERVER));
        let mut child = command.arg(target).args(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening ").unwrap_or_else(|| panic!("{line:?}"));
        Self { child, address: address.to_owned() }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
