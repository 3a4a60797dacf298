//! How often clients may ask a server.

use crate::metrics::ServerMeter;
use libfast_balance::{Moment, TokenBucket};
use libfast_model::{Error, ErrorKind, RateLimit, Result, Whose};
use prometheus_client::metrics::counter::Counter;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// The rate limits of a server.
#[derive(Debug, Default)]
pub(crate) struct Rates(Vec<Rate>);

#[derive(Debug)]
struct Rate {
    limit: RateLimit,
    /// What the error says.
    text: String,
    /// For all it counts together, and for those that are too many to have one each.
    bucket: TokenBucket,
    /// For each client, if it counts them one by one.
    clients: Mutex<HashMap<String, Arc<TokenBucket>>>,
    /// Its refusals, since the first one: to refuse must cost little.
    refused: OnceLock<Counter>,
}

/// Who sent a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'s> {
    /// The IP address, or `unix` for all on Unix sockets.
    pub address: &'s str,
    /// What the client calls itself.
    pub name: Option<&'s str>,
}

/// A request that came too early.
#[derive(Debug)]
pub(crate) struct TooEarly<'r> {
    rate: &'r Rate,
    /// When it may come again, if ever.
    pub again: Option<Duration>,
}

impl TooEarly<'_> {
    /// The limit, as it was written.
    pub fn limit(&self) -> &str {
        &self.rate.text
    }

    /// Tells the metrics.
    pub fn count(&self, meter: &ServerMeter) {
        self.rate.refused.get_or_init(|| meter.rate_limited(&self.rate.limit.counted())).inc();
    }
}

/// Clients that a limit counts one by one.
const MOST_CLIENTS: usize = 10_000;

impl Rates {
    /// Those of a text as the option `rate_limits` takes it. What `former` has counted stays where the limit is the same.
    pub fn parse(text: &str, former: &mut Self) -> Result<Self> {
        let limits = RateLimit::parse_all(text)?;
        for (n, limit) in limits.iter().enumerate() {
            let same = |other: &RateLimit| other.whose == limit.whose && other.method == limit.method;
            if limits[..n].iter().any(same) {
                let message = format!("rate limit {:?}: another one counts the same", limit.to_string());
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        }
        let kept = |limit: RateLimit| {
            let known = former.0.iter().position(|rate| rate.limit == limit);
            known.map_or_else(|| Rate::new(limit), |known| former.0.swap_remove(known))
        };
        Ok(Self(limits.into_iter().map(kept).collect()))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts a request, unless a limit says that it is too early: then none counts it, or who is refused by the limit of one client
    /// would use up that of all.
    pub fn take(&self, from: Sender<'_>, method: &str, now: Moment) -> std::result::Result<(), TooEarly<'_>> {
        let counting = self.0.iter().filter(|rate| rate.counts(from, method));
        let buckets: Vec<_> = counting.map(|rate| (rate, rate.own_bucket(from, now))).collect();
        let each = |one: fn(&TokenBucket, Moment, u32) -> std::result::Result<(), Duration>| {
            buckets.iter().try_for_each(|(rate, own)| {
                let bucket = own.as_deref().unwrap_or(&rate.bucket);
                one(bucket, now, 1).map_err(|wait| rate.too_early(wait))
            })
        };
        each(TokenBucket::look)?;
        // Others may have come first.
        each(TokenBucket::try_take)
    }
}

impl std::fmt::Display for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let texts: Vec<_> = self.0.iter().map(|rate| rate.text.as_str()).collect();
        f.write_str(&texts.join("; "))
    }
}

impl Sender<'_> {
    /// Whether somebody who writes this means it.
    pub fn is(&self, client: &str) -> bool {
        self.address == client || self.name == Some(client)
    }
}

impl Rate {
    fn new(limit: RateLimit) -> Self {
        let bucket = TokenBucket::new(limit.per_second, limit.burst);
        Self { text: limit.to_string(), limit, bucket, clients: Mutex::default(), refused: OnceLock::new() }
    }

    /// Whether the request is one of those it counts.
    fn counts(&self, from: Sender<'_>, method: &str) -> bool {
        let RateLimit { whose, method: which, .. } = &self.limit;
        let is_of_client = !matches!(whose, Whose::Client(client) if !from.is(client));
        is_of_client && which.as_ref().is_none_or(|which| which == method)
    }

    /// The sender's own; `None` if it is counted with others.
    fn own_bucket(&self, from: Sender<'_>, now: Moment) -> Option<Arc<TokenBucket>> {
        match self.limit.whose {
            Whose::All | Whose::Client(_) => None,
            Whose::EachAddress => self.bucket_of(from.address, now),
            Whose::EachClient => self.bucket_of(from.name.unwrap_or(from.address), now),
        }
    }

