//! Callers that call without a pause. No call may be repeated that could have run.

use libfast::{Client, Error};
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;

const CALLERS: i64 = 8;
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

pub struct Load {
    runtime: Runtime,
    seen: Arc<Seen>,
    callers: Vec<tokio::task::JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    enough: AtomicBool,
    answered: AtomicU64,
    /// The names of the servers that answered.
    names: Mutex<HashSet<String>>,
    new_name: Condvar,
    failed: Mutex<Vec<Error>>,
}

#[derive(Deserialize)]
struct Sum {
    sum: i64,
    server: String,
}

impl Load {
    pub fn start(target: &str) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let client = {
            let _context = runtime.enter();
            Client::new(target).expect("a target")
        };
        let seen = Arc::<Seen>::default();
        let callers =
            (0..CALLERS).map(|caller| runtime.spawn(call_on(client.clone(), seen.clone(), caller))).collect();
        Self { runtime, seen, callers }
    }

    /// Waits until the server of that name has answered a call.
    pub fn until_answered_by(&self, name: &str) {
        let names = self.seen.names.lock().expect("no panic");
        let waiting = self.seen.new_name.wait_timeout_while(names, LONG, |names| !names.contains(name));
        assert!(!waiting.expect("no panic").1.timed_out(), "{name} is not called");
    }

    /// How many calls were answered, and why others were not.
    pub fn end(self) -> (u64, Vec<Error>) {
        self.seen.enough.store(true, Ordering::SeqCst);
        for caller in self.callers {
            self.runtime.block_on(caller).expect("no panic");
        }
        let failed = std::mem::take(&mut *self.seen.failed.lock().expect("no panic"));
        (self.seen.answered.load(Ordering::SeqCst), failed)
    }
}

async fn call_on(client: Client, seen: Arc<Seen>, caller: i64) {
    for i in 0.. {
        if seen.enough.load(Ordering::SeqCst) {
            return;
        }
        let answer = client.call("add", (caller, i)).await;
        match answer.and_then(|values| values[0].parse::<Sum>()) {
            Ok(answer) => {
                assert_eq!(answer.sum, caller + i);
                seen.answered.fetch_add(1, Ordering::SeqCst);
                if seen.names.lock().expect("no panic").insert(answer.server) {
                    seen.new_name.notify_all();
                }
            }
            Err(error) => seen.failed.lock().expect("no panic").push(error),
        }
    }
}
