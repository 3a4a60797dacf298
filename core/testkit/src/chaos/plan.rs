//! What is wrong with the network at present.

use serde::{Serialize, Serializer};
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

/// All faults of a proxy; the default has none. Of shares and chances, what is above 1 counts as 1, and what is below 0 or
/// no number as 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// What happens to bytes from clients to the server.
    pub to_server: Faults,
    /// What happens to bytes from the server to clients.
    pub to_client: Faults,
    /// What happens to new connections.
    pub admission: Admission,
    /// The share of connections that is hit by RST in each second, from 0 to 1. 0.1 leaves nine of ten after a second and
    /// eight of ten after two; 1 resets each at once. Connections are hit independently, at any moment of the second.
    pub storm: f64,
}

/// The faults of one direction, on every connection by itself; the default has none. Times above a day count as a day.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Faults {
    /// Shortest time from the arrival of a byte to its departure. A byte that has arrived keeps the delay that it got, and
    /// those behind it wait for it, even if this is less by then.
    /// With [`BUFFER_BYTES`](super::BUFFER_BYTES) on the way at most, this bounds the rate, too: 100 ms let about 1 MB
    /// pass per second.
    #[serde(rename = "latency-ms", serialize_with = "milliseconds")]
    pub latency: Duration,
    /// Up to so much is added to the latency, at random. Bytes stay in order, so a byte may wait for the one before it.
    #[serde(rename = "jitter-ms", serialize_with = "milliseconds")]
    pub jitter: Duration,
    /// Most bytes per second; none is no limit. Up to 25 ms' worth may leave in a burst.
    pub bandwidth: Option<NonZeroU64>,
    /// Writes of that many bytes at most, each a TCP segment of its own; none is no limit.
    pub split: Option<NonZeroUsize>,
    /// Time between the writes of a split, without which the peer may still read several at once.
    #[serde(rename = "split-pause-ms", serialize_with = "milliseconds")]
    pub split_pause: Duration,
    /// Which bytes arrive changed.
    pub corruption: Corruption,
    /// Nothing is read and nothing is passed on, as if the network were gone: not even that a peer has closed. What was
    /// on its way is kept, and goes on when this ends.
    pub stall: bool,
    /// How a connection ends as soon as that many bytes have been passed on since its beginning; 0 is at once.
    pub end_after: Option<(u64, Ending)>,
}

/// Which bytes arrive changed, and how.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Corruption {
    /// The chance of each byte, from 0 to 1.
    pub chance: f64,
    /// The places of bytes that are changed for certain, counted from 0 at the beginning of each connection.
    pub places: Vec<u64>,
    /// What is changed of a byte.
    pub flip: Flip,
}

/// What is changed of a byte; it is never what it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flip {
    /// One bit, chosen at random.
    #[default]
    Bit,
    /// Any of its bits.
    Byte,
}

/// What happens to new connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Admission {
    /// They are accepted and connected to the server.
    #[default]
    Accept,
    /// They are refused, as if nobody listened. The port goes to nobody else by chance.
    Refuse,
    /// They are accepted and reset at once; the server hears nothing of them.
    Reset,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Both peers read the end of the stream. What was delayed is lost.
    Cut,
    /// Both peers get RST. What was delayed is lost.
    Reset,
    /// The receiver of this direction reads the end of the stream after what was delayed; the other direction lives. What
    /// its sender sends from then on is discarded.
    HalfClose,
}

/// One of the two ways through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From clients to the server.
    ToServer,
    /// From the server to clients.
    ToClient,
}

impl Plan {
    /// The faults of a direction.
    pub fn faults(&self, direction: Direction) -> &Faults {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }

    /// The faults of a direction, to be changed.
    pub fn faults_mut(&mut self, direction: Direction) -> &mut Faults {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

impl Faults {
    /// How long a byte is delayed: at least, and how much more at most.
    pub(super) fn delay(&self) -> (Duration, Duration) {
        (self.latency.min(LONGEST), self.jitter.min(LONGEST))
    }

    /// The time between the writes of a split, if there is a split.
    pub(super) fn pause(&self) -> Duration {
        self.split.map_or(Duration::ZERO, |_| self.split_pause.min(LONGEST))
    }
}

impl Direction {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::ToServer, Self::ToClient];
}

/// So that no moment is beyond what a clock can tell.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() * 1000.0)
}
