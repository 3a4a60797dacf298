//! A fork after ZooKeeper was used. Alone in its process: the child is a copy of it.

use bytes::Bytes;
use libfast_embed::{CallSettings, Client, Config, Next, Queue, Server};
use libfast_model::ErrorKind;
use libfast_testkit::ZooKeeper;
use std::time::{Duration, Instant};

/// Longer than anything here takes, so that a defect fails instead of hanging.
const LONG: Duration = Duration::from_secs(20);

fn config(options: &[(&str, &str)]) -> Config {
    let mut config = Config::default();
    options.iter().for_each(|(name, value)| config.set(name, value).unwrap());
    config
}

fn answers(client: &Client) -> libfast_model::Result<bool> {
    let call = client.call("one", Bytes::from_static(b"[]"), &CallSettings::default())?;
    Ok(matches!(call.next(Some(LONG))?, Next::Value(value) if value == "1"))
}

/// What the child does; its exit code. 0: all as it should be.
fn in_child(target: &str, cache: &str) -> i32 {
    let refused = Client::new(target, &config(&[("registry_cache", "off")]));
    if refused.err().map(|error| error.kind()) != Some(ErrorKind::Forked) {
        return 1;
    }
    let Ok(reader) = Client::new(target, &config(&[("registry_cache_dir", cache)])) else { return 2 };
    if answers(&reader).is_ok_and(|answered| answered) { 0 } else { 3 }
}

#[test]
fn a_child_is_told_that_it_has_no_zookeeper_and_reads_the_list_that_its_parent_keeps() {
    let zookeeper = ZooKeeper::start().unwrap();
    let target = format!("zk://{}/test/forked", zookeeper.connect_string());
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().to_str().unwrap();
    let (server, queue) = (Server::new(&config(&[("announce", &target)])).unwrap(), Queue::new());
    server.handle("one", &queue, 1).unwrap();
    server.start().unwrap();
    std::thread::spawn(move || {
        while let Ok(events) = queue.poll(1, None) {
            for event in events {
                if let libfast_embed::Event::Request { request, .. } = event {
                    let _ = request.end(Some(b"1"));
                }
            }
        }
    });
    let client = Client::new(&target, &config(&[("registry_cache_dir", cache)])).unwrap();
    assert!(answers(&client).unwrap());
    let limit = Instant::now() + LONG;
    while !folder
        .path()
        .read_dir()
        .unwrap()
        .any(|file| file.unwrap().path().extension().is_some_and(|e| e == "json"))
    {
        assert!(Instant::now() < limit, "the list is not written");
        std::thread::yield_now();
    }
    // SAFETY: the child only calls the library, which is made for it, and leaves without running the parent's clean-up.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: kills the child if it hangs; ends it without running the parent's clean-up.
        unsafe {
            libc::alarm(LONG.as_secs() as u32);
            libc::_exit(in_child(&target, cache))
        }
    }
    let mut status = 0;
    // SAFETY: `child` is a child of this process and `status` is writable.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "status {status:#x}");
    assert!(answers(&client).unwrap(), "the parent is as it was");
}
