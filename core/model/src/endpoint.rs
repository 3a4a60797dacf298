//! One reachable address and what a balancer needs to know about it.

use crate::Address;

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
}

impl Endpoint {
    /// The weight of an endpoint that says nothing about it.
    pub const DEFAULT_WEIGHT: u32 = 100;

    /// An endpoint of the usual weight, in no zone.
    pub fn new(address: Address) -> Self {
        Self { address, weight: Self::DEFAULT_WEIGHT, zone: String::new(), draining: false }
    }
}
