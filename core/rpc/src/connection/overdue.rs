//! Calls whose time has run out.

use super::{Shared, State};
use std::convert::Infallible;
use std::task::Waker;
use std::time::{Duration, Instant};

/// Least time between looks for calls whose time has run out.
const DEADLINES_APART: Duration = Duration::from_millis(1);

impl Shared {
    /// Wakes those who wait for an answer beyond their deadline. One timer for all of a connection: calls that are answered
    /// in time, nearly all, cost nothing.
    pub(super) async fn wake_overdue(&self) -> Infallible {
        loop {
            let soonest = self.lock().soonest;
            let changed = self.deadline_set.notified();
            match soonest {
                None => changed.await,
                Some(soonest) => {
                    if tokio::time::timeout_at(soonest.into(), changed).await.is_err() {
                        let overdue = self.lock().take_overdue(Instant::now());
                        overdue.into_iter().for_each(Waker::wake);
                    }
                }
            }
        }
    }
}

impl State {
    /// The wakers of those who wait beyond their deadline. Finds the next deadline.
    fn take_overdue(&mut self, now: Instant) -> Vec<Waker> {
        let mut overdue = Vec::new();
        self.soonest = None;
        for (_, inbox) in &mut self.inboxes {
            match inbox.deadline {
                Some(deadline) if deadline <= now => overdue.extend(inbox.waker.take()),
                Some(deadline) => {
                    self.soonest = Some(self.soonest.map_or(deadline, |soonest| soonest.min(deadline)))
                }
                None => {}
            }
        }
        // Looking through all of them has a price, which is paid once for those of a while.
        self.soonest = self.soonest.map(|soonest| soonest.max(now + DEADLINES_APART));
        overdue
    }
}
