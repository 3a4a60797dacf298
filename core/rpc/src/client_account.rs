//! What a client's connection keeps for operators: counts for its snapshot, and what it has told the metrics.

use crate::metrics::{ClientMeter, ClientMethod};
use libfast_model::Error;
use libfast_protocol::{ClientConnection as Wire, ProtocolError, Traffic};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One connection's account. It lives under the connection's lock, so that counting is plain addition.
#[derive(Debug)]
pub(crate) struct ClientAccount {
    meter: Option<Arc<ClientMeter>>,
    traffic: Traffic,
    /// The number of the connection among all of the process, from 1.
    pub id: u64,
    pub started: u64,
    pub done: u64,
    pub errors: u64,
    pub detached: bool,
    /// The server ended the stream and owed nothing.
    pub transport_ended: bool,
    given_up: HashMap<u32, GivenUp>,
}

/// What is known of one request, besides its values.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub method: Arc<ClientMethod>,
    /// Longest the call may take.
    pub timeout: Option<Duration>,
    /// DATA messages that came.
    pub emitted: u64,
}

/// A request that nobody waits for and whose id is still taken.
#[derive(Debug, Clone)]
pub(crate) struct GivenUp {
    pub asked: Asked,
    pub why: Why,
}

/// Why a request was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Why {
    #[default]
    Abandoned,
    TimedOut,
    Null,
}

/// A connection at one moment, for those who show it.
#[derive(Debug)]
pub(crate) struct SeenConnection {
    pub id: u64,
    pub started: u64,
    pub done: u64,
    pub errors: u64,
    pub error: Option<Error>,
    pub detached: bool,
    pub transport_ended: bool,
    pub pending: Vec<(u32, Asked)>,
    /// With how many messages came since.
    pub given_up: Vec<(u32, GivenUp, u32)>,
}

/// Records of requests that are over after all, above which they are looked for and dropped.
const STALE: usize = 64;

impl ClientAccount {
    /// The account of a new connection.
    pub fn new(meter: Option<Arc<ClientMeter>>) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        Self {
            meter,
            traffic: Traffic::default(),
            id: IDS.fetch_add(1, Ordering::Relaxed),
            started: 0,
            done: 0,
            errors: 0,
            detached: false,
            transport_ended: false,
            given_up: HashMap::new(),
        }
    }

    /// A request was given up before its end came.
    pub fn give_up<T>(&mut self, id: u32, asked: Asked, why: Why, wire: &Wire<T>) {
        self.given_up.insert(id, GivenUp { asked, why });
        // Nothing tells when one of them is over, so they are looked through once half of them may be.
        if self.given_up.len() > 2 * wire.abandoned() + STALE {
            self.given_up.retain(|id, _| wire.is_abandoned(*id));
        }
    }

    /// The requests that were given up and whose ids are still taken, with how many messages came for each.
    pub fn given_up<T>(&self, wire: &Wire<T>) -> Vec<(u32, GivenUp, u32)> {
        let known = wire.abandoned_ids().filter_map(|(id, ignored)| {
            let given_up = self.given_up.get(&id)?;
            Some((id, given_up.clone(), ignored))
        });
        known.collect()
    }

    /// The server broke the protocol, or with null the contract of one call.
    pub fn violated(&mut self, error: &ProtocolError) {
        if let Some(meter) = &self.meter {
            meter.protocol_error(error.reason());
        }
    }

    /// Tells the metrics what the state machine has counted since the last time.
    pub fn publish<T>(&mut self, wire: &Wire<T>) {
        if let Some(meter) = &self.meter {
            meter.traffic.publish(wire.traffic(), &mut self.traffic);
        }
    }
}
