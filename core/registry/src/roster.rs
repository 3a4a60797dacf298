//! Whom a client calls when its registry takes entries away.
//!
//! A registry can be wrong about who is there: a server whose session expired during a pause still serves, and an ensemble
//! that lost its sessions lists nobody at all. So new entries count at once, and those that vanish are compared with what
//! the client sees itself. Who said that it would stop, or does not answer, goes at once. Who still answers is *held* for
//! a while, and for longer if half of all entries vanished within that while.
//!
//! This is arithmetic on lists and times that the caller passes in; nothing here waits or knows a registry.

use crate::{Overrides, Provider};
use libfast_model::Address;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long who vanished is held while it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Few at a time. Zero: they are not held.
    pub removal: Duration,
    /// Half of all, or all. Zero: they are held as if they were few.
    pub quarantine: Duration,
}

/// What a client sees of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It is connected, and nothing speaks against it.
    Answers,
    /// It was not tried, or is being tried.
    Unknown,
    /// It cannot be connected to, says nothing, or fails too often.
    Down,
    /// It said that it is about to stop.
    Leaving,
}

/// What a [`Roster`] did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RosterCounts {
    /// Endpoints that were held after their entries had vanished.
    pub held: u64,
    /// How often so many vanished that they were quarantined.
    pub quarantines: u64,
}

/// The endpoints of one service as one client should use them.
#[derive(Debug)]
pub struct Roster {
    patience: Patience,
    listed: BTreeMap<Address, Provider>,
    held: BTreeMap<Address, Held>,
    /// What operators decided; in `listed` it counts already.
    overrides: Overrides,
    quarantined: bool,
    counts: RosterCounts,
}

#[derive(Debug)]
struct Held {
    provider: Provider,
    since: Instant,
}

/// How often those that are held are looked at.
const REVIEW: Duration = Duration::from_millis(100);

impl Roster {
    /// Nobody yet.
    pub fn new(patience: Patience) -> Self {
        let (listed, held, overrides) = Default::default();
        Self { patience, listed, held, overrides, quarantined: false, counts: RosterCounts::default() }
    }

    /// The registry lists these now. `reach` tells what is seen of those that it does not list any more.
    pub fn list(&mut self, now: Instant, providers: Vec<Provider>, reach: impl Fn(&Address) -> Reach) {
        let listed = providers.into_iter().map(|provider| (provider.endpoint.address.clone(), provider));
        let before = std::mem::replace(&mut self.listed, listed.collect());
        self.held.retain(|address, _| !self.listed.contains_key(address));
        let vanished = |provider: &Provider| {
            !self.listed.contains_key(&provider.endpoint.address) && !provider.endpoint.draining
        };
        let mut fresh = Vec::new();
        for (address, provider) in before.into_iter().filter(|(_, provider)| vanished(provider)) {
            fresh.push(address.clone());
            self.held.insert(address, Held { provider, since: now });
        }
        // Whoever is down goes before the share is taken: a rack that lost its power is no reason for doubt.
        self.held.retain(|address, _| stays(reach(address), true));
        let most_vanished = !self.held.is_empty() && self.held.len() >= self.listed.len();
        if most_vanished && !fresh.is_empty() && !self.quarantined && !self.patience.quarantine.is_zero() {
            self.quarantined = true;
            self.counts.quarantines += 1;
        } else if self.quarantined && !most_vanished {
            // Most are back. The others get as much time as if they had vanished just now.
            self.quarantined = false;
            self.held.values_mut().for_each(|held| held.since = now);
        }
        self.review(now, reach);
        self.counts.held += fresh.iter().filter(|address| self.held.contains_key(address)).count() as u64;
    }

    /// Operators decided this, of whatever addresses; true if that changes those that are held. Of those that are listed the
    /// list says it.
    pub fn decide(&mut self, overrides: Overrides) -> bool {
        let before = std::mem::replace(&mut self.overrides, overrides);
        self.held.keys().map(Address::to_string).any(|at| before.of(&at) != self.overrides.of(&at))
    }

    /// Looks at those that are held; true if some of them go. To be called at [`next_review`](Self::next_review).
    pub fn review(&mut self, now: Instant, reach: impl Fn(&Address) -> Reach) -> bool {
        let before = self.held.len();
        let limit = if self.quarantined { self.patience.quarantine } else { self.patience.removal };
        let quarantined = self.quarantined;
        self.held.retain(|address, held| {
            now.saturating_duration_since(held.since) < limit && stays(reach(address), quarantined)
        });
        self.quarantined &= !self.held.is_empty();
        self.held.len() != before
    }

    /// When to look again; `None` while nobody is held.
    pub fn next_review(&self, now: Instant) -> Option<Instant> {
        (!self.held.is_empty()).then(|| now + REVIEW)
    }

    /// Everybody to be used: those that are listed, and those that are held, as operators decided.
    pub fn providers(&self) -> impl Iterator<Item = Provider> {
        let held = self.held.iter().map(|(address, held)| {
            let mut provider = held.provider.clone();
            self.overrides.of(&address.to_string()).apply(&mut provider.endpoint);
            provider
        });
        self.listed.values().cloned().chain(held)
    }

    /// How many of them are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether those that are held are half of all or more.
    pub fn is_quarantined(&self) -> bool {
        self.quarantined
    }

    /// What it did so far.
    pub fn counts(&self) -> RosterCounts {
        self.counts
    }
}

/// Whether somebody is held of whom this is seen. In a quarantine the client's own list may be all that is left, so that
/// those it never tried count as well.
fn stays(reach: Reach, quarantined: bool) -> bool {
    match reach {
        Reach::Answers => true,
        Reach::Unknown => quarantined,
        Reach::Down | Reach::Leaving => false,
    }
}

#[cfg(test)]
mod tests;
