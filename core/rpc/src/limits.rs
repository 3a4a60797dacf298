//! How often clients may ask, and whom a server does not serve for a while; both may change while it runs.

use crate::clock::Start;
use crate::metrics::ServerMeter;
use crate::rates::{Rates, Sender, address_of};
use crate::refusal::Refusal;
use crate::server::Server;
use libfast_model::{Error, ErrorKind, RemoteError, Result};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

/// Shared by the connections of a server.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// There are any, so that a server without them does not look.
    any: AtomicBool,
    rules: RwLock<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    rates: Rates,
    /// Clients with when they may come again.
    kicked: HashMap<String, Instant>,
}

impl Server {
    /// Puts other rate limits in the place of those there are, written as in the option `rate_limits`; empty for none. Limits
    /// that stay the same keep what they have counted. Text that is none is `Invalid` and changes nothing.
    ///
    /// A request that comes too early is refused with `FastRateLimited`, which says when to come again, unless that is never.
    pub fn set_rate_limits(&self, limits: &str) -> Result<()> {
        self.shared().limits.set_rates(limits)
    }

    /// The rate limits, as text.
    pub fn rate_limits(&self) -> String {
        self.shared().limits.rates()
    }

    /// Does not serve a client for `time`; zero serves it again. `client` is an IP address (`unix`: all on Unix sockets) or a
    /// `client_name`.
    ///
    /// Its requests are refused with `FastKicked`, which says when to come again; new connections from a kicked address are
    /// closed at once. What runs goes on.
    pub fn kick(&self, client: &str, time: Duration) -> Result<()> {
        self.shared().limits.kick(client, time)
    }

    /// The clients that are not served, with how much longer, in no order.
    pub fn kicked(&self) -> Vec<(String, Duration)> {
        self.shared().limits.kicked()
    }
}

impl Limits {
    /// With the rate limits of a text as the option `rate_limits` takes it.
    pub fn new(rates: &str) -> Result<Self> {
        let limits = Self::default();
        limits.set_rates(rates).map_err(|error| error.context("option \"rate_limits\""))?;
        Ok(limits)
    }

    /// Puts other rate limits in the place of those there are.
    pub fn set_rates(&self, text: &str) -> Result<()> {
        let mut rules = self.write();
        rules.rates = Rates::parse(text, &mut rules.rates)?;
        self.note(&rules);
        Ok(())
    }

    /// The rate limits as text.
    pub fn rates(&self) -> String {
        self.read().rates.to_string()
    }

    /// Does not serve a client for that time; zero serves it again.
    pub fn kick(&self, client: &str, time: Duration) -> Result<()> {
        let invalid = |why: String| Error::new(ErrorKind::Invalid, format!("cannot kick {client:?}: {why}"));
        if client.is_empty() {
            return Err(invalid("it needs the address or the name of a client".into()));
        }
        let now = Instant::now();
        let until = now.checked_add(time).ok_or_else(|| invalid(format!("{time:?} is too long")))?;
        let mut rules = self.write();
        rules.kicked.insert(as_known(client), until);
        rules.kicked.retain(|_, until| *until > now);
        self.note(&rules);
        Ok(())
    }

    /// The clients that are not served, with how much longer.
    pub fn kicked(&self) -> Vec<(String, Duration)> {
        let now = Instant::now();
        let rules = self.read();
        let left = rules.kicked.iter().map(|(client, until)| (client, until.saturating_duration_since(now)));
        left.filter(|(_, left)| !left.is_zero()).map(|(client, left)| (client.clone(), left)).collect()
    }

    /// Whether a connection from `peer` is not taken.
    pub fn is_kicked(&self, peer: &str) -> bool {
        let sender = Sender { address: address_of(peer), name: None };
        self.any.load(Ordering::Acquire) && self.read().kicked_for(sender, Instant::now()).is_some()
    }

    /// Counts a request. If it is refused, why and with which error.
    pub fn check(
        &self,
        peer: &str,
        name: Option<&str>,
        method: &str,
        start: &Start,
        meter: Option<&ServerMeter>,
    ) -> Option<(Refusal, RemoteError)> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let (rules, sender) = (self.read(), Sender { address: address_of(peer), name });
        if let Some((client, left)) = rules.kicked_for(sender, Instant::now()) {
            let message = format!("{client} was turned away for a while");
            return Some((Refusal::Kicked, Refusal::Kicked.to_error(message, Some(left))));
        }
        let early = rules.rates.take(sender, method, start.moment()).err()?;
        meter.iter().for_each(|meter| early.count(meter));
        let message = format!("more requests than {:?} lets through", early.limit());
        Some((Refusal::Rate, Refusal::Rate.to_error(message, early.again)))
    }

    fn note(&self, rules: &Rules) {
        self.any.store(!rules.rates.is_empty() || !rules.kicked.is_empty(), Ordering::Release);
    }

    fn read(&self) -> RwLockReadGuard<'_, Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rules> {
        self.rules.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rules {
    /// As whom a client is not served, and for how much longer.
    fn kicked_for<'s>(&self, sender: Sender<'s>, now: Instant) -> Option<(&'s str, Duration)> {
        let left = |client: &'s str| {
            let left = self.kicked.get(client)?.saturating_duration_since(now);
            (!left.is_zero()).then_some((client, left))
        };
        left(sender.address).or_else(|| left(sender.name?))
    }
}

/// An address as [`address_of`] has it; a name as it is.
fn as_known(client: &str) -> String {
    client.parse::<IpAddr>().map_or_else(|_| client.to_owned(), |address| address.to_canonical().to_string())
}
