//! Keeps a channel connected: connects, and connects again, as long as the channel lives.

use super::Channel;
use super::lifetime::{Retired, until_retired};
use super::slot::{Slot, SlotState};
use crate::clock;
use crate::connection::{Connection, Shared};
use crate::socket::Reader;
use libfast_balance::Standing;
use libfast_model::{Error, ErrorKind};
use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

const BACKOFF_START: Duration = Duration::from_millis(100);
const BACKOFF_GROWTH: f64 = 1.6;
const BACKOFF_LIMIT: Duration = Duration::from_secs(30);
/// A connection that is lost sooner is as good as a failed try: a server without room hangs up as soon as it has accepted.
const STABLE: Duration = Duration::from_secs(1);

/// The channel as its task holds it.
struct Keeper(Weak<Channel>);

impl Drop for Keeper {
    /// Tells those who wait, if the task ends before its channel.
    fn drop(&mut self) {
        let Some(channel) = self.0.upgrade() else { return };
        let message = format!("the runtime of the connection to {} was shut down", channel.address);
        let mut slot = channel.lock();
        slot.has_task = false;
        // The outcome of a try of its own, so it counts for everybody who waits.
        slot.begun += 1;
        drop(slot);
        channel.set_failed(Error::new(ErrorKind::Closed, message).at(&channel.address));
    }
}

pub(super) fn start(channel: &Arc<Channel>) {
    let keeper = Keeper(Arc::downgrade(channel));
    channel.runtime.spawn(keep_connected(keeper, channel.kick.clone()));
}

async fn keep_connected(keeper: Keeper, kick: Arc<Notify>) {
    let channel = &keeper.0;
    let mut backoff = BACKOFF_START;
    loop {
        let Some(now) = channel.upgrade() else { return };
        if let Some(pause) = now.take_turn() {
            drop(now);
            tokio::time::sleep(pause).await;
            continue;
        }
        now.lock().begun += 1;
        match now.connect().await {
            Ok((connection, reader)) => {
                now.add(connection, reader);
                drop(now);
                let since = Instant::now();
                let Some(wanted) = until_wanted(channel, &kick).await else { return };
                if since.elapsed() >= STABLE {
                    backoff = BACKOFF_START;
                    continue;
                }
                if wanted == Wanted::ByCalls {
                    continue;
                }
            }
            Err(error) => {
                now.set_failed(error);
                drop(now);
            }
        }
        // Full jitter, or all clients of a restarted server come back in step.
        let pause = backoff.mul_f64(fastrand::f64());
        let _ = tokio::time::timeout(pause, kick.notified()).await;
        backoff = backoff.mul_f64(BACKOFF_GROWTH).min(BACKOFF_LIMIT);
    }
}

/// Why there should be a connection.
#[derive(PartialEq, Eq)]
enum Wanted {
    /// Calls wait for it.
    ByCalls,
    /// The last one was lost, and calls may come.
    Again,
}

/// Waits while there is a connection, or none is wanted. `None`: the channel is gone.
async fn until_wanted(channel: &Weak<Channel>, kick: &Notify) -> Option<Wanted> {
    loop {
        kick.notified().await;
        let channel = channel.upgrade()?;
        match channel.lock().state {
            SlotState::Connecting => return Some(Wanted::ByCalls),
            SlotState::Failed(_) => return Some(Wanted::Again),
            SlotState::Idle | SlotState::Ready(_) => {}
        }
    }
}

/// Adds a connection to those that there are.
pub(super) async fn grow(channel: Arc<Channel>) {
    let made = channel.connect().await;
    channel.lock().grows = false;
    // If it failed, the others serve on.
    if let Ok((connection, reader)) = made {
        channel.add(connection, reader);
    }
}

impl Channel {
    pub(super) fn add(self: &Arc<Self>, connection: Connection, reader: Reader) {
        let connection = Arc::new(connection);
        self.connections.add(&connection);
        if let Some(meter) = &self.meter {
            meter.connects.inc();
        }
        let (channel, shared) = (Arc::downgrade(self), connection.shared());
        let watcher = self.runtime.spawn(watch(channel.clone(), shared.clone())).abort_handle();
        self.runtime.spawn(use_up(channel, InUse { connection: shared, watcher }, reader));
        let mut slot = self.lock();
        if std::mem::take(&mut slot.was_gone) {
            self.load.restart(clock::moment(Instant::now()));
        }
        slot.add(connection, self.meter.as_ref());
        self.heed(&slot);
        drop(slot);
        self.waiting.wake_all();
        self.changed.notify_waiters();
    }

    /// A connection has ended.
    fn lose(&self, which: &Arc<Shared>, error: Error) {
        let mut slot = self.lock();
        if slot.remove(|connection| connection.is(which), self.meter.as_ref()) {
            slot.failed = slot.begun;
            self.suspend(slot, error);
            self.kick.notify_one();
        } else {
            self.heed(&slot);
        }
    }

    /// A connection is good, but not to be used for further calls.
    fn retire(&self, which: &Arc<Shared>, why: Retired) {
        if let Some(meter) = &self.meter {
            meter.retired(why.name());
        }
        let mut slot = self.lock();
        if !slot.remove(|connection| connection.is(which), self.meter.as_ref()) {
            return self.heed(&slot);
        }
        match why {
            Retired::Left => {
                self.set_left(slot);
                self.kick.notify_one();
            }
            Retired::Idle | Retired::Old => {
                slot.enter(SlotState::Idle, self.meter.as_ref());
                // What was said over it says nothing about the next one.
                self.load.set_standing(Standing::Ready);
            }
        }
    }

    /// The endpoint is about to stop if that was said over each connection that is in use: there may be several servers behind one
    /// address.
    fn heed(&self, slot: &Slot) {
        let SlotState::Ready(all) = &slot.state else { return };
        let drains = all.iter().all(|connection| connection.is_draining());
        self.load.set_standing(if drains { Standing::Draining } else { Standing::Ready });
    }
}

/// A connection as the task that drives it holds it.
struct InUse {
    connection: Arc<Shared>,
    /// The task that waits for the end of its use, apart from this one, which is woken for each answer.
    watcher: AbortHandle,
}

impl Drop for InUse {
    /// Fails its calls, if the task ends before it has begun.
    fn drop(&mut self) {
        self.watcher.abort();
        self.connection.end_with_runtime();
    }
}

/// Drives a connection to its end.
async fn use_up(channel: Weak<Channel>, used: InUse, reader: Reader) {
    let error = used.connection.drive(reader).await;
    if let Some(channel) = channel.upgrade() {
        channel.lose(&used.connection, error);
    }
}

/// Heeds what the server says over a connection that is in use.
async fn heed_news(channel: &Weak<Channel>, connection: &Shared) -> Infallible {
    loop {
        connection.told().await;
        if let Some(channel) = channel.upgrade() {
            channel.heed(&channel.lock());
        }
    }
}

/// Waits until a connection is to be used no more. Those who use it go on; the last one closes it.
async fn watch(channel: Weak<Channel>, connection: Arc<Shared>) {
    let why = tokio::select! {
        why = until_retired(&channel, &connection) => why,
        never = heed_news(&channel, &connection) => match never {},
    };
    if let Some(channel) = channel.upgrade() {
        channel.retire(&connection, why);
    }
}
