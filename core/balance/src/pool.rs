//! Endpoints that take calls, prepared for being drawn.

use crate::Member;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, OnceLock};

/// Positions of members in their set, with what the policies need to draw one in constant time.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    pub positions: Vec<u32>,
    weights: Vec<u32>,
    is_uniform: bool,
    total: u64,
    per_mean: f64,
    /// Sums of the weights up to each position, for draws by weight.
    sums: OnceLock<Vec<u64>>,
    schedule: OnceLock<Vec<u32>>,
}

/// Longest round of weighted turns. Weights whose round would be longer are met to one part in this.
const LONGEST_ROUND: u64 = 1 << 16;

impl Pool {
    /// The members for which `belongs` holds.
    pub fn new<T>(members: &[Arc<Member<T>>], belongs: impl Fn(&Member<T>) -> bool) -> Self {
        let numbered = members.iter().enumerate().filter(|(_, member)| belongs(member));
        let (positions, weights): (Vec<u32>, Vec<u32>) =
            numbered.map(|(position, member)| (position as u32, member.endpoint.weight)).unzip();
        let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        Self {
            is_uniform: weights.windows(2).all(|pair| pair[0] == pair[1]),
            total,
            per_mean: positions.len() as f64 / total.max(1) as f64,
            positions,
            weights,
            sums: OnceLock::new(),
            schedule: OnceLock::new(),
        }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// The sum of all weights.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// By which to multiply a weight to compare it with the mean one.
    #[inline]
    pub fn per_mean(&self) -> f64 {
        self.per_mean
    }

    /// One of them, all alike. The pool is not empty.
    #[inline]
    pub fn draw(&self, rng: &mut fastrand::Rng) -> usize {
        self.positions[rng.usize(..self.len())] as usize
    }

    /// One of them, by weight. The pool is not empty.
    #[inline]
    pub fn draw_weighted(&self, rng: &mut fastrand::Rng) -> usize {
        if self.is_uniform {
            return self.draw(rng);
        }
        let drawn = rng.u64(..self.total);
        self.positions[self.sums().partition_point(|&sum| sum <= drawn)] as usize
    }

    /// The one whose turn it is. The pool is not empty.
    pub fn in_turn(&self, turn: usize) -> usize {
        self.positions[turn % self.len()] as usize
    }

    /// The one whose turn it is by weight. The pool is not empty.
    pub fn in_weighted_turn(&self, turn: usize) -> usize {
        if self.is_uniform {
            return self.in_turn(turn);
        }
        let schedule = self.schedule();
        self.positions[schedule[turn % schedule.len()] as usize] as usize
    }

    /// Makes what is made on first use otherwise, so that no pick waits for another one that makes it.
    pub fn prepare(&self, sums: bool, schedule: bool) {
        if sums && !self.is_uniform {
            self.sums();
        }
        if schedule && !self.is_uniform {
            self.schedule();
        }
    }

    fn sums(&self) -> &[u64] {
        let sum = |before: &mut u64, weight: &u32| {
            *before += u64::from(*weight);
            Some(*before)
        };
        self.sums.get_or_init(|| self.weights.iter().scan(0, sum).collect())
    }

    fn schedule(&self) -> &[u32] {
        self.schedule.get_or_init(|| schedule(&round(&self.weights)))
    }
}

/// How many turns each gets in one round.
fn round(weights: &[u32]) -> Vec<u32> {
    let divisor = weights.iter().fold(0, |divisor, &weight| gcd(divisor, weight)).max(1);
    let total: u64 = weights.iter().map(|&weight| u64::from(weight / divisor)).sum();
    if total <= LONGEST_ROUND {
        return weights.iter().map(|weight| weight / divisor).collect();
    }
    let scale = LONGEST_ROUND as f64 / total as f64;
    weights.iter().map(|&weight| ((f64::from(weight / divisor) * scale).round() as u32).max(1)).collect()
}

/// The order of one round: each comes as often as said, as evenly spread as can be.
fn schedule(turns: &[u32]) -> Vec<u32> {
    // Everyone's turns are due at even distances. Where those of different ones begin is spread as well, or the rare ones
    // would all come in the middle of the round.
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let due = |who: usize, turn: u32| {
        let phase = ((who + 1) as f64 * GOLDEN).fract();
        // A positive number's bits are in its order.
        ((f64::from(turn) + phase) / f64::from(turns[who])).to_bits()
    };
    let mut next: BinaryHeap<_> = (0..turns.len()).map(|who| Reverse((due(who, 0), who, 0))).collect();
    let mut order = Vec::with_capacity(turns.iter().map(|&n| n as usize).sum());
    while let Some(Reverse((_, who, turn))) = next.pop() {
        order.push(who as u32);
        if turn + 1 < turns[who] {
            next.push(Reverse((due(who, turn + 1), who, turn + 1)));
        }
    }
    order
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_as_many_as_the_weights_say_and_well_spread() {
        let order = schedule(&round(&[500, 100, 100]));
        let count = |who| order.iter().filter(|&&other| other == who).count();
        assert_eq!((count(0), count(1), count(2)), (5, 1, 1));
        assert!(!order.windows(2).any(|pair| pair == [1, 2] || pair == [2, 1]), "{order:?}");
        let even = schedule(&round(&[2, 2]));
        assert!(even == [0, 1] || even == [1, 0]);
    }

    #[test]
    fn nobody_is_left_out_of_a_round_that_is_cut_short() {
        let turns = round(&[1_000_000, 1, 999_983]);
        assert!(turns.iter().all(|&n| n > 0) && turns.iter().sum::<u32>() <= 1 + LONGEST_ROUND as u32);
    }
}
