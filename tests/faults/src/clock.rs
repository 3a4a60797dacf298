//! A clock that all processes of the machine share, so that what one did can be set against what another saw.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Microseconds of the monotonic clock.
pub fn now_us() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1_000
}

/// Lets time pass: most faults are defined by how long they last.
pub fn pass(seconds: f64) {
    std::thread::sleep(Duration::from_secs_f64(seconds));
}
