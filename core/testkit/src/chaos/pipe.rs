//! One direction of a connection: reads from one peer, delays and spoils, writes to the other.

use super::corruptor::Corruptor;
use super::counts::DirectionCounters;
use super::delay_line::DelayLine;
use super::dice::{self, Purpose};
use super::orders::{Orders, State};
use super::pace::Pace;
use super::plan::{Direction, Ending, Faults};
use fastrand::Rng;
use socket2::SockRef;
use std::cell::RefCell;
use std::io;
use std::net::Shutdown;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Most bytes of one read.
const READ_BYTES: usize = 64 << 10;

thread_local! {
    /// Where reads go before they are delayed; nothing stays in it.
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

pub struct Pipe<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    direction: Direction,
    counters: &'a DirectionCounters,
    line: DelayLine,
    corruptor: Corruptor,
    jitter: Rng,
    pace: Pace,
    passed: u64,
    half_closes: u64,
    source: Source,
    closed: bool,
}

/// What becomes of what the sender sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// It is passed on.
    Open,
    /// It is discarded, because this direction was closed by the proxy.
    Discarded,
    /// There is no more.
    Ended,
}

/// What a pipe that cannot do anything now waits for, besides other faults.
#[derive(Default)]
struct Wait {
    readable: bool,
    writable: bool,
    until: Option<Instant>,
}

/// What a pipe did.
enum Step {
    /// Something; there may be more to do.
    Progress,
    Wait(Wait),
    /// All there will ever be to do.
    Done,
}

impl<'a> Pipe<'a> {
    /// A pipe of the connection that was accepted as that one, under the orders that were given before.
    pub fn new(
        (from, to): (&'a TcpStream, &'a TcpStream),
        direction: Direction,
        counters: &'a DirectionCounters,
        (seed, connection): (u64, u64),
        orders: &Orders,
    ) -> Self {
        let rng = |purpose| dice::generator(seed, connection, direction as u64, purpose);
        Self {
            from,
            to,
            direction,
            counters,
            line: DelayLine::default(),
            corruptor: Corruptor::new(rng(Purpose::Corruption)),
            jitter: rng(Purpose::Jitter),
            pace: Pace::default(),
            passed: 0,
            half_closes: orders.half_closes(direction),
            source: Source::Open,
            closed: false,
        }
    }

    /// Runs until both ends of this direction are closed. The error is how the whole connection ends before that: by a
    /// fault, or because a peer has reset it.
    pub async fn run(mut self, mut state: watch::Receiver<State>) -> Result<(), Broken> {
        loop {
            // Nobody changes the plan while it is lent, so no byte passes under an old one.
            let step = self.step(&state.borrow_and_update())?;
            let wait = match step {
                Step::Progress => {
                    tokio::task::coop::consume_budget().await;
                    continue;
                }
                Step::Wait(wait) => wait,
                Step::Done => return Ok(()),
            };
            tokio::select! {
                changed = state.changed() => changed.map_err(|_| Broken::Close)?,
                _ = self.from.readable(), if wait.readable => {}
                _ = self.to.writable(), if wait.writable => {}
                () = sleep_until(wait.until.unwrap_or_else(Instant::now)), if wait.until.is_some() => {}
            }
        }
    }

    fn step(&mut self, state: &State) -> Result<Step, Broken> {
        let faults = state.plan.faults(self.direction);
        let half_closes = state.orders.half_closes(self.direction);
        if self.half_closes != half_closes {
            self.half_closes = half_closes;
            self.half_close();
        }
        if let Some((_, ending)) = faults.end_after.filter(|(after, _)| self.passed >= *after) {
            match ending {
                Ending::HalfClose => {
                    // What is beyond the limit must not leave.
                    self.discard_line();
                    self.half_close();
                }
                ending => return Err(Broken::Fault(ending)),
            }
        }
        if faults.stall {
            return Ok(Step::Wait(Wait::default()));
        }
        let mut wait = Wait::default();
        let now = Instant::now();
        let progress = self.read(faults, now, &mut wait)? | self.write(faults, now, &mut wait)?;
        if self.source != Source::Open && self.line.is_empty() && !self.closed {
            self.closed = true;
            // It fails if the peer has gone, which the other direction reads.
            let _ = SockRef::from(self.to).shutdown(Shutdown::Write);
        }
        match self.closed && self.source == Source::Ended {
            true => Ok(Step::Done),
            false if progress => Ok(Step::Progress),
            false => Ok(Step::Wait(wait)),
        }
    }

    fn read(&mut self, faults: &Faults, now: Instant, wait: &mut Wait) -> io::Result<bool> {
        let room = if self.source == Source::Open { self.line.room() } else { READ_BYTES };
        if self.source == Source::Ended || room == 0 {
            return Ok(false);
        }
        READ.with_borrow_mut(|bytes| {
            let bytes = &mut bytes[..room.min(READ_BYTES)];
            let Some(count) = unless_blocked(self.from.try_read(bytes))? else {
                self.line.shrink();
                wait.readable = true;
                return Ok(false);
            };
            match self.source {
                _ if count == 0 => self.source = Source::Ended,
                Source::Open => self.take(&mut bytes[..count], faults, now),
                _ => self.counters.discarded.add(count),
            }
            Ok(true)
        })
    }

    fn take(&mut self, bytes: &mut [u8], faults: &Faults, now: Instant) {
        self.counters.corrupted.add(self.corruptor.pass(bytes, &faults.corruption));
        let (latency, jitter) = faults.delay();
        let delay = latency + dice::up_to(&mut self.jitter, jitter);
        self.line.push(bytes, now, delay);
    }

    fn write(&mut self, faults: &Faults, now: Instant, wait: &mut Wait) -> io::Result<bool> {
        let Some(next) = self.line.next().max(self.line.next().and(self.pace.next(faults))) else {
            return Ok(false);
        };
        if next > now {
            wait.until = Some(next);
            return Ok(false);
        }
        let ready = self.line.ready(now);
        let left = faults.end_after.map_or(u64::MAX, |(after, _)| after.saturating_sub(self.passed));
        let most = ready.len().min(Pace::most(faults)).min(usize::try_from(left).unwrap_or(usize::MAX));
        let Some(count) = unless_blocked(self.to.try_write(&ready[..most]))? else {
            wait.writable = true;
            return Ok(false);
        };
        self.line.consume(count);
        self.passed += count as u64;
        self.counters.bytes.add(count);
        self.pace.written(count, now, faults);
        Ok(true)
    }

    /// Takes nothing more to pass on.
    fn half_close(&mut self) {
        if self.source == Source::Open {
            self.source = Source::Discarded;
            self.counters.half_closed.add(1);
        }
    }

    fn discard_line(&mut self) {
        let left = std::mem::take(&mut self.line).len();
        self.counters.discarded.add(left);
    }
}

/// How a connection ends before its peers have ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    Fault(Ending),
    /// A peer has reset it, or the server cannot be reached.
    Peer,
    /// The proxy is closed.
    Close,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Peer
    }
}

fn unless_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}
