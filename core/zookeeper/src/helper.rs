//! A program that knows the credentials: it is asked each time they are needed.

use crate::process;
use crate::security::wrong;
use libfast_model::Result;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// Longest time that it may take.
const LIMIT: Duration = Duration::from_secs(4);
/// Longest text that it may print.
const LONGEST: u64 = 64 * 1024;
/// Between two looks whether it has ended after all was read.
const PAUSE: Duration = Duration::from_millis(5);

/// What the program prints. No shell is between: the words of `command` are its name and arguments. Errors name the program only,
/// for an argument may be a secret.
pub async fn printed(place: &str, command: &str) -> Result<String> {
    let mut words = command.split_whitespace();
    let program = words.next().unwrap_or_default();
    let failed = |why: String| wrong(place, &format!("{program:?} {why}"));
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped());
    let child = command.spawn().map_err(|error| failed(format!("cannot be run: {error}")))?;
    let helper = Helper(Arc::new(Mutex::new(child)));
    let ended = helper.ended().map_err(|error| failed(format!("cannot be read: {error}")))?;
    match tokio::time::timeout(LIMIT, ended).await {
        Ok(Ok(Ended { status: Some(status), .. })) if !status.success() => {
            Err(failed(format!("failed with {status}; what it said of that is on standard error")))
        }
        Ok(Ok(Ended { text, .. })) => text.map_err(|error| failed(format!("cannot be read: {error}"))),
        _ => Err(failed(format!("did not end within {} s", LIMIT.as_secs()))),
    }
}

/// The program while it runs. Dropping it ends it.
struct Helper(Arc<Mutex<Child>>);

struct Ended {
    text: std::io::Result<String>,
    /// Unknown in a process that has the system forget its children.
    status: Option<ExitStatus>,
}

impl Helper {
    /// Reads and waits on a thread of its own: not on the runtime, which would not end before it.
    fn ended(&self) -> std::io::Result<oneshot::Receiver<Ended>> {
        let (tell, told) = oneshot::channel();
        let child = self.0.clone();
        std::thread::Builder::new().name("fast-helper".into()).spawn(move || {
            process::begin_thread();
            let output = lock(&child).stdout.take();
            let mut text = String::new();
            let read = output.map_or(Ok(0), |output| output.take(LONGEST).read_to_string(&mut text));
            let status = loop {
                match lock(&child).try_wait() {
                    Ok(None) => {}
                    ended => break ended.ok().flatten(),
                }
                std::thread::sleep(PAUSE);
            };
            let _ = tell.send(Ended { text: read.map(|_| text), status });
        })?;
        Ok(told)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // One that has ended is left alone.
        let _ = lock(&self.0).kill();
    }
}

fn lock(child: &Mutex<Child>) -> std::sync::MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}
