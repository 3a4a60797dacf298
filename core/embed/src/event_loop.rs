//! A single-threaded runtime that is driven by whoever has time for it.
//!
//! To hand a call to another thread and its answer back takes longer than the call itself. So a thread that makes one
//! blocking call after the other drives the loop while it waits: it writes, reads and runs the timers of all clients in it.
//! Otherwise a thread of the library does ([`Turns`] decides). Only one thread drives at a time; the others sleep until what
//! they wait for is there, or until it is their turn.

use crate::runtime::{block_all_signals, was_shut_down};
use crate::turns::Turns;
use libfast_model::{Error, ErrorKind, Result};
use std::future::poll_fn;
use std::mem::ManuallyDrop;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

pub(crate) struct EventLoop {
    runtime: ManuallyDrop<Runtime>,
    turns: Arc<Turns>,
    closed: AtomicBool,
    closing: Notify,
    /// How long its last user waits for threads that resolve host names.
    patience: Mutex<Duration>,
    /// Disconnects when the loop is gone.
    _alive: Sender<()>,
}

/// What ends a loop and its thread.
pub(crate) struct Ending {
    thread: JoinHandle<()>,
    gone: Receiver<()>,
}

impl EventLoop {
    /// A loop and its thread.
    pub fn start() -> Result<(Arc<Self>, Ending)> {
        let no_memory = |error: std::io::Error| {
            Error::new(ErrorKind::NoMemory, format!("the I/O thread cannot be started: {error}"))
        };
        let runtime = Builder::new_current_thread().enable_io().enable_time().build().map_err(no_memory)?;
        let (alive, gone) = channel();
        let event_loop = Arc::new(Self {
            runtime: ManuallyDrop::new(runtime),
            turns: Arc::default(),
            closed: AtomicBool::new(false),
            closing: Notify::new(),
            patience: Mutex::default(),
            _alive: alive,
        });
        let driven = event_loop.clone();
        let thread = thread::Builder::new().name("fast-io-client".into());
        let thread = thread.spawn(move || driven.drive()).map_err(no_memory)?;
        Ok((event_loop, Ending { thread, gone }))
    }

    /// What a client is made in.
    pub fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// The account of who needs the library's thread.
    pub fn turns(&self) -> &Arc<Turns> {
        &self.turns
    }

    /// Polls until it is ready or `until` passes; `None` then. The thread drives the loop meanwhile, or sleeps if another
    /// does. `None` also when the loop ends, after one more poll.
    pub fn wait<T>(
        &self,
        until: Option<Instant>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Option<T> {
        libfast_rpc::write_burst();
        // Who only looks sees what has arrived, and is no reason for the library's thread to stay away.
        let looks = until.is_some_and(|until| until <= Instant::now());
        let _waiting = (!looks).then(|| self.turns.wait());
        let limit = async {
            match until {
                None => std::future::pending().await,
                Some(until) if !looks => tokio::time::sleep_until(until.into()).await,
                Some(_) => {
                    for _ in 0..LOOKS {
                        tokio::task::yield_now().await;
                    }
                }
            }
        };
        self.runtime.block_on(async {
            let (mut limit, mut closing) = (pin!(limit), pin!(self.closing.notified()));
            closing.as_mut().enable();
            let mut is_closing = self.closed.load(Ordering::SeqCst);
            poll_fn(|cx| {
                is_closing = is_closing || closing.as_mut().poll(cx).is_ready();
                match poll(cx) {
                    Poll::Ready(value) => Poll::Ready(Some(value)),
                    Poll::Pending if is_closing => Poll::Ready(None),
                    Poll::Pending => limit.as_mut().poll(cx).map(|()| None),
                }
            })
            .await
        })
    }

    /// Drives the loop, or sleeps, until `future` is ready. Fails if the library is shut down meanwhile.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        let mut future = pin!(future);
        self.wait(None, |cx| future.as_mut().poll(cx)).ok_or_else(was_shut_down)
    }

    /// What the library's thread does.
    fn drive(self: Arc<Self>) {
        block_all_signals();
        while self.turns.rest() {
            self.runtime.block_on(self.turns.until_dispensable());
        }
    }

    fn close(&self, patience: Duration) {
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner) = patience;
        self.turns.close();
        self.closed.store(true, Ordering::SeqCst);
        self.closing.notify_waiters();
    }
}

/// Polls after which all that had arrived is handed out.
const LOOKS: usize = 3;

impl Drop for EventLoop {
    fn drop(&mut self) {
        let patience = *self.patience.get_mut().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: taken once, here, and not used afterwards.
        unsafe { ManuallyDrop::take(&mut self.runtime) }.shutdown_timeout(patience);
    }
}

impl Ending {
    /// Ends `event_loop` and joins its thread, waiting at most `timeout` for those who are in it.
    pub fn end(self, event_loop: Arc<EventLoop>, timeout: Duration) {
        event_loop.close(timeout);
        drop(event_loop);
        // The last who leaves drops all that the loop has.
        if self.gone.recv_timeout(timeout) == Err(RecvTimeoutError::Disconnected) {
            let _ = self.thread.join();
        }
    }
}
