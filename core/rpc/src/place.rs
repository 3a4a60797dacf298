//! The place of a request among those that run, where a server has a limit of them.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// Held from when the request runs until its first value or its end.
#[derive(Debug, Default)]
pub(crate) struct Place {
    stage: AtomicU8,
    waited_ns: AtomicU64,
}

const AWAITED: u8 = 0;
const HELD: u8 = 1;
const LEFT: u8 = 2;

impl Place {
    /// It is the request's turn, after that time.
    pub fn enter(&self, waited: Duration) {
        self.waited_ns.store(waited.as_nanos() as u64, Ordering::Relaxed);
        self.stage.store(HELD, Ordering::Release);
    }

    /// True until it is entered.
    pub fn is_awaited(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == AWAITED
    }

    /// True if it was held and is not any more.
    pub fn leave(&self) -> bool {
        // Most leave long before they end: those who come again only look.
        self.stage.load(Ordering::Relaxed) == HELD && self.stage.swap(LEFT, Ordering::AcqRel) == HELD
    }

    /// How long the request waited for it.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited_ns.load(Ordering::Relaxed))
    }
}
