//! How much of the time a thread was busy.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// For how long this thread has run. Not the time it waited for a processor: what has it meanwhile is often the server, for
/// whose answer the thread would wait anyway.
pub fn so_far() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.max(0) as u64, time.tv_nsec.max(0) as u32)
}
