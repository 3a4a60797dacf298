//! What a client asks the server itself, beside its calls: to tell before it stops, and whether it is there.

use super::{Connection, Shared, State};
use crate::clock;
use crate::reserved::{News, PING, ServerState, WATCH};
use libfast_balance::Load;
use libfast_protocol::Values;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;
use std::time::{Duration, Instant};

/// In the place of an inbox's key.
const WATCHING: usize = usize::MAX;
const PINGING: usize = usize::MAX - 1;

/// What is known of the server of one connection from its own words.
#[derive(Debug)]
pub(super) struct Peer {
    load: Arc<Load>,
    /// It was not asked yet, and is to be, with these arguments.
    wants_watch: Option<String>,
    watching: bool,
    /// It understands what libfast adds to the protocol, and answers at once, unless it is gone or stands still.
    pub is_known: bool,
    /// It said that it is about to stop.
    drains: bool,
    /// It said anything of that kind since that was last passed on.
    is_told: bool,
    /// It wants the connection to be closed as soon as no call needs it.
    pub leaves: bool,
    /// When it was asked whether it is there, if it has not answered; as long as that is on its way, when anything moved last.
    pinged: Option<Instant>,
    /// Where that question ends in the stream of bytes, and how much of the stream its system had at the last look before it had
    /// the question.
    question_end: u64,
    arrived: u64,
    /// How often it was looked for the answer in vain.
    looks: u32,
    /// Something came since the last look.
    pub heard: bool,
    /// Since when nothing has come although calls wait.
    silent_since: Instant,
}

/// When to ask a server whether it is there, and when to give it up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    pub silence: Duration,
    pub answer: Duration,
    /// Least silence that is odd, if it is long for this server.
    pub odd: Duration,
}

/// A server that has not answered whether it is there at so many looks is doubtful. Looks and not time: to a process that
/// stood still itself, all others were silent.
const LOOKS: u32 = 5;

impl Peer {
    pub fn new(load: Arc<Load>, wants_watch: Option<String>) -> Self {
        Self {
            load,
            wants_watch,
            watching: false,
            is_known: false,
            drains: false,
            is_told: false,
            leaves: false,
            pinged: None,
            question_end: 0,
            arrived: 0,
            looks: 0,
            heard: false,
            silent_since: Instant::now(),
        }
    }

    /// How many of the requests under way are no calls.
    pub fn own(&self) -> usize {
        usize::from(self.watching) + usize::from(self.pinged.is_some())
    }

    /// Values of a request that is no call.
    pub fn told(&mut self, key: usize, values: &Values) {
        if key != WATCHING {
            return;
        }
        for value in values {
            // Others may answer anything to a method that they do not know.
            let Ok(News { state }) = serde_json::from_slice(&value) else { continue };
            self.is_known = true;
            match state {
                ServerState::Draining => self.drains = true,
                ServerState::Serving => self.drains = false,
                // It may say more one day.
                ServerState::Unknown => continue,
            }
            self.is_told = true;
        }
    }

    /// It took some of what waited to be sent.
    pub fn took(&self, now: Instant) {
        self.load.took(clock::moment(now));
    }

    /// A request that is no call is over.
    pub fn answered(&mut self, key: usize, ok: bool) {
        match key {
            WATCHING => {
                self.watching = false;
                self.leaves = ok && self.is_known;
            }
            _ => {
                self.pinged = None;
                // Also one who answers that there is no such method is there.
                self.load.ping_answered(clock::moment(Instant::now()));
            }
        }
    }
}

impl State {
    /// How many calls wait for an answer.
    pub(super) fn calls(&self) -> usize {
        self.wire.pending() - self.peer.own()
    }

    /// The wakers of all who wait for an answer.
    fn take_wakers(&mut self) -> Vec<Waker> {
        self.inboxes.iter_mut().filter_map(|(_, inbox)| inbox.waker.take()).collect()
    }

    /// Waits for no answers but those to calls, now that the connection has ended.
    pub(super) fn forget_own(&mut self) {
        let own: Vec<u32> = self.wire.calls().filter(|(_, key)| **key >= PINGING).map(|(id, _)| id).collect();
        own.into_iter().for_each(|id| _ = self.wire.abandon(id));
        let peer = &mut self.peer;
        (peer.watching, peer.pinged, peer.wants_watch) = (false, None, None);
    }
}

impl Connection {
    /// Whether the server has said over it that it is about to stop.
    pub fn is_draining(&self) -> bool {
        self.0.lock().peer.drains
    }
}

