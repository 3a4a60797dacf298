//! Calls as foreign programs hold them: pulled one value at a time, or completed through a queue.

use crate::event::Event;
use crate::owned::Owned;
use crate::park;
use crate::queue::{Queue, Ready};
use bytes::{BufMut, Bytes, BytesMut};
use libfast_model::{Error, ErrorKind, Progress, Result};
use libfast_rpc::Call;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// A call whose values are pulled by a thread that may wait for them. Dropping it abandons the call.
pub struct PullCall(Owned<Mutex<Option<Call>>>);

/// What a pull yields.
#[derive(Debug)]
pub enum Next {
    /// The JSON text of the next value.
    Value(Bytes),
    /// There are no more values.
    End,
    /// Nothing came within the time given; the call goes on.
    Again,
}

impl PullCall {
    pub(crate) fn new(call: Call) -> Self {
        Self(Owned::new(Mutex::new(Some(call))))
    }

    /// The next value, waiting at most `wait` (`None`: as long as the call may take).
    pub fn next(&self, wait: Option<Duration>) -> Result<Next> {
        let mut slot = lock(&self.0)?;
        let Some(call) = &mut *slot else {
            return Err(abandoned());
        };
        let limit = wait.and_then(|wait| Instant::now().checked_add(wait));
        // The caller's clock ends the wait; a starved runtime cannot delay it.
        let until = [limit, call.deadline()].into_iter().flatten().min();
        let mut polled = park::wait(until, |cx| call.poll_next_value(cx));
        if polled.is_none() && until == call.deadline() {
            polled = park::wait(Some(Instant::now()), |cx| call.poll_next_value(cx));
        }
        match polled {
            None => Ok(Next::Again),
            Some(Some(Ok(value))) => Ok(Next::Value(value.into_bytes())),
            Some(None) => Ok(Next::End),
            Some(Some(Err(error))) => Err(error),
        }
    }

    /// All values that are still to come, as the JSON text of an array. `Ok(None)`: nothing new within `wait`; what came
    /// is kept in `array`, to be passed again.
    pub fn collect(&self, array: &mut BytesMut, wait: Option<Duration>) -> Result<Option<Bytes>> {
        let limit = wait.and_then(|wait| Instant::now().checked_add(wait));
        loop {
            let left = limit.map(|limit| limit.saturating_duration_since(Instant::now()));
            match self.next(left)? {
                Next::Value(value) => push_element(array, &value),
                Next::End => return Ok(Some(close_array(array))),
                Next::Again => return Ok(None),
            }
        }
    }

    /// Stops waiting. The server is not told and goes on; later pulls fail with `Abandoned`.
    pub fn abandon(&self) {
        if let Ok(mut call) = lock(&self.0) {
            call.take();
        }
    }
}

/// A call that completes through a queue.
pub struct QueuedCall {
    call: Owned<Mutex<Progressing>>,
    tag: u64,
    queue: Weak<Queue>,
    /// Set while it waits in the queue, so that it waits there once.
    queued: AtomicBool,
}

struct Progressing {
    call: Option<Call>,
    /// Values that may be handed out before the program grants more.
    credits: u64,
    /// For a collected call, the array so far.
    collected: Option<BytesMut>,
}

impl QueuedCall {
    /// `window` is how many values are handed out before more are granted; with `collect` all values come with the end
    /// instead.
    pub(crate) fn start(call: Call, queue: &Arc<Queue>, tag: u64, window: u64, collect: bool) -> Arc<Self> {
        let collected = collect.then(BytesMut::new);
        let progressing = Progressing { call: Some(call), credits: window, collected };
        let started = Arc::new(Self {
            call: Owned::new(Mutex::new(progressing)),
            tag,
            queue: Arc::downgrade(queue),
            queued: AtomicBool::new(false),
        });
        // The first poll happens on the program's thread, when it next polls the queue.
        started.wake_by_ref();
        started
    }

    /// Allows `credits` more values to be handed out.
    pub fn grant(self: &Arc<Self>, credits: u64) {
        if let Ok(mut progressing) = lock(&self.call) {
            progressing.credits = progressing.credits.saturating_add(credits);
        }
        self.wake_by_ref();
    }

    /// Stops waiting: the call is done with `Abandoned`, unless it is done already. The server is not told.
    pub fn abandon(self: &Arc<Self>) {
        let taken = lock(&self.call).ok().and_then(|mut progressing| progressing.call.take());
        if taken.is_some() {
            self.push(Ready::Event(Event::Done { tag: self.tag, values: None, error: Some(abandoned()) }));
        }
    }

    /// Moves at most `max` events into `events`. True: there are more.
    pub(crate) fn take(self: &Arc<Self>, max: usize, events: &mut Vec<Event>) -> bool {
        self.queued.store(false, Ordering::Release);
        let waker = Waker::from(self.clone());
        let mut cx = Context::from_waker(&waker);
        let Ok(mut locked) = lock(&self.call) else { return false };
        let progressing = &mut *locked;
        let tag = self.tag;
        for _ in 0..max {
            let Some(call) = &mut progressing.call else { return false };
            // Without credits only the end of its time is of interest.
            let starved = progressing.credits == 0 && progressing.collected.is_none();
            let polled = match starved {
                true => call.poll_deadline(&mut cx).map(|error| Some(Err(error))),
                false => call.poll_next_value(&mut cx),
            };
            match polled {
                Poll::Pending => return false,
                Poll::Ready(Some(Ok(value))) => {
                    let value = value.into_bytes();
                    match &mut progressing.collected {
                        Some(array) => push_element(array, &value),
                        None => {
                            progressing.credits -= 1;
                            events.push(Event::Data { tag, value });
                        }
                    }
                }
                Poll::Ready(end) => {
                    progressing.call = None;
                    let values = progressing.collected.as_mut().map(close_array);
                    let error = end.and_then(Result::err);
                    events.push(Event::Done { tag, values, error });
                    return false;
                }
            }
        }
        !self.queued.swap(true, Ordering::AcqRel)
    }

    fn push(&self, ready: Ready) {
        if let Some(queue) = self.queue.upgrade() {
            queue.push(ready);
        }
    }
}

impl Wake for QueuedCall {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.push(Ready::Call(self.clone()));
        }
    }
}

/// Whose value it is comes first: in a forked child the lock may stay closed for ever, as a thread of the parent had it.
fn lock<T>(owned: &Owned<Mutex<T>>) -> Result<MutexGuard<'_, T>> {
    Ok(owned.get()?.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

fn push_element(array: &mut BytesMut, value: &[u8]) {
    array.put_u8(if array.is_empty() { b'[' } else { b',' });
    array.put_slice(value);
}

fn close_array(array: &mut BytesMut) -> Bytes {
    if array.is_empty() {
        array.put_u8(b'[');
    }
    array.put_u8(b']');
    array.split().freeze()
}

fn abandoned() -> Error {
    Error::new(ErrorKind::Abandoned, "the call was abandoned by its caller").with_progress(Progress::Unknown)
}