    fn too_early(&self, wait: Duration) -> TooEarly<'_> {
        let comes = self.limit.per_second > 0.0 && wait < Duration::MAX;
        TooEarly { rate: self, again: comes.then_some(wait) }
    }

    /// The client's own; `None` if too many have one.
    fn bucket_of(&self, client: &str, now: Moment) -> Option<Arc<TokenBucket>> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.get(client) {
            return Some(known.clone());
        }
        if clients.len() >= MOST_CLIENTS {
            // A full one is as good as a new one.
            clients.retain(|_, bucket| bucket.available(now) < u64::from(self.limit.burst));
        }
        if clients.len() >= MOST_CLIENTS {
            return None;
        }
        let bucket = Arc::new(TokenBucket::new(self.limit.per_second, self.limit.burst));
        clients.insert(client.to_owned(), bucket.clone());
        Some(bucket)
    }
}

/// The IP address in the name of a peer, an IPv4 address as such also on an IPv6 socket.
pub(crate) fn address_of(peer: &str) -> &str {
    let host = peer.rsplit_once(':').map_or(peer, |(host, _)| host);
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_prefix("::ffff:").filter(|mapped| mapped.contains('.')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_000_000_000);

    fn rates(text: &str) -> Rates {
        Rates::parse(text, &mut Rates::default()).unwrap()
    }

    fn from<'s>(address: &'s str, name: Option<&'s str>) -> Sender<'s> {
        Sender { address, name }
    }

    #[test]
    fn addresses_are_without_ports() {
        for (peer, address) in [
            ("10.1.2.3:45", "10.1.2.3"),
            ("[::1]:45", "::1"),
            ("[::ffff:10.1.2.3]:45", "10.1.2.3"),
            ("unix", "unix"),
        ] {
            assert_eq!(address_of(peer), address);
        }
    }

    #[test]
    fn each_client_has_a_bucket_of_its_own_by_name_or_by_address() {
        let by_client = rates("client=* rate=0 burst=1");
        assert!(by_client.take(from("a", Some("x")), "m", NOW).is_ok());
        assert!(by_client.take(from("b", Some("x")), "m", NOW).is_err());
        assert!(by_client.take(from("a", None), "m", NOW).is_ok());
        let by_address = rates("address=* rate=0 burst=1");
        assert!(by_address.take(from("a", Some("x")), "m", NOW).is_ok());
        assert!(by_address.take(from("a", Some("y")), "m", NOW).is_err());
    }

    #[test]
    fn one_client_and_one_method_are_told_from_others() {
        let one = rates("client=x method=m rate=0 burst=0");
        assert!(one.take(from("a", Some("x")), "m", NOW).is_err());
        assert!(one.take(from("x", None), "m", NOW).is_err());
        assert!(one.take(from("a", Some("x")), "n", NOW).is_ok());
        assert!(one.take(from("a", Some("y")), "m", NOW).is_ok());
    }

    #[test]
    fn whoever_is_refused_uses_up_nothing_of_the_others() {
        let both = rates("rate=0 burst=2; client=* rate=0 burst=1");
        assert!(both.take(from("a", None), "m", NOW).is_ok());
        for _ in 0..10 {
            let early = both.take(from("a", None), "m", NOW).unwrap_err();
            assert_eq!(early.limit(), "client=* rate=0 burst=1");
        }
        assert!(both.take(from("b", None), "m", NOW).is_ok());
        let early = both.take(from("c", None), "m", NOW).unwrap_err();
        assert_eq!(early.limit(), "rate=0 burst=2");
    }

    #[test]
    fn limits_that_stay_the_same_keep_what_they_counted() {
        let mut former = rates("method=a rate=0 burst=1; method=b rate=0 burst=1");
        for method in ["a", "b"] {
            former.take(from("x", None), method, NOW).unwrap();
        }
        let changed = Rates::parse("method=b rate=0 burst=1; method=a rate=0 burst=2", &mut former).unwrap();
        assert!(changed.take(from("x", None), "b", NOW).is_err());
        assert!(changed.take(from("x", None), "a", NOW).is_ok());
        assert_eq!(changed.to_string(), "method=b rate=0 burst=1; method=a rate=0 burst=2");
        let twice = Rates::parse("rate=1; rate=2", &mut Rates::default()).unwrap_err();
        assert!(twice.message().contains("counts the same"), "{twice}");
    }

    #[test]
    fn clients_beyond_a_bound_share_a_bucket() {
        let limit = rates("client=* rate=0 burst=2");
        for n in 0..MOST_CLIENTS {
            let address = n.to_string();
            assert!(limit.take(from(&address, None), "m", NOW).is_ok());
        }
        assert!(limit.take(from("one more", None), "m", NOW).is_ok());
        assert!(limit.take(from("and one more", None), "m", NOW).is_ok());
        assert!(limit.take(from("a third", None), "m", NOW).is_err());
    }
}
