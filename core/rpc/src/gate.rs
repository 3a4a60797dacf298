//! The limit of handlers at work: requests run, wait for their turn, or are refused.

use crate::clock::{self, Start};
use crate::metrics::GateMeter;
use crate::refusal::Refusal;
use crate::request::Request;
use libfast_balance::{Admission, AdmissionOptions, GradientOptions, Offer};
use libfast_model::{Concurrency, ServerOptions};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Shared by all connections of a server that has a limit. The lock of a connection is taken before its lock, never under it.
pub(crate) struct Gate {
    state: Mutex<State>,
    runtime: Handle,
}

struct State {
    admission: Admission<Request>,
    /// A task looks for those that wait too long.
    watched: bool,
    meter: Option<GateMeter>,
}

/// What becomes of a request that came.
pub(crate) enum Entry {
    Run(Request),
    /// And another is refused for it: without any lock, as that takes the lock of its connection.
    Waits(Option<Request>),
    Refused,
}

impl Gate {
    /// `None` if the options set no limit.
    pub fn new(
        options: &ServerOptions,
        runtime: &Handle,
        meter: impl FnOnce() -> Option<GateMeter>,
    ) -> Option<Arc<Self>> {
        let mut gradient = GradientOptions::default();
        match options.concurrency {
            Concurrency::Unlimited => return None,
            Concurrency::Auto => {}
            Concurrency::Fixed(limit) => {
                (gradient.least, gradient.start, gradient.most) = (limit, limit, limit);
            }
        }
        let mut bounds = AdmissionOptions::default();
        bounds.gradient = gradient;
        bounds.interval = Duration::from_millis(options.concurrency_wait_ms);
        bounds.target = bounds.interval / 5;
        let mut state = State { admission: Admission::new(bounds), watched: false, meter: meter() };
        state.publish();
        Some(Arc::new(Self { state: Mutex::new(state), runtime: runtime.clone() }))
    }

    /// A request came on connection `sender`; it is made only if it is not refused.
    pub fn enter(self: &Arc<Self>, start: &Start, sender: u64, request: impl FnOnce() -> Request) -> Entry {
        let mut state = self.lock();
        let entry = match state.admission.offer(start.moment(), sender, request) {
            Offer::Run(request) => {
                request.place().enter(Duration::ZERO);
                return Entry::Run(request);
            }
            Offer::Refuse => return Entry::Refused,
            Offer::Waits => Entry::Waits(None),
            Offer::Displaces(other) => Entry::Waits(Some(other)),
        };
        state.publish();
        if !std::mem::replace(&mut state.watched, true) {
            self.runtime.spawn(watch(Arc::downgrade(self), state.admission.tick()));
        }
        entry
    }

    /// A request that ran needs its place no more, `latency` after it began to run, if that says something about the load. Not to
    /// be called under the lock of a connection.
    pub fn leave(&self, latency: Option<Duration>) {
        let mut state = self.lock();
        state.admission.finished(latency);
        if state.admission.waiting() > 0 {
            self.go_on(state, false);
        } else if latency.is_some() {
            state.publish();
        }
    }

    /// A connection is gone, and with it what waits of it.
    pub fn forget(&self, sender: u64) {
        let mut state = self.lock();
        let gone = state.admission.remove(sender);
        state.publish();
        drop(state);
        // Without the lock: their ends are looked at.
        drop(gone);
    }

    /// Runs those whose turn it is and refuses those that waited too long. False: none waits any more.
    fn go_on(&self, mut state: MutexGuard<'_, State>, is_watch: bool) -> bool {
        let now = clock::moment(Instant::now());
        let (mut refused, mut next) = (Vec::new(), Vec::new());
        while let Some(request) = state.admission.next(now, &mut refused) {
            request.place().enter(now.since(request.came()));
            next.push(request);
        }
        let some_wait = state.admission.waiting() > 0;
        // Who watches may stop now, and only under the lock.
        state.watched = if is_watch { some_wait } else { state.watched };
        state.publish();
        drop(state);
        if !refused.is_empty() || !next.is_empty() {
            // By a task of its own, as this may be called in the middle of anything.
            self.runtime.spawn(async move {
                next.into_iter().for_each(|request| request.run_at_last());
                refused.into_iter().for_each(|request| request.refuse(Refusal::Queue));
            });
        }
        some_wait
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks for those that wait too long as long as any wait: nobody else does while none that runs ends.
async fn watch(gate: Weak<Gate>, tick: Duration) {
    loop {
        tokio::time::sleep(tick).await;
        let Some(gate) = gate.upgrade() else { return };
        if !gate.go_on(gate.lock(), true) {
            return;
        }
    }
}

impl State {
    fn publish(&mut self) {
        let (limit, waiting) = (self.admission.limit(), self.admission.waiting());
        if let Some(meter) = &mut self.meter {
            meter.publish(limit, waiting);
        }
    }
}
