//! The clocks of the drivers: everything below is given the time as an argument.

use libfast_balance::Moment;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970, for `m.uts`.
pub(crate) fn wall_micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as u64)
}

/// Nanoseconds since the first use, for the balancer.
pub(crate) fn moment() -> Moment {
    static ORIGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    Moment(ORIGIN.get_or_init(Instant::now).elapsed().as_nanos() as u64)
}
