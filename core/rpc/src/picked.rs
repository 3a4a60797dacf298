//! An endpoint that was chosen for a call over another protocol.

use crate::channel::Channel;
use crate::clock;
use libfast_balance::{Member, Outcome, Pick};
use libfast_model::Endpoint;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A chosen endpoint. It counts as loaded until the outcome is reported or this value is dropped; dropping it without a
/// report says nothing about the endpoint.
pub struct Picked {
    pick: Pick<Channel>,
}

impl Picked {
    pub(crate) fn new(member: Arc<Member<Channel>>) -> Self {
        if let Some(meter) = &member.owner.meter {
            meter.picks.inc();
        }
        Self { pick: Pick::begin(member, clock::moment(Instant::now())) }
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.pick.member().endpoint
    }

    /// Tells how the call went: how long it took, and whether the endpoint did its part. A failure makes the endpoint
    /// unattractive for a while, however fast it was.
    pub fn report(mut self, latency: Duration, ok: bool) {
        let outcome = if ok { Outcome::Answered } else { Outcome::Failed };
        let now = clock::moment(Instant::now());
        self.pick.record_with_latency(outcome, now, latency);
    }
}
