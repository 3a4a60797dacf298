//! Processes that announce themselves and are killed.

use crate::waiting::{absent, bound, condition};
use crate::{announce, echo, files, registry, run};
use libfast_registry::{DirRegistry, Resolver};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_killed_process_is_gone_from_the_list() {
    run(async {
        let (_folder, registry) = registry();
        let mut watch = registry.watch(&echo());
        let _survivor = announce(&registry, "h:1").await;
        let mut times = Vec::new();
        for _ in 0..20 {
            let mut child = Announcing::start(registry.folder(), "");
            bound(&mut watch, 2).await;
            let killed = Instant::now();
            child.process.kill().unwrap();
            assert_eq!(bound(&mut watch, 1).await, ["h:1"]);
            times.push(killed.elapsed());
        }
        times.sort();
        println!(
            "from SIGKILL to removal: median {:?}, worst {:?}",
            times[times.len() / 2],
            times[times.len() - 1]
        );
        // The requirement is 100 ms; the bound leaves room for a machine that is busy with other things.
        assert!(times[times.len() / 2] < Duration::from_secs(1));
    });
}

/// A program that is started by a provider must not inherit the lock.
#[test]
fn a_program_started_by_a_dead_provider_does_not_keep_it_listed() {
    run(async {
        let (_folder, registry) = registry();
        let mut watch = registry.watch(&echo());
        let mut child = Announcing::start(registry.folder(), "sleep");
        bound(&mut watch, 1).await;
        child.process.kill().unwrap();
        absent(&mut watch).await;
        let sleeper = Pid::from_raw(child.sleeper).expect("the child tells whom it started");
        assert!(
            test_kill_process(sleeper).is_ok(),
            "the started program must outlive its parent for this to count"
        );
        kill_process(sleeper, Signal::KILL).unwrap();
    });
}

/// Many come and go at once, some of them killed: in the end exactly the living are listed.
#[test]
fn a_crowd_ends_with_exactly_the_living() {
    run(async {
        let (folder, registry) = registry();
        let mut watch = registry.watch(&echo());
        let mut children: Vec<_> = (0..6).map(|_| Announcing::start(registry.folder(), "")).collect();
        let mut kept = Vec::new();
        for port in 1..=40 {
            let announcement = announce(&registry, &format!("h:{port}")).await;
            if port % 4 == 0 {
                kept.push(announcement);
            }
        }
        for child in children.iter_mut().take(4) {
            child.process.kill().unwrap();
        }
        bound(&mut watch, kept.len() + 2).await;
        condition(|| files(folder.path()).len() == kept.len() + 2).await;
    });
}

/// Not a test: run by [`Announcing`] in a process of its own.
#[test]
#[ignore = "the helper process of other tests"]
fn announcing() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    run(async {
        let registry = DirRegistry::open(Some(folder.into())).unwrap();
        let _announcement = announce(&registry, "child:1").await;
        let sleep =
            || Command::new("sleep").arg("60").stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let sleeper = (std::env::var(STARTS).unwrap() == "sleep").then(sleep);
        println!("{READY}{}", sleeper.as_ref().map_or(0, Child::id));
        // Ends with the test that started it, even if that is killed.
        let _ = std::io::stdin().read(&mut [0]);
        if let Some(mut sleeper) = sleeper {
            sleeper.kill().unwrap();
            sleeper.wait().unwrap();
        }
    });
}

/// A process that announces itself as `child:1`. Killed when dropped.
struct Announcing {
    process: Child,
    /// Process id of the program it started, or 0.
    sleeper: i32,
}

impl Announcing {
    fn start(folder: &Path, starts: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::announcing", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .env(STARTS, starts)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = lines.map(Result::unwrap).find_map(|line| Some(line.split_once(READY)?.1.to_owned()));
        let sleeper = ready.expect("the helper process announces itself").parse().unwrap();
        Self { process, sleeper }
    }
}

impl Drop for Announcing {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const FOLDER: &str = "LIBFAST_TEST_FOLDER";
const STARTS: &str = "LIBFAST_TEST_STARTS";
const READY: &str = "ready:";
