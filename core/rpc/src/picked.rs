//! An endpoint that was chosen for a call over another protocol.

use crate::channel::Channel;
use crate::clock;
use libfast_balance::Member;
use libfast_model::Endpoint;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A chosen endpoint. It counts as loaded until the outcome is reported or this value is dropped; dropping it without a
/// report says nothing about the endpoint.
pub struct Picked {
    member: Arc<Member<Channel>>,
    reported: bool,
}

impl Picked {
    pub(crate) fn new(member: Arc<Member<Channel>>) -> Self {
        member.load.begin();
        if let Some(meter) = &member.owner.meter {
            meter.picks.inc();
        }
        Self { member, reported: false }
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.member.endpoint
    }

    /// Tells how the call went: how long it took, and whether the endpoint did its part. A failure makes the endpoint
    /// unattractive for a while, however fast it was.
    pub fn report(mut self, latency: Duration, ok: bool) {
        self.reported = true;
        match ok {
            true => self.member.load.succeed(clock::moment(Instant::now()), latency),
            false => self.member.load.fail(clock::moment(Instant::now())),
        }
    }
}

impl Drop for Picked {
    fn drop(&mut self) {
        if !self.reported {
            self.member.load.forget();
        }
    }
}
