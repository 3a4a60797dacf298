//! An attempt as load of its endpoint.

use crate::channel::Channel;
use crate::clock::Now;
use libfast_balance::{Member, Moment, Outcome, Pick};
use libfast_model::Address;
use std::sync::Arc;

/// Counts an attempt as load of its endpoint until it is dropped, which is when its last message came: a stream is load as long
/// as it runs. Dropped without an outcome, it says nothing about the endpoint.
pub(crate) struct Charge(Pick<Channel>);

impl Charge {
    pub fn new(member: Arc<Member<Channel>>, since: Moment) -> Self {
        if let Some(meter) = &member.owner.meter {
            meter.picks.inc();
        }
        Self(Pick::begin(member, since))
    }

    pub fn channel(&self) -> &Arc<Channel> {
        &self.0.member().owner
    }

    pub fn address(&self) -> &Address {
        &self.0.member().endpoint.address
    }

    /// The endpoint did its part, or not. Only the first outcome counts, for a stream that of its first value.
    pub fn settle(&mut self, outcome: Outcome, now: Now) {
        self.0.record(outcome, now.moment);
    }

    pub fn is_settled(&self) -> bool {
        self.0.is_recorded()
    }
}
