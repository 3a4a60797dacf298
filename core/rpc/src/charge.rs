//! An attempt as load of its endpoint.

use crate::channel::Channel;
use crate::clock;
use libfast_balance::Member;
use std::sync::Arc;
use std::time::Instant;

/// Counts an attempt as load of its endpoint until it is settled or given up.
pub(crate) struct Charge {
    pub member: Arc<Member<Channel>>,
    since: Instant,
    settled: bool,
}

impl Charge {
    pub fn new(member: Arc<Member<Channel>>, since: Instant) -> Self {
        member.load.begin();
        if let Some(meter) = &member.owner.meter {
            meter.picks.inc();
        }
        Self { member, since, settled: false }
    }

    pub fn succeed(&mut self, now: Instant) {
        if !std::mem::replace(&mut self.settled, true) {
            self.member.load.succeed(clock::moment(now), now.saturating_duration_since(self.since));
        }
    }

    pub fn fail(&mut self) {
        if !std::mem::replace(&mut self.settled, true) {
            self.member.load.fail(clock::moment(Instant::now()));
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if !self.settled {
            self.member.load.forget();
        }
    }
}