impl Shared {
    /// Waits until the server wants the connection to be closed as soon as no call needs it.
    pub async fn asked_to_leave(&self) {
        self.leaving.notified().await;
    }

    /// Waits until the server says whether it is about to stop.
    pub async fn told(&self) {
        self.told.notified().await;
    }

    /// Whether calls to the endpoint timed out and nothing came since.
    pub fn is_in_doubt(&self) -> bool {
        self.lock().peer.load.wants_ping()
    }

    /// After something was read.
    pub(super) fn heard(&self, state: &mut State) {
        state.peer.heard = true;
        if self.doubtful.load(Relaxed) {
            self.doubtful.store(false, Relaxed);
        }
        if let Some(args) = state.peer.wants_watch.take() {
            state.peer.watching = self.ask(state, WATCH, &args, WATCHING);
        }
        if std::mem::take(&mut state.peer.is_told) {
            self.told.notify_one();
        }
        if state.peer.leaves {
            self.leaving.notify_one();
        }
    }

    /// Asks the server whether it is there, if that is in doubt, and ends the connection if it has not answered in time. To be
    /// called every now and then; `stood_still` tells that this process did, which then knows nothing of the server. True: something
    /// is awaited from it, so that the next look should come soon.
    pub fn look_after(&self, now: Instant, patience: Patience, stood_still: bool) -> bool {
        let mut state = self.lock();
        if self.failure.get().is_some() {
            return false;
        }
        let has_calls = state.calls() > 0;
        let is_read = state.full == 0;
        let is_moving = self.is_question_moving(&mut state);
        let peer = &mut state.peer;
        let knows_nothing = std::mem::take(&mut peer.heard) || stood_still || !is_read;
        if knows_nothing {
            peer.silent_since = now;
        }
        if knows_nothing || is_moving {
            peer.pinged = peer.pinged.map(|_| now);
            peer.looks = 0;
            self.doubtful.store(false, Relaxed);
        }
        let wanted = peer.load.wants_ping();
        if !has_calls {
            peer.silent_since = now;
        }
        let silent = now.duration_since(peer.silent_since);
        let moment = clock::moment(now);
        let awaited = peer.load.silence(moment);
        // Each further question after as much time again: a call that takes long costs few.
        let is_odd =
            peer.load.is_oddly_silent(moment, patience.odd) && silent >= patience.odd.max(awaited / 2);
        // It may have been asked early.
        let is_final = wanted || silent >= patience.silence + patience.answer;
        match peer.pinged {
            Some(since) if now.duration_since(since) >= patience.answer && is_final => {
                peer.load.ping_failed();
                // One that never answered such a question may be busy with something else.
                if has_calls && peer.is_known {
                    let limit = patience.answer.as_millis();
                    let why =
                        format!("the server does not answer, not even whether it is there, for {limit} ms");
                    self.give_up(&mut state, self.lost(why));
                }
            }
            Some(_) => {
                peer.looks += 1;
                if peer.is_known && peer.looks == LOOKS {
                    self.doubtful.store(true, Relaxed);
                    let wakers = state.take_wakers();
                    drop(state);
                    wakers.into_iter().for_each(Waker::wake);
                }
            }
            None => {
                let is_silent = peer.is_known && (is_odd || silent >= patience.silence);
                if (wanted || is_silent) && self.ask(&mut state, PING, "[]", PINGING) {
                    let question_end = state.queued;
                    let peer = &mut state.peer;
                    (peer.pinged, peer.looks) = (Some(now), 0);
                    (peer.question_end, peer.arrived) = (question_end, 0);
                }
            }
        }
        !awaited.is_zero()
    }

    /// Whether the server cannot have heard the question yet, as that is still on its way behind other output, and something of all
    /// this arrived since the last look. Once it has arrived only an answer counts: the system of a server that stands still takes
    /// small requests for a long time.
    fn is_question_moving(&self, state: &mut State) -> bool {
        let peer = &mut state.peer;
        if peer.pinged.is_none() || peer.arrived >= peer.question_end {
            return false;
        }
        let arrived = state.written.saturating_sub(self.socket.unsent());
        std::mem::replace(&mut peer.arrived, arrived) < arrived
    }

    /// False if the request cannot be sent.
    fn ask(&self, state: &mut State, method: &str, args: &str, key: usize) -> bool {
        let uts = state.clock.micros(Instant::now());
        let before = state.wire.transmit_bytes();
        if state.wire.start_call(uts, method, args.as_bytes(), key).is_err() {
            return false;
        }
        state.queued += (state.wire.transmit_bytes() - before) as u64;
        if !state.write_blocked {
            self.flush(state);
        }
        true
    }
}
