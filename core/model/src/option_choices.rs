//! Options that are one of a few words.

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

/// What a client does with the last list of its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RegistryCache {
    /// It counts as long as the registry has not answered.
    #[default]
    Fallback,
    /// One process asks the registry for all that use the same file.
    Leader,
    /// It is not kept.
    Off,
}

impl OptionValue for RegistryCache {
    fn from_text(text: &str) -> Option<Self> {
        match text {
            "fallback" => Some(Self::Fallback),
            "leader" => Some(Self::Leader),
            "off" => Some(Self::Off),
            _ => None,
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Fallback => "fallback".into(),
            Self::Leader => "leader".into(),
            Self::Off => "off".into(),
        }
    }
}

/// The checksum of frames whose version is 1, about which its users never agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChecksumV1 {
    /// CRC-16/XMODEM over the low bytes of the UTF-16 code units, as node-fast computes it.
    #[default]
    Xmodem,
    /// CRC-16/ARC over the bytes, the checksum of version 2.
    Arc,
    /// Both are understood; each request is answered with its own, and ARC is taken if both fit.
    Either,
}

impl OptionValue for ChecksumV1 {
    fn from_text(text: &str) -> Option<Self> {
        match text {
            "xmodem" => Some(Self::Xmodem),
            "arc" => Some(Self::Arc),
            "either" => Some(Self::Either),
            _ => None,
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Xmodem => "xmodem".into(),
            Self::Arc => "arc".into(),
            Self::Either => "either".into(),
        }
    }
}
