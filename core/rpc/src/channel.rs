//! The connections to one endpoint: made when first wanted, made again when lost, shared by all calls.

mod connecting;
mod keeper;
mod lifetime;
mod slot;

use crate::clock;
use crate::connection::Connection;
use crate::connections::Connections;
use crate::metrics::EndpointMeter;
use crate::wakers::Wakers;
use libfast_balance::{Load, Standing, TokenBucket};
use libfast_model::{Address, ClientOptions, Error, ErrorKind, Result};
use slot::{Slot, SlotState};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// The connections to one endpoint. Dropping it stops reconnecting; calls under way go on.
#[derive(Debug)]
pub(crate) struct Channel {
    address: Arc<Address>,
    load: Arc<Load>,
    options: Arc<ClientOptions>,
    runtime: Handle,
    connections: Arc<Connections>,
    /// Those who wait for any endpoint of the client.
    changed: Arc<Notify>,
    pub meter: Option<EndpointMeter>,
    slot: Mutex<Slot>,
    waiting: Wakers,
    /// Wakes the task that keeps it connected. Apart from the channel, which that task does not keep alive.
    kick: Arc<Notify>,
    /// How often it may connect; `None`: as often as it likes.
    churn: Option<TokenBucket>,
}

/// What one caller remembers while it waits for a connection.
#[derive(Debug, Default)]
pub(crate) struct Wait {
    /// Tries that had begun when it came. The failure of one of these says nothing about now.
    begun_before: Option<u64>,
    failed: bool,
}

impl Wait {
    /// Whether it was looked for a connection before.
    pub fn has_begun(&self) -> bool {
        self.begun_before.is_some()
    }

    /// Whether a try failed that began after it came.
    pub fn has_failed(&self) -> bool {
        self.failed
    }
}

/// Connections that may be made in a row before `connects_per_second` counts: a server that is restarted is looked for often at
/// first.
const CONNECTS_AT_ONCE: u32 = 5;

impl Channel {
    /// The channel to `address`. Each connection that it makes is added to `connections`, and those who wait in `changed` are told.
    pub fn new(
        address: Address,
        load: Arc<Load>,
        options: Arc<ClientOptions>,
        runtime: Handle,
        (connections, changed): (Arc<Connections>, Arc<Notify>),
        meter: Option<EndpointMeter>,
    ) -> Self {
        let address = Arc::new(address);
        let slot = Mutex::new(Slot::new(meter.as_ref()));
        let (waiting, kick) = (Wakers::default(), Arc::new(Notify::new()));
        let rate = options.connects_per_second;
        let churn = (rate > 0).then(|| TokenBucket::new(rate as f64, CONNECTS_AT_ONCE));
        Self { address, load, options, runtime, connections, changed, meter, slot, waiting, kick, churn }
    }

    pub fn address(&self) -> &Arc<Address> {
        &self.address
    }

    /// A connection, made now if there is none. A caller fails only by a try that began after it came, unless none may begin at
    /// present; callers that wait share one try.
    pub fn poll_connection(
        self: &Arc<Self>,
        cx: &Context<'_>,
        wait: &mut Wait,
    ) -> Poll<Result<Arc<Connection>>> {
        let mut slot = self.lock();
        let mut without_task = false;
        let begun_before = *wait.begun_before.get_or_insert(slot.begun);
        if let SlotState::Ready(all) = &slot.state
            && let Some(connection) = self.choose(all).cloned()
        {
            if self.options.connections_max > 1 && connection.is_busy() {
                self.grow(slot);
            }
            return Poll::Ready(Ok(connection));
        }
        match &slot.state {
            SlotState::Failed(error) if slot.failed > begun_before => {
                wait.failed = true;
                return Poll::Ready(Err(error.clone()));
            }
            SlotState::Failed(error) if !self.may_connect() => {
                return Poll::Ready(Err(not_yet(error.clone())));
            }
            // They are about to be known as lost.
            SlotState::Ready(all) if !self.may_connect() => {
                return Poll::Ready(Err(not_yet(all[0].unsent())));
            }
            SlotState::Connecting => {}
            SlotState::Ready(_) | SlotState::Failed(_) | SlotState::Idle => {
                slot.enter(SlotState::Connecting, self.meter.as_ref());
                without_task = !std::mem::replace(&mut slot.has_task, true);
                if !without_task {
                    self.kick.notify_one();
                }
            }
        }
        // Registered under the slot's lock, so no change can come in between.
        self.waiting.register(cx);
        // A runtime that was shut down drops the task here, which takes the lock.
        drop(slot);
        if without_task {
            keeper::start(self);
        }
        Poll::Pending
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        matches!(&self.lock().state, SlotState::Ready(all) if all.iter().any(|one| one.is_alive()))
    }

    /// The state for operators.
    pub fn state_name(&self) -> &'static str {
        self.lock().state.name()
    }

    /// How many connections there are.
    pub fn connected(&self) -> usize {
        match &self.lock().state {
            SlotState::Ready(all) => all.len(),
            _ => 0,
        }
    }

    /// The first connection that has room, so that those that are not needed any more become idle; otherwise the one with the
    /// fewest calls.
    fn choose<'s>(&self, all: &'s [Arc<Connection>]) -> Option<&'s Arc<Connection>> {
        if let [only] = all {
            return only.is_alive().then_some(only);
        }
        let mut alive = all.iter().filter(|connection| connection.is_alive());
        let with_room = alive.clone().find(|connection| !connection.is_busy());
        with_room.or_else(|| {
            alive.next().map(|first| alive.fold(first, |a, b| if b.calls() < a.calls() { b } else { a }))
        })
    }

    /// Makes one more connection in the background, if it may.
    fn grow(self: &Arc<Self>, mut slot: MutexGuard<'_, Slot>) {
        let SlotState::Ready(all) = &slot.state else { return };
        if all.len() as u64 >= self.options.connections_max || slot.grows || self.take_turn().is_some() {
            return;
        }
        slot.grows = true;
        drop(slot);
        self.runtime.spawn(keeper::grow(self.clone()));
    }

    /// Counts a connection that is about to be begun. `Some`: it has to wait for so long, and was not counted.
    fn take_turn(&self) -> Option<Duration> {
        self.churn.as_ref()?.try_take(clock::moment(Instant::now()), 1).err()
    }

    fn may_connect(&self) -> bool {
        self.churn.as_ref().is_none_or(|churn| churn.available(clock::moment(Instant::now())) > 0)
    }

    fn set_failed(&self, error: Error) {
        let mut slot = self.lock();
        slot.failed = slot.begun;
        self.suspend(slot, error);
    }

    /// The server asked its clients to leave. That is no failure: who waits gets a try of its own, which meets whatever comes
    /// after it.
    fn set_left(&self, mut slot: MutexGuard<'_, Slot>) {
        slot.was_gone = true;
        let message = format!("the server at {} is about to stop; call another one", self.address);
        self.suspend(slot, Error::new(ErrorKind::Connect, message).at(&self.address));
    }

    fn suspend(&self, mut slot: MutexGuard<'_, Slot>, error: Error) {
        // First, so that no call picks it while it is being tried again.
        self.load.set_standing(Standing::Suspended);
        slot.enter(SlotState::Failed(error), self.meter.as_ref());
        drop(slot);
        self.waiting.wake_all();
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// What a caller is told while no connection may be begun.
fn not_yet(error: Error) -> Error {
    error.context("not tried again yet because of `connects_per_second`")
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.lock().forget(self.meter.as_ref());
        self.kick.notify_one();
    }
}
