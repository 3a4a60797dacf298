//! One request that runs, as its handler and its connection share it.

use crate::clock::Start;
use crate::methods::{Method, MethodKey};
use crate::place::Place;
use crate::request::Watch;
use crate::server_connection::ServerConnection;
use crate::wakers::Wakers;
use bytes::Bytes;
use libfast_model::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

pub(crate) struct Running {
    /// Which keeps it too, until it ends or the connection is closed.
    pub connection: Arc<ServerConnection>,
    /// Its id on its connection.
    pub id: u32,
    method: MethodKey,
    /// The text of a JSON array, a slice of what was read.
    pub args: Bytes,
    pub start: Start,
    /// Until when its caller waits, if it says so.
    pub deadline: Option<Instant>,
    pub place: Place,
    /// The interceptors that want to know what becomes of it.
    pub watch: OnceLock<Box<Watch>>,
    /// Those of the program.
    handles: AtomicUsize,
    /// Written under the lock of the connection.
    ended: AtomicBool,
    cancelled: AtomicBool,
    half_closed: AtomicBool,
    waiting: Wakers,
    waiting_for_half_close: Wakers,
}

impl Running {
    /// A request that is about to be handed to its handler, with one handle.
    pub fn new(
        connection: Arc<ServerConnection>,
        id: u32,
        method: MethodKey,
        args: Bytes,
        start: Start,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            connection,
            id,
            method,
            args,
            start,
            deadline,
            place: Place::default(),
            watch: OnceLock::new(),
            handles: AtomicUsize::new(1),
            ended: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            half_closed: AtomicBool::new(false),
            waiting: Wakers::default(),
            waiting_for_half_close: Wakers::default(),
        }
    }

    /// One more handle is made of one that there is.
    pub fn add_handle(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// A handle is dropped. True if it was the last.
    pub fn drop_handle(&self) -> bool {
        // Nobody can make another while one holds the only one, so that need not be written.
        self.handles.load(Ordering::Acquire) == 1 || self.handles.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Whether it was answered with an end or an error, or can be no more.
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// To be called under the lock of its connection.
    pub fn set_ended(&self) {
        self.ended.store(true, Ordering::Release);
    }

    #[cold]
    pub fn ended_already(&self) -> Error {
        let (id, method) = (self.id, &self.method().name);
        Error::new(ErrorKind::State, format!("request {id} ({method:?}) was ended before"))
    }

    pub fn method(&self) -> &Arc<Method> {
        self.connection.method(self.method)
    }

    /// How long it has run by `now`.
    pub fn took(&self, now: Instant) -> Duration {
        self.start.until(now).saturating_sub(self.place.waited())
    }

    /// Whether its caller has stopped waiting. Reads the clock if its caller says how long it waits.
    pub fn is_expired(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= Instant::now())
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<()> {
        self.waiting.register(cx);
        if self.is_cancelled() { Poll::Ready(()) } else { Poll::Pending }
    }

    pub fn is_half_closed(&self) -> bool {
        self.half_closed.load(Ordering::Acquire) || self.is_cancelled()
    }

    pub fn poll_half_closed(&self, cx: &Context<'_>) -> Poll<()> {
        self.waiting_for_half_close.register(cx);
        if self.is_half_closed() { Poll::Ready(()) } else { Poll::Pending }
    }

    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.waiting.wake_all();
        self.waiting_for_half_close.wake_all();
    }

    pub fn half_close(&self) {
        self.half_closed.store(true, Ordering::Release);
        self.waiting_for_half_close.wake_all();
    }
}
