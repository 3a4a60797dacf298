//! What a blocking call costs other threads. Alone in its process, because it counts what they do.

mod common;

use bytes::Bytes;
use common::{MANY, call_one_by_one, pair};
use libfast_embed::{CallSettings, Event, Queue};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The tests count what the same threads do.
static TURN: Mutex<()> = Mutex::new(());

/// How often the library's thread for clients has gone to sleep.
fn sleeps() -> usize {
    let slept = |task: &Path| {
        let read = |file: &str| std::fs::read_to_string(task.join(file)).ok();
        let is_ours = read("comm")?.trim() == "fast-io-client";
        let status = read("status").filter(|_| is_ours)?;
        status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?
            .trim()
            .parse::<usize>()
            .ok()
    };
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks.filter_map(|task| slept(&task.unwrap().path())).sum::<usize>()
}

#[test]
fn a_lone_caller_needs_no_other_thread() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_server, queue, client) = pair();
    call_one_by_one(&client, MANY);
    let (before, calls) = (sleeps(), 20 * MANY);
    call_one_by_one(&client, calls);
    // It looks every few milliseconds whether it is needed.
    let slept = sleeps() - before;
    assert!(slept < calls / 2, "{slept} times in {calls} calls");
    queue.close();
}

/// Who polls a queue that nothing else watches does the I/O of its calls.
#[test]
fn a_lone_poller_needs_no_other_thread() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_server, requests, client) = pair();
    let (queue, settings) = (Queue::new(), CallSettings::default());
    let start = |tag| client.start(&queue, tag, "echo", Bytes::from_static(b"[1]"), &settings, true).unwrap();
    let call_through_the_queue = |calls: usize| {
        for tag in 0..calls as u64 {
            let _call = start(tag);
            let events = queue.poll(8, Some(Duration::from_secs(20))).unwrap();
            assert!(matches!(events[..], [Event::Done { error: None, .. }]), "{events:?}");
        }
    };
    call_through_the_queue(MANY);
    let (before, calls) = (sleeps(), 20 * MANY);
    call_through_the_queue(calls);
    let slept = sleeps() - before;
    assert!(slept < calls / 2, "{slept} times in {calls} calls");
    // Once it is watched, the library's thread must do it: the program waits elsewhere.
    let fd = queue.fd().unwrap();
    let _call = start(0);
    let mut polled = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid entry.
    assert_eq!(unsafe { libc::poll(&mut polled, 1, 20_000) }, 1);
    requests.close();
}
