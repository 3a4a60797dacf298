//! PHP's workers, of which each would have a session with ZooKeeper: one process of the host asks it for all of them.

use libfast::{Request, Server, ServerOptions};
use libfast_testkit::ZooKeeper;
use libfast_tests::root;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const SCRIPT: &str = "bindings/php/tests/scripts/list_of_leader.php";
/// The web server serves, too, beside those that it forks.
const WORKERS: usize = 4;
const LONG: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn workers_of_php_share_the_list_of_one_that_asks_and_replace_it_when_it_dies() {
    let zookeeper = ZooKeeper::start().unwrap();
    let target = format!("zk://{}/test/calc", zookeeper.connect_string());
    let folder = tempfile::tempdir().unwrap();
    let sessions = || zookeeper.ask("cons").map_or(0, |answer| answer.matches("sid=0x").count());
    let _first = serve(&target).await;

    // A program that does nothing but wait, after its only call. Its child reads what it keeps.
    let mut program = Php::start(&["php", SCRIPT], &target, folder.path());
    let [own, of_child] = program.lines();
    assert_eq!(own, [program.child.id(), 5, 1]);
    assert!(of_child[0] != own[0] && of_child[1..] == own[1..], "{own:?} {of_child:?}");
    assert_eq!(sessions(), 2, "the server's and the program's: {:?}", zookeeper.ask("cons"));

    let command = ["php", "-d", "ffi.enable=1", "-d", "display_errors=stderr", "-S", "127.0.0.1:0", SCRIPT];
    let mut web = Php::start(&command, &target, folder.path());
    let address = web.address();
    let workers = answers(&address, 1);
    assert_eq!(sessions(), 2, "workers have none: {:?}", zookeeper.ask("cons"));
    assert!(workers.keys().all(|pid| !asks(*pid)), "{workers:?}");

    // While who asks waits for something else, its list is kept.
    let second = serve(&target).await;
    answers(&address, 2);
    second.stop(LONG).await;
    answers(&address, 1);
    assert_eq!(sessions(), 2, "the first server's and the program's: {:?}", zookeeper.ask("cons"));

    program.kill();
    until("one of the workers asks", || workers.keys().filter(|pid| asks(**pid)).count() == 1);
    until("there is no session but its and the server's", || sessions() == 2);
    let _third = serve(&target).await;
    assert_eq!(answers(&address, 2).keys().collect::<Vec<_>>(), workers.keys().collect::<Vec<_>>());
    assert_eq!(workers.keys().filter(|pid| asks(**pid)).count(), 1);
}

async fn serve(target: &str) -> Server {
    let options = [("announce", target), ("zookeeper_session_ms", "4000")];
    let server = Server::new(ServerOptions::from_pairs(options).unwrap()).unwrap();
    server.method("add", |_: Request| async { Ok(5) }).unwrap();
    server.start().await.unwrap();
    server
}

/// Asks until each worker has answered that it knows so many servers. By process, the last answer of each.
fn answers(address: &str, servers: usize) -> BTreeMap<u32, usize> {
    let known = Mutex::new(BTreeMap::new());
    let is_over = || {
        let known = known.lock().unwrap();
        known.len() == WORKERS && known.values().all(|knows| *knows == servers)
    };
    let limit = Instant::now() + LONG;
    std::thread::scope(|scope| {
        for _ in 0..2 * WORKERS {
            scope.spawn(|| {
                while !is_over() {
                    assert!(Instant::now() < limit, "still {known:?}, not {servers} servers");
                    let [pid, sum, knows] = ask(address);
                    assert_eq!(sum, 5);
                    known.lock().unwrap().insert(pid, knows as usize);
                }
            });
        }
    });
    known.into_inner().unwrap()
}

/// One request of the web server.
fn ask(address: &str) -> [u32; 3] {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    write!(stream, "GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body.trim()).unwrap_or_else(|_| panic!("{answer}"))
}

/// Whether a process talks to ZooKeeper.
fn asks(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    let names = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok());
    names.into_iter().any(|name| name.trim() == "fast-zookeeper")
}

fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let limit = Instant::now() + LONG;
    while !happened() {
        assert!(Instant::now() < limit, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// PHP, alone or with workers that it forks. Killed with all of them when dropped.
struct Php {
    child: Child,
}

impl Php {
    fn start(command: &[&str], target: &str, cache: &Path) -> Self {
        let mut php = Command::new(command[0]);
        php.args(&command[1..]).current_dir(root()).process_group(0);
        let forked = (WORKERS - 1).to_string();
        php.env("TARGET", target).env("CACHE", cache).env("PHP_CLI_SERVER_WORKERS", forked);
        php.stdin(Stdio::piped()).stdout(Stdio::piped());
        php.stderr(if command.contains(&"-S") { Stdio::piped() } else { Stdio::inherit() });
        Self { child: php.spawn().expect("PHP is installed") }
    }

    /// What a program and its child print.
    fn lines(&mut self) -> [[u32; 3]; 2] {
        let output = BufReader::new(self.child.stdout.take().expect("it is read once"));
        let mut lines = output.lines().map(|line| line.expect("text"));
        [(); 2].map(|()| {
            let line = lines.next().unwrap_or_default();
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?} is no answer"))
        })
    }

    /// Where the web server listens.
    fn address(&mut self) -> String {
        let mut lines = BufReader::new(self.child.stderr.take().expect("it is read once")).lines();
        let address = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("(http://")?;
            Some(rest.split_once(')')?.0.to_owned())
        });
        // For who looks why it failed; without each connection.
        let errors = lines.map_while(Result::ok).filter(|line| line.contains("PHP "));
        std::thread::spawn(move || errors.for_each(|line| println!("{line}")));
        address.expect("the web server says where it listens")
    }

    fn kill(&mut self) {
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Php {
    fn drop(&mut self) {
        self.kill();
    }
}
