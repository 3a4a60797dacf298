//! One run: connect, make load, show how it goes, and end when it is over or the user wants it to.

use super::classic;
use super::failure::Failure;
use super::keys::Keys;
use super::live::Look;
use super::load::Load;
use super::plan::Plan;
use super::report;
use super::screen::{Screen, TICK};
use super::tally::Tally;
use super::{fail, now_ms};
use crate::exit::{self, Exit};
use crate::output;
use libfast::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind};
use tokio::time::Interval;

/// A run that was made.
pub struct Ran {
    pub tally: Tally,
    /// By a signal.
    pub interrupted: bool,
}

impl Ran {
    /// Whether no further runs are wanted.
    pub fn was_ended(&self) -> bool {
        self.tally.interrupted || self.tally.fatal.is_some()
    }
}

/// The signals that end a run.
pub struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    pub fn listen() -> Result<Self> {
        Ok(Self {
            interrupt: exit::signal(SignalKind::interrupt())?,
            terminate: exit::signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Makes one run. The error is how the tool ends, after it said why.
pub async fn run(
    plan: &Arc<Plan>,
    is_classic: bool,
    show: bool,
    interrupts: &mut Interrupts,
) -> std::result::Result<Ran, Exit> {
    let classic = plan.classic.as_ref().filter(|_| is_classic);
    match classic {
        Some(classic) => output::line(classic::banner(plan, classic, now_ms()).into_bytes())?,
        None => output::say(&report::banner(plan)),
    }
    let mut load = tokio::select! {
        load = Load::connect(plan) => load.map_err(|error| unreachable(plan, &error))?,
        () = interrupts.next() => return Err(Exit::Interrupted),
    };
    if let Some(classic) = classic {
        output::line(classic::established(plan, classic).into_bytes())?;
    }
    let show = show && !is_classic && Screen::is_possible();
    let mut keys = show.then(Keys::listen);
    let mut watcher = Watcher::new(plan, is_classic, show, &load);
    let mut interrupted = false;
    let tally = loop {
        tokio::select! {
            tally = load.finished() => break tally,
            () = watcher.tick() => watcher.look(load.look())?,
            () = key(&mut keys) => load.stop(),
            () = interrupts.next() => {
                if interrupted {
                    return Err(Exit::Interrupted);
                }
                interrupted = true;
                load.stop();
            }
        }
    };
    drop(watcher);
    drop(keys);
    tally.map(|tally| Ran { tally, interrupted }).map_err(|error| fail(&error))
}

/// Tells of the run while it lasts.
struct Watcher<'p> {
    plan: &'p Plan,
    is_classic: bool,
    start: Instant,
    ticks: Option<Interval>,
    screen: Option<Screen>,
    last: Look,
    last_at: Duration,
}

impl<'p> Watcher<'p> {
    /// Lets the load begin.
    fn new(plan: &'p Plan, is_classic: bool, show: bool, load: &Load) -> Self {
        let last = load.look();
        let start = load.start();
        let every = if show { Some(TICK) } else { plan.interval };
        let ticks = every.map(|every| tokio::time::interval_at((start + every).into(), every));
        let screen = show.then(|| Screen::new(last.clone()));
        Self { plan, is_classic, start, ticks, screen, last, last_at: Duration::ZERO }
    }

    /// Waits until it is time to tell. Cancel safe.
    async fn tick(&mut self) {
        match &mut self.ticks {
            Some(ticks) => drop(ticks.tick().await),
            None => std::future::pending().await,
        }
    }

    fn look(&mut self, look: Look) -> std::result::Result<(), Exit> {
        let at = self.start.elapsed();
        match &mut self.screen {
            Some(screen) => screen.show(self.plan, at, look.clone()),
            None if self.is_classic => {
                output::line(classic::progress(now_ms(), at, &self.last, &look).into_bytes())?;
            }
            None => output::say(&report::progress(at, at - self.last_at, &self.last, &look)),
        }
        (self.last, self.last_at) = (look, at);
        Ok(())
    }
}

/// Waits for the key that ends a run.
async fn key(keys: &mut Option<Keys>) {
    match keys {
        Some(keys) => keys.pressed(b'q').await,
        None => std::future::pending().await,
    }
}

/// Says that nobody could be reached.
fn unreachable(plan: &Plan, error: &Error) -> Exit {
    if plan.classic.is_some() {
        output::say(&format!("fastbench: socket error: {}", output::printable(error.message())));
        return Exit::Unreachable;
    }
    // Whatever it is that was not there in time.
    match error.kind() {
        ErrorKind::Timeout => fail(&Error::new(ErrorKind::Connect, error.message())),
        _ => fail(error),
    }
}

/// Says why a run ended early.
pub fn say_fatal(failure: &Failure) -> Exit {
    let Some(error) = &failure.error else { return Exit::Remote };
    let what = if error.kind() == ErrorKind::Protocol { "client" } else { "socket" };
    output::say(&format!("fastbench: {what} error: {}", output::printable(error.message())));
    Exit::of(error)
}
