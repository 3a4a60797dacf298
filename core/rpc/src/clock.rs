//! The clocks and the chance of the drivers: everything below is given both as arguments.

use libfast_balance::Moment;
use libfast_model::Timestamp;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970.
fn wall_micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as u64)
}

thread_local! {
    static RNG: std::cell::RefCell<fastrand::Rng> = std::cell::RefCell::new(fastrand::Rng::new());
}

/// Runs `f` with the thread's random numbers.
pub(crate) fn with_rng<R>(f: impl FnOnce(&mut fastrand::Rng) -> R) -> R {
    RNG.with_borrow_mut(f)
}

/// Nanoseconds since the first use, for the balancer.
pub(crate) fn moment(now: Instant) -> Moment {
    static ORIGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let origin = *ORIGIN.get_or_init(|| now);
    Moment(now.saturating_duration_since(origin).as_nanos() as u64)
}

/// The clock, read once: for timers, and as nanoseconds since the first use, whose differences cost next to nothing. Those of
/// two `Instant`s take some fifty instructions each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub instant: Instant,
    pub moment: Moment,
}

impl Now {
    pub fn read() -> Self {
        let instant = Instant::now();
        Self { instant, moment: moment(instant) }
    }

    /// From `earlier` to this one.
    pub fn since(self, earlier: Self) -> Duration {
        self.moment.since(earlier.moment)
    }
}

/// When the process made its first client or server.
pub(crate) fn first_use() -> Timestamp {
    static FIRST: std::sync::OnceLock<Start> = std::sync::OnceLock::new();
    FIRST.get_or_init(Start::now).timestamp()
}

/// When something began, by both clocks: one to measure by, one to show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    instant: Instant,
    wall_micros: u64,
}

impl Start {
    pub fn now() -> Self {
        Self { instant: Instant::now(), wall_micros: wall_micros() }
    }

    /// From then to `now`.
    pub fn until(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.instant)
    }

    /// So many milliseconds later; `None` beyond what the clock can hold.
    pub fn after_ms(&self, ms: u64) -> Option<Instant> {
        self.instant.checked_add(Duration::from_millis(ms))
    }

    pub fn moment(&self) -> Moment {
        moment(self.instant)
    }

    pub fn elapsed(&self) -> Duration {
        self.instant.elapsed()
    }

    /// Microseconds since 1970.
    pub fn wall_micros(&self) -> u64 {
        self.wall_micros
    }

    pub fn timestamp(&self) -> Timestamp {
        Timestamp(self.wall_micros / 1000)
    }
}

/// The time of day, for `m.uts`, told from the other clock: who has read that one need not read this one as well.
#[derive(Debug)]
pub(crate) struct WallClock(Start);

impl WallClock {
    /// The time of day is looked at that often, for it may be set.
    const TRUSTED: Duration = Duration::from_millis(100);

    pub fn new() -> Self {
        Self(Start::now())
    }

    /// Microseconds since 1970.
    pub fn micros(&mut self, now: Instant) -> u64 {
        let since = self.0.until(now);
        if since > Self::TRUSTED {
            self.0 = Start { instant: now, wall_micros: wall_micros() };
            return self.0.wall_micros;
        }
        self.0.wall_micros + u64::from(since.subsec_micros())
    }

    /// As a start, for what begins now.
    pub fn start(&mut self, now: Instant) -> Start {
        Start { instant: now, wall_micros: self.micros(now) }
    }
}
