//! Calls as foreign programs hold them: pulled one value at a time, or completed through a queue.

use crate::event::Event;
use crate::event_loop::EventLoop;
use crate::gathered::{Gathered, close_array, push_element};
use crate::owned::Owned;
use crate::queue::{Queue, Ready};
use crate::runtime::was_shut_down;
use crate::turns::Noted;
use bytes::{Bytes, BytesMut};
use libfast_model::{Error, Result};
use libfast_rpc::{Call, Way};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LockResult, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// A call whose values are pulled by a thread that may wait for them. Dropping it abandons the call.
pub struct PullCall {
    /// The call, or why it is gone.
    call: Owned<Mutex<Result<Pulled>>>,
    abandoned: AtomicBool,
    /// Wakes the thread that waits for a value, which has the lock of the call.
    waiting: Mutex<Option<Waker>>,
}

struct Pulled {
    call: Call,
    /// Until its last value was pulled.
    noted: Option<Noted>,
    event_loop: Weak<EventLoop>,
}

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
    pub(crate) fn new(call: Call, noted: Noted, event_loop: Weak<EventLoop>) -> Self {
        let call = Owned::new(Mutex::new(Ok(Pulled { call, noted: Some(noted), event_loop })));
        Self { call, abandoned: AtomicBool::new(false), waiting: Mutex::new(None) }
    }

    /// The next value, waiting at most `wait` (`None`: as long as the call may take).
    pub fn next(&self, wait: Option<Duration>) -> Result<Next> {
        let pulled = self.pull(wait);
        self.drop_abandoned();
        pulled
    }

    fn pull(&self, wait: Option<Duration>) -> Result<Next> {
        let mut slot = unpoisoned(self.call.get()?.lock());
        let Pulled { call, noted, event_loop } = match &mut *slot {
            Ok(pulled) => pulled,
            Err(gone) => return Err(gone.clone()),
        };
        let mut poll = |cx: &mut Context<'_>| {
            // A shutdown wakes the call, too.
            if let Err(error) = self.call.get() {
                return Poll::Ready(Some(Err(error)));
            }
            let polled = call.poll_next_value(cx);
            if polled.is_pending() {
                *unpoisoned(self.waiting.lock()) = Some(cx.waker().clone());
                // After the waker is there, so that an abandonment either is seen here or wakes it.
                if self.abandoned.load(Ordering::SeqCst) {
                    return Poll::Ready(Some(Err(call.abandoned())));
                }
            }
            // A shutdown in the middle of this breaks the connection; that is not why the call failed.
            match (&polled, self.call.get()) {
                (Poll::Ready(Some(Err(_))), Err(error)) => Poll::Ready(Some(Err(error))),
                _ => polled,
            }
        };
        // What follows a first value has often come with it.
        let polled = match poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(polled) => Some(polled),
            Poll::Pending => {
                let until = wait.and_then(|wait| Instant::now().checked_add(wait));
                event_loop.upgrade().ok_or_else(was_shut_down)?.wait(until, poll)
            }
        };
        let next = match polled {
            None => return Ok(Next::Again),
            Some(Some(Ok(value))) => return Ok(Next::Value(value.into_bytes())),
            Some(Some(Err(error))) => Err(error),
            Some(None) => Ok(Next::End),
        };
        *noted = None;
        next
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

    /// Gathers all values that are still to come. `Ok(false)`: it goes on after `wait`. What came before an error is in
    /// `gathered`, too.
    pub fn buffer(&self, gathered: &mut Gathered, wait: Option<Duration>) -> Result<bool> {
        let limit = wait.and_then(|wait| Instant::now().checked_add(wait));
        loop {
            let left = limit.map(|limit| limit.saturating_duration_since(Instant::now()));
            match self.next(left)? {
                Next::Value(value) => gathered.add(value),
                Next::End => return Ok(true),
                Next::Again => return Ok(false),
            }
        }
    }

    /// Stops waiting, from any thread. The server is not told and goes on; a pull that waits and later ones fail with
    /// `Abandoned`.
    pub fn abandon(&self) {
        if self.call.get().is_err() {
            return;
        }
        self.abandoned.store(true, Ordering::SeqCst);
        if let Some(waiting) = unpoisoned(self.waiting.lock()).take() {
            waiting.wake();
        }
        self.drop_abandoned();
    }

    /// Where it went so far. Of a call that was abandoned only the error knows.
    pub fn way(&self) -> Result<Way> {
        let slot = unpoisoned(self.call.get()?.lock());
        Ok(slot.as_ref().map_or_else(|_| Way::default(), |pulled| pulled.call.way()))
    }

    /// Drops the call if it was abandoned, unless a thread is pulling: that one comes here afterwards.
    fn drop_abandoned(&self) {
        if let (true, Ok(call)) = (self.abandoned.load(Ordering::SeqCst), self.call.get())
            && let Ok(mut slot) = call.try_lock()
            && let Ok(pulled) = &*slot
        {
            *slot = Err(pulled.call.abandoned());
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

/// What of a call was taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// There is more, for which it has to be put into the queue.
    Some,
    /// What is there. It will come into the queue by itself, or is there.
    All,
    /// What came last.
    End,
}

struct Progressing {
    call: Option<Call>,
    /// Values that may be handed out before the program grants more.
    credits: u64,
    /// For a collected or buffered call, what came so far.
    gathered: Option<Gathered>,
    /// Where it went, once it has ended.
    way: Way,
}

impl QueuedCall {
    /// `window` is how many values are handed out before more are granted; with `gathered` they come with the end instead.
    pub(crate) fn start(
        call: impl FnOnce() -> Call,
        queue: &Arc<Queue>,
        tag: u64,
        window: u64,
        gathered: Option<Gathered>,
    ) -> Arc<Self> {
        let (spent, is_closed) = queue.spent_call();
        let spent = spent.filter(|spent| spent.call.get().is_ok() && Arc::strong_count(spent) == 1);
        let mut started = spent.unwrap_or_else(|| Arc::new(Self::idle(queue)));
        Arc::get_mut(&mut started).expect("nobody else has it").begin(call(), tag, window, gathered);
        // Most calls have to wait now; only one that does not is worth waking the program for.
        let mut events = Vec::new();
        let taken = started.advance(1, &mut events, true);
        events.into_iter().for_each(|event| started.push(Ready::Event(event)));
        if taken == Taken::Some {
            started.push(Ready::Call(started.clone()));
        }
        if is_closed {
            started.let_go();
        }
        started
    }

    fn idle(queue: &Arc<Queue>) -> Self {
        let progressing = Progressing { call: None, credits: 0, gathered: None, way: Way::default() };
        let call = Owned::new(Mutex::new(progressing));
        Self { call, tag: 0, queue: Arc::downgrade(queue), queued: AtomicBool::new(false) }
    }

    fn begin(&mut self, call: Call, tag: u64, window: u64, gathered: Option<Gathered>) {
        self.tag = tag;
        *self.queued.get_mut() = false;
        let progressing = unpoisoned(self.call.get_mut().get_mut());
        progressing.call = Some(call);
        progressing.credits = window;
        progressing.gathered = gathered;
        progressing.way = Way::default();
    }

    /// Whether nobody else has it, nor can get it: more are only made of those there are.
    pub(crate) fn is_alone(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1
    }

    /// Allows `credits` more values to be handed out.
    pub fn grant(self: &Arc<Self>, credits: u64) {
        if let Ok(mut progressing) = self.lock() {
            progressing.credits = progressing.credits.saturating_add(credits);
        }
        self.wake_by_ref();
    }

    /// Stops waiting: the call is done with the error that is returned, unless it was done already. The server is not told.
    pub fn abandon(self: &Arc<Self>) -> Option<Error> {
        let mut progressing = self.lock().ok()?;
        let call = progressing.call.take()?;
        let error = call.abandoned();
        progressing.way = call.into_way();
        drop(progressing);
        let told = Some(error.clone());
        self.push(Ready::Event(Event::Done { tag: self.tag, values: None, error: told }));
        Some(error)
    }

    /// Where it went so far.
    pub fn way(&self) -> Result<Way> {
        let progressing = self.lock()?;
        Ok(progressing.call.as_ref().map_or_else(|| progressing.way.clone(), Call::way))
    }

    /// Moves at most `max` events into `events`.
    pub(crate) fn take(self: &Arc<Self>, max: usize, events: &mut Vec<Event>) -> Taken {
        self.advance(max, events, !self.is_alone())
    }

    /// As [`take`](Self::take). `is_held`: somebody may ask later where it went.
    fn advance(self: &Arc<Self>, max: usize, events: &mut Vec<Event>, is_held: bool) -> Taken {
        self.queued.store(false, Ordering::Release);
        // SAFETY: borrowed for as long as `self` is, and never dropped, so the references need not be counted.
        let waker = ManuallyDrop::new(Waker::from(unsafe { Arc::from_raw(Arc::as_ptr(self)) }));
        let mut cx = Context::from_waker(&waker);
        let Ok(mut locked) = self.lock() else { return Taken::All };
        let progressing = &mut *locked;
        let tag = self.tag;
        for _ in 0..max {
            let Some(call) = &mut progressing.call else { return Taken::End };
            // Without credits only the end of its time is of interest.
            let starved = progressing.credits == 0 && progressing.gathered.is_none();
            let polled = match starved {
                true => call.poll_deadline(&mut cx).map(|error| Some(Err(error))),
                false => call.poll_next_value(&mut cx),
            };
            match polled {
                Poll::Pending => return Taken::All,
                Poll::Ready(Some(Ok(value))) => {
                    let value = value.into_bytes();
                    match &mut progressing.gathered {
                        Some(gathered) => gathered.add(value),
                        None => {
                            progressing.credits -= 1;
                            events.push(Event::Data { tag, value });
                        }
                    }
                }
                Poll::Ready(end) => {
                    if is_held {
                        progressing.way = call.way();
                    }
                    progressing.call = None;
                    let values = progressing.gathered.take();
                    let error = end.and_then(Result::err);
                    events.push(Event::Done { tag, values, error });
                    return Taken::End;
                }
            }
        }
        match self.queued.swap(true, Ordering::AcqRel) {
            false => Taken::Some,
            true => Taken::All,
        }
    }

    /// Drops the call, because nobody can hear of its end.
    pub(crate) fn let_go(&self) {
        // Whoever has the lock sees to it: it is polling or abandoning the call.
        let taken = self.call.get().ok().and_then(|call| call.try_lock().ok()?.call.take());
        drop(taken);
    }

    /// Has the program look at it.
    fn line_up(self: Arc<Self>) {
        match self.queue.upgrade() {
            Some(queue) => queue.push(Ready::Call(self)),
            None => self.let_go(),
        }
    }

    fn push(&self, ready: Ready) {
        match self.queue.upgrade() {
            Some(queue) => queue.push(ready),
            None => ready.refuse(),
        }
    }

    fn lock(&self) -> Result<MutexGuard<'_, Progressing>> {
        Ok(unpoisoned(self.call.get()?.lock()))
    }
}

impl Wake for QueuedCall {
    fn wake(self: Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.line_up();
        }
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            self.clone().line_up();
        }
    }
}

fn unpoisoned<T>(locked: LockResult<T>) -> T {
    locked.unwrap_or_else(PoisonError::into_inner)
}
