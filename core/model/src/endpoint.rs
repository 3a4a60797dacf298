//! One reachable address and what a balancer needs to know about it.

use crate::{Address, Error, ErrorKind, Metadata, Result};

/// One reachable address with its weight and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it listens.
    pub address: Address,
    /// Share of calls relative to the others; 0 takes no new calls. 100 is the usual weight.
    pub weight: u32,
    /// Failure domain, or empty if unknown.
    pub zone: String,
    /// It still answers, but asks for no new calls.
    pub draining: bool,
    /// What it says of itself beside that; the library makes nothing of it.
    pub metadata: Metadata,
}

impl Endpoint {
    /// The weight of an endpoint that says nothing about it.
    pub const DEFAULT_WEIGHT: u32 = 100;

    /// The largest weight that a server can give itself.
    pub const MAX_WEIGHT: u32 = 1_000_000;

    /// The number as a weight, unless it is too large.
    pub fn check_weight(number: u64) -> Result<u32> {
        u32::try_from(number).ok().filter(|weight| *weight <= Self::MAX_WEIGHT).ok_or_else(|| {
            let message = format!("the weight {number} is larger than {}", Self::MAX_WEIGHT);
            Error::new(ErrorKind::Invalid, message)
        })
    }

    /// An endpoint of the usual weight, in no zone.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            weight: Self::DEFAULT_WEIGHT,
            zone: String::new(),
            draining: false,
            metadata: Metadata::new(),
        }
    }
}
