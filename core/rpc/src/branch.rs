//! A branch of a `select!` that is polled only when it was woken itself.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// A future beside others in one task. Whenever that is woken, `select!` polls all of them, and one that waits for a notice or a
/// timer takes its lock each time to find that nothing happened; in this one, that is one look at a flag.
#[derive(Debug)]
pub(crate) struct Branch<F> {
    future: F,
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
    /// Who was told last to be woken by it.
    task: Option<Waker>,
}

#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F: Future + Unpin> Branch<F> {
    pub fn new(future: F) -> Self {
        // The first poll has to come through.
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::default() });
        Self { future, waker: bell.clone().into(), bell, task: None }
    }
}

impl<F: Future + Unpin> Future for Branch<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if this.task.as_ref().is_none_or(|known| !known.will_wake(cx.waker())) {
            this.task = Some(cx.waker().clone());
            // Before the flag is looked at, or a ring in between would wake the task of before.
            this.bell.set_task(cx.waker().clone());
        }
        // Mostly it was another branch.
        if !this.bell.rung.load(Ordering::Acquire) || !this.bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        Pin::new(&mut this.future).poll(&mut Context::from_waker(&this.waker))
    }
}

impl Bell {
    fn set_task(&self, task: Waker) {
        let old = self.task.lock().unwrap_or_else(PoisonError::into_inner).replace(task);
        // Outside the lock: dropping a waker may run anything.
        drop(old);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
            task.into_iter().for_each(Waker::wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn it_is_polled_when_it_was_woken_and_only_then() {
        let (polls, inner) = (Cell::new(0), Cell::new(None::<Waker>));
        let inside = pin!(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            inner.set(Some(cx.waker().clone()));
            if polls.get() < 4 { Poll::Pending } else { Poll::Ready(()) }
        }));
        let mut branch = Branch::new(inside);
        let tasks = [0, 1].map(|_| Arc::new(Count::default()));
        let [one, other] = tasks.each_ref().map(|task| Waker::from(task.clone()));
        let mut poll = |task: &Waker| Pin::new(&mut branch).poll(&mut Context::from_waker(task)).is_ready();
        let woken = || tasks.each_ref().map(|task| task.0.load(Ordering::Relaxed));
        assert!(!poll(&one) && !poll(&one) && polls.get() == 1);
        // Twice before anybody looks: once is enough.
        let waker = inner.take().unwrap();
        waker.wake_by_ref();
        waker.wake_by_ref();
        assert_eq!((woken(), polls.get()), ([1, 0], 1));
        assert!(!poll(&one) && !poll(&one) && polls.get() == 2);
        // Another task takes it over: that one is woken from now on.
        assert!(!poll(&other) && polls.get() == 2);
        waker.wake_by_ref();
        assert_eq!(woken(), [1, 1]);
        assert!(!poll(&other) && polls.get() == 3);
        waker.wake();
        assert!(poll(&one) && polls.get() == 4);
    }

    #[tokio::test]
    async fn no_wake_up_is_lost_between_threads() {
        const MANY: usize = 20_000;
        let told = Arc::new((AtomicUsize::new(0), tokio::sync::Notify::new()));
        let teller = {
            let told = told.clone();
            std::thread::spawn(move || {
                for _ in 0..MANY {
                    told.0.fetch_add(1, Ordering::SeqCst);
                    told.1.notify_one();
                }
            })
        };
        let until_all = async {
            while told.0.load(Ordering::SeqCst) < MANY {
                told.1.notified().await;
            }
        };
        let minute = std::time::Duration::from_secs(60);
        tokio::time::timeout(minute, Branch::new(pin!(until_all))).await.unwrap();
        teller.join().unwrap();
    }
}
