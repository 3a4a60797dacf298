//! How a client chooses among endpoints.

use crate::OptionValue;

/// How a client chooses an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// Lowest latency and load; among many endpoints, the best of a few drawn at random.
    P2c,
    /// Fewest calls under way, for their weight; among many endpoints, the best of a few drawn at random.
    LeastLoaded,
    /// One after the other.
    RoundRobin,
    /// One after the other, as often as their weights say, evenly spread.
    WeightedRoundRobin,
    /// At random, all alike.
    Random,
    /// At random, by weight.
    WeightedRandom,
    /// The owner of the call's affinity key, the same for every client; calls without a key as [`P2c`](Self::P2c).
    Hash,
    /// The endpoint that the affinity key had before, or the client if there is no key, as long as it is ready;
    /// otherwise a new one as [`P2c`](Self::P2c).
    Sticky,
}

impl Policy {
    /// All of them with their names.
    pub const NAMES: [(Self, &'static str); 8] = [
        (Self::P2c, "p2c"),
        (Self::LeastLoaded, "least_loaded"),
        (Self::RoundRobin, "round_robin"),
        (Self::WeightedRoundRobin, "weighted_round_robin"),
        (Self::Random, "random"),
        (Self::WeightedRandom, "weighted_random"),
        (Self::Hash, "hash"),
        (Self::Sticky, "sticky"),
    ];
}

impl OptionValue for Policy {
    fn from_text(text: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(policy, _)| *policy)
    }

    fn to_text(&self) -> String {
        Self::NAMES.iter().find(|(policy, _)| policy == self).map_or("", |(_, name)| *name).into()
    }
}
