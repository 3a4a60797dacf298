//! Completion queues.

use crate::code::{self, fast_code};
use crate::dispatcher::{Dispatcher, MOST_THREADS, UserData, fast_event_fn, fast_free_fn};
use crate::error::fast_error;
use crate::event::fast_event;
use crate::guard::{coded, free, made, null, object, quiet};
use libfast_embed::Queue;
use libfast_model::{Error, ErrorKind};
use std::ffi::c_void;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Where completions and requests wait until the program takes them. One per event loop or polling thread.
pub struct fast_queue {
    queue: Arc<Queue>,
    dispatcher: Mutex<Option<Dispatcher>>,
}

impl fast_queue {
    pub(crate) fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    fn dispatcher(&self) -> MutexGuard<'_, Option<Dispatcher>> {
        self.dispatcher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for fast_queue {
    fn drop(&mut self) {
        self.queue.close();
        // Joined without the lock, which a callback that still runs may want.
        let dispatcher = self.dispatcher().take();
        if let Some(dispatcher) = dispatcher {
            dispatcher.join();
        }
    }
}

/// A queue. NULL on failure.
///
/// # Safety
/// `err` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_queue_new(err: *mut *mut fast_error) -> *mut fast_queue {
    // SAFETY: as documented.
    unsafe {
        made(err, || {
            Ok(Box::into_raw(Box::new(fast_queue { queue: Queue::new(), dispatcher: Mutex::new(None) })))
        })
    }
}

/// A descriptor that is readable while events wait. Watch it (level or edge triggered), do not read or close it. Negative: a
/// code.
///
/// # Safety
/// `queue` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_queue_fd(queue: *const fast_queue) -> i32 {
    // SAFETY: as documented; no error object is asked for.
    unsafe { coded(std::ptr::null_mut(), || object(queue, "queue")?.queue.fd()) }
}

/// Takes at most `max` events into `out`, waiting at most `timeout_ms` for the first (0: not at all, -1: for ever). Returns
/// their number, or a negative code. After use release them with `fast_events_release()`. One thread at a time.
///
/// # Safety
/// `queue` is NULL or live; `out` points to `max` writable events.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_queue_poll(
    queue: *mut fast_queue,
    out: *mut fast_event,
    max: usize,
    timeout_ms: i64,
) -> i64 {
    // SAFETY: as documented; no error object is asked for.
    let code = unsafe {
        coded(std::ptr::null_mut(), || {
            let queue = object(queue, "queue")?;
            if out.is_null() {
                return Err(null("out"));
            }
            if let Some(dispatcher) = &*queue.dispatcher() {
                let kind = if dispatcher.is_current() { ErrorKind::Deadlock } else { ErrorKind::State };
                return Err(Error::new(kind, "the queue has a dispatcher, which takes all its events"));
            }
            let wait = (timeout_ms >= 0).then(|| Duration::from_millis(timeout_ms as u64));
            // More than this at once has no use, and the count has to fit a code.
            let events = queue.queue.poll(max.min(65_536), wait)?;
            let count = events.len();
            for (i, event) in events.into_iter().enumerate() {
                out.add(i).write(fast_event::new(event));
            }
            Ok(count as fast_code)
        })
    };
    code.into()
}

/// Makes a waiting or the next poll return a FAST_EV_WAKE event.
///
/// # Safety
/// `queue` is NULL or live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_queue_wake(queue: *mut fast_queue) {
    // SAFETY: as documented.
    quiet((), || unsafe { queue.as_ref() }.map(|queue| queue.queue.wake()));
}

/// Lets `threads` threads of the library's own call `callback` for every event. It may block and may call any function but
/// `fast_queue_free()` and `fast_queue_poll()` on this queue, and `fast_shutdown()`; it must not let an exception out. Events of
/// calls with one tag, and of requests with one id, stay in order and do not overlap. These threads block all signals. The
/// event is released when the callback returns. `free_user_data`, if not NULL, runs
/// once, after the last callback. Once per queue; FAST_E_STATE after that.
///
/// # Safety
/// `queue` is NULL or live; `callback` and `free_user_data` may be called from any thread with `user_data`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_queue_dispatch(
    queue: *mut fast_queue,
    threads: u32,
    callback: fast_event_fn,
    user_data: *mut c_void,
    free_user_data: fast_free_fn,
    err: *mut *mut fast_error,
) -> fast_code {
    // SAFETY: as documented.
    unsafe {
        coded(err, || {
            let queue = object(queue, "queue")?;
            let callback = callback.ok_or_else(|| null("callback"))?;
            if !(1..=MOST_THREADS).contains(&threads) {
                let message = format!("`threads` is {threads}; use 1 to {MOST_THREADS}");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            let mut dispatcher = queue.dispatcher();
            if dispatcher.is_some() {
                return Err(Error::new(ErrorKind::State, "the queue has a dispatcher already"));
            }
            let user_data = UserData::new(user_data, free_user_data);
            *dispatcher = Some(Dispatcher::start(queue.queue.clone(), threads, callback, user_data)?);
            Ok(code::OK)
        })
    }
}

/// Frees a queue: no callback starts after this returns, and it waits for those that run. Calls to it go on unheard; requests
/// that wait in it are answered as HandlerDropped. Does nothing on a dispatcher thread of the same queue, which would wait for
/// itself.
///
/// # Safety
/// `queue` is NULL or live, not used afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fast_queue_free(queue: *mut fast_queue) {
    // SAFETY: as documented.
    unsafe {
        let own = quiet(false, || {
            queue.as_ref().map(|q| q.dispatcher().as_ref().is_some_and(Dispatcher::is_current))
        });
        if !own {
            free(queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;

    static BEGUN: AtomicBool = AtomicBool::new(false);

    /// Polls until it is told that the queue is closed. Until then it is told that it may not.
    unsafe extern "C" fn poll_until_closed(user_data: *mut c_void, _event: *mut fast_event) {
        BEGUN.store(true, Ordering::Release);
        let mut out = std::mem::MaybeUninit::<fast_event>::uninit();
        // SAFETY: the queue is freed only after this returns, and nothing is written without an event.
        while unsafe { fast_queue_poll(user_data.cast(), out.as_mut_ptr(), 1, 0) }
            != i64::from(ErrorKind::Closed.code())
        {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_callback_that_uses_its_queue_does_not_hold_up_its_end() {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            // SAFETY: one queue, used until it is freed.
            unsafe {
                let queue = fast_queue_new(std::ptr::null_mut());
                let callback: fast_event_fn = Some(poll_until_closed);
                fast_queue_dispatch(queue, 1, callback, queue.cast(), None, std::ptr::null_mut());
                fast_queue_wake(queue);
                while !BEGUN.load(Ordering::Acquire) {
                    std::thread::yield_now();
                }
                fast_queue_free(queue);
            }
            sender.send(())
        });
        receiver.recv_timeout(Duration::from_secs(20)).expect("the queue is freed");
    }
}
