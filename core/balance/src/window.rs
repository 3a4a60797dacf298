//! Two counts over the last seconds.

use crate::Moment;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Two counts over a sliding window of ten slots. Updated from many threads without locks; a count that is lost to a race
/// at the turn of a slot is one of many.
///
/// A slot is one word: the low 24 bits of its number, then 20 bits for each count, which stand still at their maximum of
/// about a million.
#[derive(Debug)]
pub(crate) struct Window {
    slot_ns: u64,
    slots: [AtomicU64; SLOTS],
}

const SLOTS: usize = 10;
const COUNT_BITS: u32 = 20;
const MOST: u64 = (1 << COUNT_BITS) - 1;
const NUMBER_MASK: u64 = (1 << 24) - 1;

impl Window {
    /// A window of that length.
    pub fn new(length: Duration) -> Self {
        let slot_ns = (crate::moment::nanos(length) / SLOTS as u64).max(1);
        // The number before the first one, so that a slot that was never used is not taken for the first.
        Self { slot_ns, slots: [const { AtomicU64::new(NUMBER_MASK << (2 * COUNT_BITS)) }; SLOTS] }
    }

    /// Adds to both counts.
    pub fn add(&self, now: Moment, a: u64, b: u64) {
        let number = now.0 / self.slot_ns;
        let slot = &self.slots[(number % SLOTS as u64) as usize];
        let mut before = slot.load(Relaxed);
        loop {
            let (_, old_a, old_b) =
                if before >> (2 * COUNT_BITS) == number & NUMBER_MASK { unpack(before) } else { (0, 0, 0) };
            let after = pack(number, (old_a + a).min(MOST), (old_b + b).min(MOST));
            match slot.compare_exchange_weak(before, after, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(newer) => before = newer,
            }
        }
    }

    /// Both counts.
    pub fn sums(&self, now: Moment) -> (u64, u64) {
        let number = now.0 / self.slot_ns;
        let recent = |slot: &AtomicU64| {
            let (of, a, b) = unpack(slot.load(Relaxed));
            let age = number.wrapping_sub(of) & NUMBER_MASK;
            // A thread with a later clock may be one slot ahead.
            (age < SLOTS as u64 || age == NUMBER_MASK).then_some((a, b))
        };
        self.slots.iter().filter_map(recent).fold((0, 0), |sum, (a, b)| (sum.0 + a, sum.1 + b))
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for slot in &self.slots {
            slot.fetch_and(NUMBER_MASK << (2 * COUNT_BITS), Relaxed);
        }
    }
}

fn pack(number: u64, a: u64, b: u64) -> u64 {
    (number & NUMBER_MASK) << (2 * COUNT_BITS) | a << COUNT_BITS | b
}

fn unpack(slot: u64) -> (u64, u64, u64) {
    (slot >> (2 * COUNT_BITS), (slot >> COUNT_BITS) & MOST, slot & MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_last_as_long_as_the_window() {
        let window = Window::new(Duration::from_secs(10));
        let at = |secs| Moment(0) + Duration::from_secs(secs);
        assert_eq!(window.sums(at(0)), (0, 0));
        window.add(at(0), 3, 1);
        window.add(at(4), 2, 0);
        assert_eq!(window.sums(at(9)), (5, 1));
        assert_eq!(window.sums(at(10)), (2, 0));
        window.add(at(20), 7, 7);
        assert_eq!(window.sums(at(20)), (7, 7));
        window.clear();
        assert_eq!(window.sums(at(20)), (0, 0));
    }

    #[test]
    fn a_full_count_stands_still() {
        let window = Window::new(Duration::from_secs(10));
        window.add(Moment(0), MOST, 0);
        window.add(Moment(0), 1, 1);
        assert_eq!(window.sums(Moment(0)), (MOST, 1));
    }
}
