//! One request being handled.

mod watching;

use crate::incoming_call::IncomingCall;
use crate::methods::Method;
use crate::place::Place;
use crate::refusal::Refusal;
use crate::remote;
use crate::running::Running;
use crate::value::shorten;
use bytes::Bytes;
use libfast_balance::Moment;
use libfast_model::{Error, ErrorKind, RemoteError, Result};
use libfast_protocol::json;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::Cell;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use watching::Ending;
pub(crate) use watching::Watch;

/// One request, to be answered with any number of values and exactly one end or error, from any thread, at any time.
///
/// Clones are the same request. If all are dropped without an end, the caller gets the error `HandlerDropped`.
pub struct Request(Arc<Running>);

thread_local! {
    /// The text of the value that is being sent.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// Bytes that were sent and not yet counted.
    static UNCOUNTED: Cell<usize> = const { Cell::new(0) };
    /// When they were counted last.
    static COUNTED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The largest text whose memory is kept for the next.
const SCRATCH_BYTES: usize = 16 * 1024;
/// Units of which a task of tokio has a turn's worth.
const TURN: usize = 128;
/// After 64 KiB, a tenth of a millisecond, others are next. A call that comes while a hundred streams begin waits for a turn of each.
/// What a turn sends leaves in one write, so turns that are shorter than that are dear.
const BYTES_PER_TURN: usize = 64 * 1024;
/// Bytes that are counted at once.
const BYTES_PER_LOOK: usize = 4096;
/// What each value takes beside its bytes, in the time that one takes.
const BYTES_PER_VALUE: usize = 40;
/// Who takes long to make values has shorter turns.
const LONGEST_TURN: Duration = Duration::from_millis(1);

impl Request {
    /// The first handle of a request.
    pub(crate) fn new(running: Arc<Running>) -> Self {
        Self(running)
    }

    /// Gives it to the handler of its method, unless an interceptor keeps it. One that waited is not run if its caller does not wait any more.
    pub(crate) fn run(self, method: &Method, has_waited: bool) {
        if has_waited && (self.is_cancelled() || self.end_if_expired()) {
            return;
        }
        match self.0.connection.interceptors() {
            None => method.run(self),
            Some(chain) => IncomingCall::pass(self, &chain, |request| method.run(request)),
        }
    }

    /// As [`run`](Self::run), for one that waited for its turn.
    pub(crate) fn run_at_last(self) {
        let running = self.0.clone();
        self.run(running.method(), true);
    }

    /// The name of the method.
    pub fn method(&self) -> &str {
        &self.0.method().name
    }

    /// The id of the request on its connection.
    pub fn id(&self) -> u32 {
        self.0.id
    }

    /// The caller's address.
    pub fn peer(&self) -> &str {
        self.0.connection.peer()
    }

    /// Until when the caller waits for the answer, if it says so. The way of the request to this server is not counted.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    /// How long the caller goes on waiting, if it says so; zero once it has stopped. Give it to the calls that the answer
    /// depends on.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Answers the request with the error `FastDeadlineExceeded` if its caller has stopped waiting; true if so. Requests are
    /// looked at in this way before their handlers run: for programs that keep them waiting themselves.
    pub fn end_if_expired(&self) -> bool {
        let is_expired = self.0.is_expired();
        if is_expired {
            self.refuse(Refusal::Expired);
        }
        is_expired
    }

    /// When it came.
    pub(crate) fn came(&self) -> Moment {
        self.0.start.moment()
    }

    /// Its place among those that run.
    pub(crate) fn place(&self) -> &Place {
        &self.0.place
    }

    /// Answers it with why it is not run.
    pub(crate) fn refuse(&self, why: Refusal) {
        // Whoever else has answered it, or is gone, needs no answer.
        let connection = &self.0.connection;
        let sent = connection.refuse(&self.0, why);
        self.tell_end(&Ending::Error(connection.refusal(why)), &sent);
    }

    /// The arguments as the text of a JSON array.
    pub fn args_text(&self) -> &Bytes {
        &self.0.args
    }

    /// The arguments, parsed, usually as a tuple.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.0.args).map_err(|error| {
            let text = String::from_utf8_lossy(&self.0.args);
            let message = format!("bad arguments {} for {:?}: {error}", shorten(&text), self.method());
            Error::new(ErrorKind::Invalid, message)
        })
    }

    /// Sends one value, then waits while the caller is slow. Fails with `Closed` if the caller is gone and with `State`
    /// after the end. Cancel safe: the value is sent or queued before it first waits.
    pub async fn send(&self, value: &impl Serialize) -> Result<()> {
        let (more, bytes) = self.send_value(value)?;
        self.pause(more, bytes).await;
        Ok(())
    }

    /// As [`send`](Self::send), with the JSON text of the value.
    pub async fn send_text(&self, text: &[u8]) -> Result<()> {
        let more = self.try_send_text(text)?;
        self.pause(more, text.len()).await;
        Ok(())
    }

    /// Sends one value without waiting. `Ok(false)`: it is queued, but the caller is slow; wait for
    /// [`writable`](Self::writable) before the next one. `Overload`: it was not queued, because more than
    /// `write_limit_bytes` wait already.
    pub fn try_send(&self, value: &impl Serialize) -> Result<bool> {
        Ok(self.send_value(value)?.0)
    }

    /// As [`try_send`](Self::try_send), with the JSON text of the value.
    pub fn try_send_text(&self, text: &[u8]) -> Result<bool> {
        self.check(text)?;
        self.send_checked(text)
    }

    /// Ends the answer. A second end or error of the same request fails with `State`.
    pub fn end(&self) -> Result<()> {
        self.end_last(None)
    }

    /// Sends one last value and ends the answer. `Overload`: more than `write_limit_bytes` wait for the caller already;
    /// the request is as it was, wait for [`writable`](Self::writable).
    pub fn end_with(&self, value: &impl Serialize) -> Result<()> {
        self.end_last(Some(&self.to_json(value)?))
    }

    /// As [`end_with`](Self::end_with), with the JSON text of the value.
    pub fn end_text(&self, text: &[u8]) -> Result<()> {
        self.check(text)?;
        self.end_last(Some(text))
    }

    /// Ends the answer with an error. Its info must be the text of a JSON object, its context and `ase_errors` of any JSON
    /// value; or empty.
    pub fn fail(&self, error: &RemoteError) -> Result<()> {
        let sent = self.0.connection.fail(&self.0, error);
        self.tell_end(&Ending::Error(error), &sent);
        sent
    }

    /// True once the caller is gone or the server is stopping: nobody waits for the answer any more.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// True once it was answered with an end or an error.
    pub fn is_ended(&self) -> bool {
        self.0.is_ended()
    }

    /// True once the caller has ended its side of the connection. It may be gone, which shows when something is sent to
    /// it; or it reads on and waits for the answer, which is why this does not cancel the request.
    pub fn is_half_closed(&self) -> bool {
        self.0.is_half_closed()
    }

    /// Waits until the caller has ended its side of the connection, or is gone. Cancel safe.
    pub async fn half_closed(&self) {
        std::future::poll_fn(|cx| self.0.poll_half_closed(cx)).await;
    }

    /// Waits until the request is cancelled. Cancel safe.
    pub async fn cancelled(&self) {
        std::future::poll_fn(|cx| self.poll_cancelled(cx)).await;
    }

    /// Waits until the caller has taken enough for more values to be sent, or is gone. Cancel safe.
    pub async fn writable(&self) {
        std::future::poll_fn(|cx| self.poll_writable(cx)).await;
    }

    /// The poll form of [`cancelled`](Self::cancelled).
    pub fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<()> {
        self.0.poll_cancelled(cx)
    }

    /// The poll form of [`writable`](Self::writable).
    pub fn poll_writable(&self, cx: &Context<'_>) -> Poll<()> {
        self.0.connection.poll_writable(cx)
    }

    /// Finishes a handler that returned: sends its value, its error, or just the end if it sent none itself. Waits while
    /// the caller is very slow.
    pub(crate) async fn finish(&self, result: Result<Vec<u8>>) {
        let sent = match result {
            _ if self.is_ended() => Ok(()),
            Ok(json) if json == b"null" => self.end_last(None),
            Ok(json) => loop {
                match self.end_last(Some(&json)) {
                    Err(error) if error.kind() == ErrorKind::Overload => self.writable().await,
                    sent => break sent,
                }
            },
            Err(error) => self.fail(&remote::to_wire(&error)),
        };
        // The caller may be gone by now. A value that is too large must still end the call.
        if let Err(error) = sent {
            let _ = self.fail(&remote::to_wire(&error));
        }
    }

    /// Gives the length of the value, too.
    fn send_value(&self, value: &impl Serialize) -> Result<(bool, usize)> {
        // Taken, not borrowed: the value's own code may send, too.
        let mut json = SCRATCH.take();
        json.clear();
        let sent = self.write_json(&mut json, value).and_then(|()| self.send_checked(&json));
        let bytes = json.len();
        if json.capacity() <= SCRATCH_BYTES {
            SCRATCH.set(json);
        }
        Ok((sent?, bytes))
    }

    async fn pause(&self, more: bool, bytes: usize) {
        if !more {
            self.writable().await;
        }
        // To a quick caller it would never wait: others must get their turn nevertheless.
        let sent = UNCOUNTED.get() + bytes + BYTES_PER_VALUE;
        UNCOUNTED.set(sent % BYTES_PER_LOOK);
        if sent < BYTES_PER_LOOK {
            return;
        }
        let took = COUNTED.get().map_or(Duration::ZERO, |last| last.elapsed());
        let sent = (sent / BYTES_PER_LOOK).saturating_mul(BYTES_PER_LOOK * TURN / BYTES_PER_TURN);
        for _ in 0..if took < LONGEST_TURN { sent } else { sent.max(TURN) } {
            tokio::task::consume_budget().await;
        }
        // Others may have had their turn meanwhile.
        COUNTED.set(Some(Instant::now()));
    }

    fn send_checked(&self, text: &[u8]) -> Result<bool> {
        let more = self.0.connection.send(&self.0, text)?;
        self.tell_value(text);
        Ok(more)
    }

    fn end_last(&self, last: Option<&[u8]>) -> Result<()> {
        let sent = self.0.connection.end(&self.0, last);
        self.tell_end(&Ending::Value(last), &sent);
        sent
    }

    pub(crate) fn max_depth(&self) -> usize {
        self.0.connection.max_depth()
    }

    fn to_json(&self, value: &impl Serialize) -> Result<Vec<u8>> {
        let mut json = Vec::new();
        self.write_json(&mut json, value)?;
        Ok(json)
    }

    fn write_json(&self, json: &mut Vec<u8>, value: &impl Serialize) -> Result<()> {
        serde_json::to_writer(json, value)
            .map_err(|error| self.invalid(&format!("a value cannot be written as JSON: {error}")))
    }

    fn check(&self, text: &[u8]) -> Result<()> {
        json::check_value(text, self.0.connection.max_depth())
            .map_err(|error| self.invalid(&format!("a value is no valid JSON: {error}")))
    }

    fn invalid(&self, why: &str) -> Error {
        Error::new(ErrorKind::Invalid, format!("answer of {:?}: {why}", self.method()))
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({:?}, {} from {})", self.method(), self.id(), self.0.connection.peer())
    }
}

impl Clone for Request {
    fn clone(&self) -> Self {
        self.0.add_handle();
        Self(self.0.clone())
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.0.drop_handle() {
            return;
        }
        if !self.is_ended() {
            let message = format!("the handler of {:?} ended without an answer", self.method());
            let error = RemoteError::new("HandlerDropped", message);
            // The caller may be gone, which is no concern of a handler that is gone as well.
            let _ = self.fail(&error);
        }
        // One that was cancelled at the moment of its turn could not be answered.
        self.0.connection.leave(&self.0, false);
    }
}
