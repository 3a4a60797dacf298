//! What can be set about balancing.

use libfast_model::{ClientOptions, Policy};
use std::time::Duration;

/// How a [`Balancer`](crate::Balancer) behaves. Each default has its reason; "measured" refers to the simulator of this
/// crate (`tests/simulation`).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BalanceOptions {
    /// How an endpoint is chosen. Default: p2c, as Finagle and Linkerd do, since it is the one that notices a slow
    /// endpoint by itself.
    pub policy: Policy,
    /// The failure domain of this client; empty if unknown, as by default. Endpoints of the same zone are preferred.
    pub zone: String,
    /// Part of the endpoints of the own zone that must be ready for them to be preferred. Default: 0.7, as a zone that
    /// lost more would be overrun by its own clients. Above 1: zones are ignored.
    pub zone_ready: f64,
    /// By how much an endpoint of the own zone may cost more than one elsewhere. Default: 2, since a way to another
    /// zone takes around a millisecond more, as much as a usual call.
    pub zone_spill: f64,
    /// Most endpoints that one client uses. Default: 20 (gRPC A68 and Finagle use 10 to 20): with fewer a client may
    /// draw bad ones only. 0: all.
    pub subset_size: usize,
    /// Number of endpoints above which a subset is used. Default: 40, below which it saves less than half of the connections.
    pub subset_above: usize,
    /// In which time an endpoint that comes later or comes back gets its full share. Default: 10 s, as gRPC's
    /// weighted round robin and most runtimes that compile while they run. Zero: at once.
    pub slow_start: Duration,
    /// Part of its share with which it begins. Default: 0.1, as Envoy: with nothing it would never get warm.
    pub slow_start_floor: f64,
    /// What a failed call counts as, at least: the time that another try would be given. Default: 100 ms, a
    /// hundred usual calls, which keeps an endpoint that fails fast at one call in ten seconds.
    pub failure_penalty: Duration,
    /// With the policy `hash`: how much more than the mean of calls under way an owner may have before its keys
    /// spill to others. Default: 1.25, from "Consistent Hashing with Bounded Loads".
    pub bounded_load: f64,
    /// Whether endpoints whose calls timed out get pings, see [`Balancer::to_ping`](crate::Balancer::to_ping): then none of them is
    /// risked a call before it has answered one. Default: true.
    pub pings: bool,
    /// When an endpoint is taken out.
    pub ejection: EjectionOptions,
}

/// When an endpoint is ejected and for how long.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct EjectionOptions {
    /// Failures in a row. Default: 5, as Finagle and Envoy. 0: never for this reason.
    pub consecutive: u32,
    /// Part of the calls of the last ten seconds that must succeed. Default: 0.8, as Finagle and Linkerd. 0: never for this reason.
    pub success_rate: f64,
    /// Calls of the last ten seconds needed to tell. Default: 20, below which four failures would be enough.
    pub least_calls: u64,
    /// Calls in a row that timed out, while nothing came for ten times the usual latency. Default: 3. 0: never for this reason.
    pub timeouts: u32,
    /// How long the first time; each time in a row doubles it. Half of it is drawn at random, so that clients do not
    /// come back in step. Default: 1 s, since a restart takes about that long.
    pub base: Duration,
    /// How long at most. Default: 60 s: one call a minute is what looking for its recovery may cost.
    pub longest: Duration,
    /// Part of the endpoints that may be ejected. Default: 0.5; beyond, the fault is likely elsewhere and the others would
    /// be overrun. The last one that is ready is never ejected.
    pub most: f64,
    /// Part of the endpoints that must be ready; with fewer, ejection is ignored. Default: 0.5, as Envoy and
    /// Finagle: better to try all than to overrun a few.
    pub panic: f64,
}

impl Default for BalanceOptions {
    fn default() -> Self {
        Self {
            policy: Policy::P2c,
            zone: String::new(),
            zone_ready: 0.7,
            zone_spill: 2.0,
            subset_size: 20,
            subset_above: 40,
            slow_start: Duration::from_secs(10),
            slow_start_floor: 0.1,
            failure_penalty: Duration::from_millis(100),
            bounded_load: 1.25,
            pings: true,
            ejection: EjectionOptions::default(),
        }
    }
}

impl Default for EjectionOptions {
    fn default() -> Self {
        Self {
            consecutive: 5,
            success_rate: 0.8,
            least_calls: 20,
            timeouts: 3,
            base: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            most: 0.5,
            panic: 0.5,
        }
    }
}

impl BalanceOptions {
    /// The defaults with another policy.
    pub fn with_policy(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }
}

impl From<&ClientOptions> for BalanceOptions {
    fn from(options: &ClientOptions) -> Self {
        let few = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let many = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            policy: options.policy,
            zone: options.zone.clone(),
            subset_size: many(options.subset_size),
            subset_above: many(options.subset_above),
            slow_start: Duration::from_millis(options.slow_start_ms),
            pings: options.ping_after_ms > 0,
            ejection: EjectionOptions {
                consecutive: few(options.eject_failures),
                success_rate: options.eject_below_percent as f64 / 100.0,
                timeouts: few(options.eject_timeouts),
                base: Duration::from_millis(options.eject_ms),
                longest: Duration::from_millis(options.eject_max_ms),
                ..EjectionOptions::default()
            },
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each default is written in two places: here, where its reason is, and in the table that users see.
    #[test]
    fn the_defaults_of_a_client_are_those_of_the_balancer() {
        let (client, own) = (BalanceOptions::from(&ClientOptions::default()), BalanceOptions::default());
        assert_eq!(format!("{client:?}"), format!("{own:?}"));
    }
}
