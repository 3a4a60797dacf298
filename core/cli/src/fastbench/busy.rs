//! How much of the time a thread was busy.

use std::time::Duration;

/// For how long this thread has run, or wanted to run and waited for a processor; `None` where the kernel does not tell.
pub fn so_far() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let mut fields = text.split_whitespace().map(str::parse::<u64>);
    let (ran, waited) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some(Duration::from_nanos(ran.saturating_add(waited)))
}
