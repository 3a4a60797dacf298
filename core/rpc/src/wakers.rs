//! The wakers of everyone who waits for one thing.

use std::collections::HashSet;
use std::sync::Mutex;
use std::task::{Context, Waker};

/// Wakers, each at most once, in the order in which they came.
///
/// Most things are waited for by nobody, so an empty one is small and made at no cost.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Mutex<Option<Box<Registered>>>);

#[derive(Debug, Default)]
struct Registered {
    wakers: Vec<Waker>,
    /// What tells them apart. Searching the list would make many that wait for one thing cost their square.
    known: HashSet<(usize, usize)>,
}

impl Wakers {
    /// Adds the waker of `cx`. Check the condition again afterwards: it may have come true in between.
    pub fn register(&self, cx: &Context<'_>) {
        let mut registered = self.lock();
        let Registered { wakers, known } = &mut **registered.get_or_insert_default();
        let waker = cx.waker();
        if known.insert((waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr())) {
            wakers.push(waker.clone());
        }
    }

    /// Wakes and forgets all.
    pub fn wake_all(&self) {
        // Woken outside the lock: a waker may run code that registers again.
        let registered = self.lock().take();
        registered.into_iter().flat_map(|registered| registered.wakers).for_each(Waker::wake);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Box<Registered>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::{Duration, Instant};

    struct Count(Arc<AtomicUsize>);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// As many calls as a client may have under way, thrice over, wait for one connection.
    #[test]
    fn many_are_woken_once_each_and_do_not_cost_their_square() {
        const MANY: usize = 200_000;
        let (wakers, woken) = (Wakers::default(), Arc::<AtomicUsize>::default());
        let waiting: Vec<_> = (0..MANY).map(|_| Waker::from(Arc::new(Count(woken.clone())))).collect();
        let started = Instant::now();
        for waker in waiting.iter().chain(&waiting) {
            wakers.register(&Context::from_waker(waker));
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        wakers.wake_all();
        wakers.wake_all();
        assert_eq!(woken.load(Ordering::Relaxed), MANY);
    }
}
