//! What a blocking call costs other threads. Alone in its process, because it counts what they do.

mod common;

use common::{MANY, call_one_by_one, pair};
use std::path::Path;

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
    let (_server, queue, client) = pair();
    call_one_by_one(&client, MANY);
    let (before, calls) = (sleeps(), 20 * MANY);
    call_one_by_one(&client, calls);
    // It looks every few milliseconds whether it is needed.
    let slept = sleeps() - before;
    assert!(slept < calls / 2, "{slept} times in {calls} calls");
    queue.close();
}
