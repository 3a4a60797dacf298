//! Those who wait for the next change of something, as long as they wait.

use slab::Slab;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Waker};

/// Where they are kept. Unlike [`Wakers`](crate::wakers::Wakers) for what may not happen for hours: whoever stops waiting leaves nothing
/// behind.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// Changes so far.
    changes: u64,
    wakers: Slab<Waker>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiter {
    all: Arc<Waiters>,
    /// Its place among the wakers, and how many changes there were when it got it.
    place: Option<(usize, u64)>,
}

impl Waiters {
    /// One more, who is not registered yet.
    pub fn waiter(self: &Arc<Self>) -> Waiter {
        Waiter { all: self.clone(), place: None }
    }

    /// Wakes and forgets all.
    pub fn wake_all(&self) {
        let wakers = {
            let mut waiting = self.lock();
            waiting.changes += 1;
            std::mem::take(&mut waiting.wakers)
        };
        // Woken outside the lock: a waker may run code that registers again.
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Waiter {
    /// Has the next change wake `cx`. Check the condition again afterwards: it may have come true in between.
    pub fn register(&mut self, cx: &Context<'_>) {
        let mut waiting = self.all.lock();
        let changes = waiting.changes;
        let former = match self.place {
            Some((place, then)) if then == changes => {
                let waker = &mut waiting.wakers[place];
                if waker.will_wake(cx.waker()) {
                    return;
                }
                Some(std::mem::replace(waker, cx.waker().clone()))
            }
            _ => {
                self.place = Some((waiting.wakers.insert(cx.waker().clone()), changes));
                None
            }
        };
        // Outside the lock: dropping a waker may run anything.
        drop(waiting);
        drop(former);
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let Some((place, then)) = self.place else { return };
        let mut waiting = self.all.lock();
        let waker = (then == waiting.changes).then(|| waiting.wakers.remove(place));
        // As above.
        drop(waiting);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn register(waiter: &mut Waiter, woken: &Arc<Count>) {
        waiter.register(&Context::from_waker(&Waker::from(woken.clone())));
    }

    #[test]
    fn each_is_woken_by_the_next_change_where_it_was_last() {
        let (all, woken) = (Arc::<Waiters>::default(), [(); 3].map(|()| Arc::<Count>::default()));
        let (mut first, mut second) = (all.waiter(), all.waiter());
        register(&mut first, &woken[0]);
        register(&mut first, &woken[1]);
        register(&mut second, &woken[2]);
        register(&mut second, &woken[2]);
        all.wake_all();
        all.wake_all();
        let count = || woken.each_ref().map(|count| count.0.load(Ordering::Relaxed));
        assert_eq!(count(), [0, 1, 1]);
        register(&mut second, &woken[2]);
        drop(first);
        all.wake_all();
        assert_eq!(count(), [0, 1, 2]);
    }

    #[test]
    fn whoever_stops_waiting_leaves_nothing_behind() {
        let (all, woken) = (Arc::<Waiters>::default(), Arc::<Count>::default());
        let mut stays = all.waiter();
        register(&mut stays, &woken);
        for _ in 0..10_000 {
            register(&mut all.waiter(), &woken);
        }
        assert_eq!((Arc::strong_count(&woken), all.lock().wakers.capacity() < 100), (2, true));
        all.wake_all();
        assert_eq!((Arc::strong_count(&woken), woken.0.load(Ordering::Relaxed)), (1, 1));
    }
}
