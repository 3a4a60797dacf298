//! Waiting on the caller's own thread.

use crate::runtime;
use libfast_model::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Instant;

/// Polls until it is ready or `deadline` passes; `None` then. The thread sleeps in between, by its own clock, so a busy
/// runtime cannot keep it longer.
pub(crate) fn wait<T>(
    deadline: Option<Instant>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    libfast_rpc::write_burst();
    let parker = Arc::new(Parker { thread: std::thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(parker.clone());
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = poll(&mut cx) {
            return Some(value);
        }
        while !parker.woken.swap(false, Ordering::AcqRel) {
            match deadline {
                None => std::thread::park(),
                Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                    Some(left) if !left.is_zero() => std::thread::park_timeout(left),
                    _ => return None,
                },
            }
        }
    }
}

/// As [`wait`] for a future without a time limit of its own, within the process's runtime. Fails if that is shut down
/// meanwhile: the timers of the future must not be polled then.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> Result<T> {
    let runtime = runtime::handle()?;
    let _context = runtime.enter();
    let life = runtime::life();
    let mut future = std::pin::pin!(future);
    loop {
        let polled = wait(None, |cx| match runtime::life() == life {
            true => future.as_mut().poll(cx).map(Ok),
            false => Poll::Ready(Err(runtime::was_shut_down())),
        });
        if let Some(value) = polled {
            return value;
        }
    }
}

struct Parker {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
