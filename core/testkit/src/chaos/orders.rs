//! What a proxy is told: faults that last, and orders that its connections carry out once.

use super::plan::{Direction, Plan};

/// What every connection of a proxy looks at.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub plan: Plan,
    pub orders: Orders,
}

/// How often each order was given. A connection carries out those that came after it was accepted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orders {
    pub cuts: u64,
    pub resets: u64,
    half_closes: [u64; 2],
}

impl Orders {
    pub fn half_closes(&self, direction: Direction) -> u64 {
        self.half_closes[direction as usize]
    }

    pub fn half_close(&mut self, direction: Direction) {
        self.half_closes[direction as usize] += 1;
    }
}
