//! `examples/prometheus`: Prometheus scrapes the servers that are in a server set, on a real ZooKeeper. `make prometheus`
//! fetches it.

use libfast::ServerOptions;
use libfast_testkit::ZooKeeper;
use libfast_tests::{files_shown_in, root};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROMETHEUS: &str = ".build/prometheus/prometheus";
const CONFIG: &str = "examples/prometheus/prometheus.yml";
/// In the example.
const HOSTS: &str = "127.0.0.1:2181";
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn the_configuration_in_the_documentation_is_the_example() {
    let shown = files_shown_in("docs/REGISTRIES.md");
    assert!(shown.iter().any(|(path, text)| path == CONFIG && text.contains(HOSTS)));
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_who_is_in_a_server_set() {
    let zookeeper = match start() {
        Ok(zookeeper) => zookeeper,
        Err(why) => {
            println!("skipped: {why}");
            assert!(std::env::var_os("CI").is_none(), "in CI the example runs");
            return;
        }
    };
    let hosts = zookeeper.connect_string();
    let target = format!("zk://{hosts}/fast/calc");
    let first = Server::start(&target);
    // It has no metrics, as the members of other fleets may.
    let mut options = ServerOptions::default();
    options.announce.clone_from(&target);
    options.layouts = "serverset:/aurora".into();
    options.advertise = "127.0.0.1:1".into();
    let _other = libfast::announce(&options, None).await.unwrap().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let prometheus = Prometheus::start(folder.path(), &hosts);
    let found = prometheus.until_up(&[&first]);
    let [first_target] = &found["activeTargets"].as_array().unwrap()[..] else { panic!("{found}") };
    assert_eq!(first_target["scrapeUrl"], format!("http://{}/metrics", first.admin));
    assert_eq!(first_target["labels"]["service"], "calc");
    assert_eq!(first_target["labels"]["instance"], first.admin);
    let said = &first_target["discoveredLabels"];
    let of_server = |name: &str| said[&format!("__meta_serverset_{name}")].as_str().unwrap_or_default();
    assert_eq!(format!("{}:{}", of_server("endpoint_host"), of_server("endpoint_port")), first.address);
    assert_eq!(of_server("status"), "ALIVE");
    assert!(of_server("path").starts_with("/aurora/calc/member_"), "{said}");
    let dropped = found["droppedTargets"].as_array().unwrap();
    assert_eq!(dropped.len(), 1, "{found}");
    assert_eq!(dropped[0]["discoveredLabels"]["__meta_serverset_endpoint_port"], "1");

    let built = prometheus.get("/api/v1/query?query=fast_build_info");
    assert_eq!(built["result"][0]["metric"]["service"], "calc", "{built}");
    assert_eq!(built["result"][0]["metric"]["version"], libfast::VERSION, "{built}");

    let second = Server::start(&target);
    prometheus.until_up(&[&first, &second]);
    first.stop();
    prometheus.until_up(&[&second]);
}

fn start() -> Result<ZooKeeper, String> {
    if !root().join(PROMETHEUS).exists() {
        return Err(format!("{PROMETHEUS} is not there; run `make prometheus`"));
    }
    ZooKeeper::start().map_err(|error| error.to_string())
}

/// A running `fastserve`, killed when dropped.
struct Server {
    child: Child,
    address: String,
    /// Where its metrics are.
    admin: String,
}

impl Server {
    fn start(target: &str) -> Self {
        let test = std::env::current_exe().unwrap();
        let cli = test.ancestors().nth(2).unwrap().join("libfast-cli");
        assert!(cli.exists(), "{} is not built; run `cargo build -p libfast-cli`", cli.display());
        let mut command = Command::new(cli);
        command.args(["fastserve", "-p", "0", "-a", target]);
        command.args(["--layouts", "fast,serverset:/aurora"]).env_remove("FAST_REGISTRY");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let after = |word: &str| {
            let mut words = line.split_whitespace().skip_while(|one| *one != word);
            words.nth(1).unwrap_or_else(|| panic!("{line:?}")).to_owned()
        };
        let admin = after("admin").strip_prefix("http://").unwrap().to_owned();
        Self { address: after("rpc"), admin, child }
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running Prometheus, killed when dropped.
struct Prometheus {
    child: Child,
    address: String,
}

impl Prometheus {
    /// Starts it with the configuration of the example, and its data in `folder`.
    fn start(folder: &Path, hosts: &str) -> Self {
        let example = std::fs::read_to_string(root().join(CONFIG)).unwrap();
        assert!(example.contains(HOSTS), "{example}");
        let often = "global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\n";
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, format!("{often}{}", example.replace(HOSTS, hosts))).unwrap();
        let mut child = Command::new(root().join(PROMETHEUS))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let (mut said, mut address) = (String::new(), None);
        let is_ready = lines.by_ref().any(|line| {
            said += &format!("{line}\n");
            if let Some((_, told)) = line.split_once(r#"msg="Listening on" address="#) {
                address = Some(told.trim().to_owned());
            }
            line.contains("ready to receive web requests")
        });
        let address = address.filter(|_| is_ready).unwrap_or_else(|| panic!("it does not serve:\n{said}"));
        // Nobody reads more, but it must not wait for that.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// Waits until it has scraped these, and has no other targets; gives what it says about all.
    fn until_up(&self, servers: &[&Server]) -> Value {
        let start = Instant::now();
        loop {
            let found = self.get("/api/v1/targets");
            let active = found["activeTargets"].as_array().unwrap();
            let is_up = |server: &&Server| {
                active.iter().any(|one| one["labels"]["instance"] == server.admin && one["health"] == "up")
            };
            if active.len() == servers.len() && servers.iter().all(is_up) {
                return found;
            }
            assert!(start.elapsed() < LIMIT, "still {found}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The data of an answer of its HTTP interface.
    fn get(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
        let answer: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
        assert_eq!(answer["status"], "success", "{answer}");
        answer["data"].clone()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
