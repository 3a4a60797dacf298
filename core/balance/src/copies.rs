//! What is handed out of an endpoint set.

use crate::Member;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// Members once more for each few threads, made when one is first picked there: whoever holds a member counts at it, and threads that
/// count at the same one wait for each other. Measured, that was a third of what a pick costs under two threads.
#[derive(Debug)]
pub(crate) struct Copies<T> {
    members: usize,
    /// All of one stripe, then all of the next.
    each: Box<[OnceLock<Arc<Member<T>>>]>,
}

/// Threads share one if there are more.
const STRIPES: usize = 8;

thread_local! {
    static STRIPE: usize = {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        THREADS.fetch_add(1, Relaxed) % STRIPES
    };
}

impl<T> Copies<T> {
    pub fn new(members: usize) -> Self {
        let each = std::iter::repeat_with(OnceLock::new).take(members * STRIPES).collect();
        Self { members, each }
    }

    /// That of this thread of the member in that place.
    #[inline]
    pub fn of(&self, at: usize, member: &Member<T>) -> &Arc<Member<T>> {
        let stripe = STRIPE.with(|stripe| *stripe);
        self.each[stripe * self.members + at].get_or_init(|| Arc::new(member.copied()))
    }
}
