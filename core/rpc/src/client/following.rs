//! How a client follows its registry: what it is told, and whom it calls because of that.

use super::Shared;
use crate::channel::Channel;
use crate::clock;
use crate::metrics::RegistryMeter;
use libfast_balance::{Member, State};
use libfast_model::{Address, ClientOptions, Endpoint};
use libfast_registry::{Condition, Overrides, Patience, Reach, Resolution, Roster, Watch, changed};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch::Receiver;

/// What a client knows about who is there.
#[derive(Debug)]
pub(super) struct Known {
    /// What the registry said last.
    pub resolution: Resolution,
    /// Whom to call because of that, and of what the client sees itself.
    pub roster: Roster,
    /// How the registry is.
    pub condition: Condition,
}

/// How often the age of a list is told while its registry is away.
const AGEING: Duration = Duration::from_secs(1);

impl Known {
    /// Nothing.
    pub fn new(options: &ClientOptions) -> Self {
        let roster = Roster::new(Patience {
            removal: Duration::from_millis(options.removal_hold_ms),
            quarantine: Duration::from_millis(options.quarantine_ms),
        });
        Self { resolution: Resolution::Pending, roster, condition: Condition::default() }
    }

    /// For operators.
    pub fn stats(&self) -> serde_json::Value {
        let stale = self.condition.stale_since.map(|since| since.elapsed().as_millis() as u64);
        serde_json::json!({
            "stale_ms": stale,
            "held": self.roster.held(),
            "quarantined": self.roster.is_quarantined(),
        })
    }
}

/// Follows what the registry says, for as long as the client lives.
pub(super) async fn follow(follower: Follower, mut watch: Watch, meter: Option<RegistryMeter>) {
    let client = &follower.0;
    let (mut condition, mut overrides) = (watch.condition(), watch.overrides());
    client.decided(&mut overrides);
    let mut counted = Default::default();
    loop {
        let (review, is_stale) = {
            let mut known = client.lock();
            known.condition = *condition.borrow_and_update();
            if let Some(meter) = &meter {
                let counts = known.roster.counts();
                meter.record(&known.condition, counts, std::mem::replace(&mut counted, counts));
            }
            (known.roster.next_review(Instant::now()), known.condition.stale_since.is_some())
        };
        let review = async {
            match review {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            resolution = watch.changed() => client.resolved(resolution),
            () = review => client.review(),
            () = changed(&mut condition) => {}
            () = changed(&mut overrides) => client.decided(&mut overrides),
            () = tokio::time::sleep(AGEING), if is_stale && meter.is_some() => {}
        }
    }
}

impl Shared {
    /// Takes over what the registry says.
    pub(super) fn resolved(&self, resolution: Resolution) {
        let mut known = self.lock();
        let list = match &resolution {
            Resolution::Bound(providers) => Some(providers.clone()),
            Resolution::Absent => Some(Vec::new()),
            // A registry that fails leaves the last known list standing.
            Resolution::Pending | Resolution::Failed(_) => None,
        };
        if let Some(list) = list {
            let seen = self.seen();
            known.roster.list(Instant::now(), list, |address| reach(seen.get(address)));
            self.listed(endpoints(&known.roster));
        }
        known.resolution = resolution;
        drop(known);
        self.changed.notify_waiters();
    }

    /// Takes over what operators decided.
    fn decided(&self, overrides: &mut Receiver<Overrides>) {
        let mut known = self.lock();
        let is_new = known.roster.decide(overrides.borrow_and_update().clone());
        if is_new {
            self.listed(endpoints(&known.roster));
        }
        drop(known);
        if is_new {
            self.changed.notify_waiters();
        }
    }

    /// Looks at those that the registry does not list any more.
    fn review(&self) {
        let mut known = self.lock();
        let seen = self.seen();
        if known.roster.review(Instant::now(), |address| reach(seen.get(address))) {
            self.listed(endpoints(&known.roster));
        }
    }

    /// Has no endpoints any more, for a client that was closed.
    pub(super) fn forget(&self) {
        let _turn = self.lock();
        self.listed([]);
    }

    fn seen(&self) -> HashMap<Address, Arc<Member<Channel>>> {
        let set = self.balancer.set();
        set.members().iter().map(|member| (member.endpoint.address.clone(), member.clone())).collect()
    }

    fn listed(&self, endpoints: impl IntoIterator<Item = (String, Endpoint)>) {
        self.balancer
            .update(clock::moment(Instant::now()), endpoints, |endpoint, load| self.channel(endpoint, load));
    }
}

fn endpoints(roster: &Roster) -> impl Iterator<Item = (String, Endpoint)> {
    roster.providers().map(|provider| (provider.key, provider.endpoint))
}

/// What the client sees of an endpoint; those beyond its subset it never tried.
fn reach(member: Option<&Arc<Member<Channel>>>) -> Reach {
    let Some(member) = member else { return Reach::Unknown };
    match member.load.state() {
        State::Draining => Reach::Leaving,
        State::Silent | State::Suspended | State::Ejected => Reach::Down,
        State::Ready | State::Connecting if member.owner.is_connected() => Reach::Answers,
        State::Ready | State::Connecting => Reach::Unknown,
    }
}

/// The client as the task holds it that follows its registry.
pub(super) struct Follower(pub Arc<Shared>);

impl Drop for Follower {
    /// Without it nobody would learn anything new: the client was closed, or its runtime was shut down.
    fn drop(&mut self) {
        self.0.detach();
    }
}
