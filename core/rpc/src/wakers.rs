//! The wakers of everyone who waits for one thing.

use std::sync::Mutex;
use std::task::{Context, Waker};

/// Wakers, each at most once.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Mutex<Vec<Waker>>);

impl Wakers {
    /// Adds the waker of `cx`. Check the condition again afterwards: it may have come true in between.
    pub fn register(&self, cx: &Context<'_>) {
        let mut wakers = self.lock();
        if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            wakers.push(cx.waker().clone());
        }
    }

    /// Wakes and forgets all.
    pub fn wake_all(&self) {
        // Woken outside the lock: a waker may run code that registers again.
        let wakers = std::mem::take(&mut *self.lock());
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waker>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
