//! One request that runs, as its handler and its connection share it.

use crate::clock::Start;
use crate::methods::Method;
use crate::place::Place;
use crate::wakers::Wakers;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

pub(crate) struct Running {
    /// Its id on its connection.
    pub id: u32,
    pub method: Arc<Method>,
    /// The text of a JSON array, a slice of what was read.
    pub args: Bytes,
    pub start: Start,
    /// Until when its caller waits, if it says so.
    pub deadline: Option<Instant>,
    pub place: Place,
    cancelled: AtomicBool,
    half_closed: AtomicBool,
    waiting: Wakers,
    waiting_for_half_close: Wakers,
}

impl Running {
    /// A request that is about to be handed to its handler.
    pub fn new(id: u32, method: Arc<Method>, args: Bytes, start: Start, deadline: Option<Instant>) -> Self {
        if let Some(meter) = &method.meter {
            meter.begin();
        }
        Self {
            id,
            method,
            args,
            start,
            deadline,
            place: Place::default(),
            cancelled: AtomicBool::new(false),
            half_closed: AtomicBool::new(false),
            waiting: Wakers::default(),
            waiting_for_half_close: Wakers::default(),
        }
    }

    /// Records its end, which comes once. An empty `error_type` is success.
    pub fn record_end(&self, error_type: &str, now: Instant) {
        if let Some(meter) = &self.method.meter {
            meter.end(self.start.until(now), error_type);
        }
    }

    /// How long it has run by `now`.
    pub fn took(&self, now: Instant) -> Duration {
        self.start.until(now).saturating_sub(self.place.waited())
    }

    /// Whether its caller has stopped waiting. Reads the clock if its caller says how long it waits.
    pub fn is_expired(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<()> {
        self.waiting.register(cx);
        if self.is_cancelled() { Poll::Ready(()) } else { Poll::Pending }
    }

    pub fn is_half_closed(&self) -> bool {
        self.half_closed.load(Ordering::Acquire) || self.is_cancelled()
    }

    pub fn poll_half_closed(&self, cx: &Context<'_>) -> Poll<()> {
        self.waiting_for_half_close.register(cx);
        if self.is_half_closed() { Poll::Ready(()) } else { Poll::Pending }
    }

    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.waiting.wake_all();
        self.waiting_for_half_close.wake_all();
    }

    pub fn half_close(&self) {
        self.half_closed.store(true, Ordering::Release);
        self.waiting_for_half_close.wake_all();
    }
}
