//! What a proxy has done so far.

use super::plan::Direction;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a proxy has done since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Connections that clients made, those included that were reset at once or found no server.
    pub connections: u64,
    /// Connections at present.
    pub open: u64,
    /// Connections reset because the server could not be reached.
    pub unreachable: u64,
    /// Connections that were reset just after they were accepted.
    pub rejected: u64,
    /// Connections that the proxy cut.
    pub cut: u64,
    /// Connections that the proxy reset by itself: not because a peer had, nor just after they were accepted.
    pub reset: u64,
    /// From clients to the server.
    pub to_server: Passed,
    /// From the server to clients.
    pub to_client: Passed,
}

/// What a proxy has done in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Passed {
    /// Bytes passed on.
    pub bytes: u64,
    /// Bytes changed.
    pub corrupted: u64,
    /// Bytes discarded because the proxy had closed this direction.
    pub discarded: u64,
    /// Times that the proxy closed this direction of a connection.
    pub half_closed: u64,
}

/// The counters behind [`Counts`].
#[derive(Debug, Default)]
pub struct Counters {
    pub connections: Counter,
    pub open: Counter,
    pub unreachable: Counter,
    pub rejected: Counter,
    pub cut: Counter,
    pub reset: Counter,
    directions: [DirectionCounters; 2],
}

/// The counters behind [`Passed`].
#[derive(Debug, Default)]
pub struct DirectionCounters {
    pub bytes: Counter,
    pub corrupted: Counter,
    pub discarded: Counter,
    pub half_closed: Counter,
}

#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counters {
    pub fn of(&self, direction: Direction) -> &DirectionCounters {
        &self.directions[direction as usize]
    }

    pub fn read(&self) -> Counts {
        Counts {
            connections: self.connections.get(),
            open: self.open.get(),
            unreachable: self.unreachable.get(),
            rejected: self.rejected.get(),
            cut: self.cut.get(),
            reset: self.reset.get(),
            to_server: self.of(Direction::ToServer).read(),
            to_client: self.of(Direction::ToClient).read(),
        }
    }
}

impl DirectionCounters {
    fn read(&self) -> Passed {
        Passed {
            bytes: self.bytes.get(),
            corrupted: self.corrupted.get(),
            discarded: self.discarded.get(),
            half_closed: self.half_closed.get(),
        }
    }
}

impl Counter {
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// Counts one until the value returned is dropped.
    pub fn hold(&self) -> Held<'_> {
        self.add(1);
        Held(self)
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One that is there at present.
pub struct Held<'a>(&'a Counter);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
