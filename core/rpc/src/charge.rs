//! An attempt as load of its endpoint.

use crate::channel::Channel;
use crate::clock;
use libfast_balance::{Member, Outcome, Pick};
use std::sync::Arc;
use std::time::Instant;

/// Counts an attempt as load of its endpoint until it is settled or given up.
pub(crate) struct Charge {
    pub member: Arc<Member<Channel>>,
    /// None once it was settled.
    pick: Option<Pick<Channel>>,
}

impl Charge {
    pub fn new(member: Arc<Member<Channel>>, since: Instant) -> Self {
        if let Some(meter) = &member.owner.meter {
            meter.picks.inc();
        }
        let pick = Pick::begin(member.clone(), clock::moment(since));
        Self { member, pick: Some(pick) }
    }

    /// The endpoint did its part, or not.
    pub fn settle(&mut self, outcome: Outcome, now: Instant) {
        if let Some(mut pick) = self.pick.take() {
            pick.record(outcome, clock::moment(now));
        }
    }
}
