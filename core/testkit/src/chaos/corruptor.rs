//! Changes bytes of one direction of a connection.

use super::dice::misses;
use super::plan::{Corruption, Flip};
use fastrand::Rng;

/// Where the stream is, and which byte chance hits next. That is decided by the place of a byte alone, however the
/// stream is cut into reads.
pub struct Corruptor {
    gaps: Rng,
    masks: Rng,
    at: u64,
    chance: f64,
    next: Option<u64>,
}

impl Corruptor {
    pub fn new(mut rng: Rng) -> Self {
        Self { masks: rng.fork(), gaps: rng, at: 0, chance: 0.0, next: None }
    }

    /// Changes what comes next in the stream; returns how many bytes.
    pub fn pass(&mut self, bytes: &mut [u8], corruption: &Corruption) -> usize {
        if self.chance.to_bits() != corruption.chance.to_bits() {
            self.chance = corruption.chance;
            self.next = self.after(self.at);
        }
        let end = self.at + bytes.len() as u64;
        let mut hits: Vec<u64> =
            corruption.places.iter().copied().filter(|place| (self.at..end).contains(place)).collect();
        while let Some(hit) = self.next.filter(|hit| *hit < end) {
            hits.push(hit);
            self.next = self.after(hit + 1);
        }
        // A byte that is hit twice could become what it was.
        hits.sort_unstable();
        hits.dedup();
        for hit in &hits {
            let mask = match corruption.flip {
                Flip::Bit => 1 << self.masks.u8(..8),
                Flip::Byte => self.masks.u8(1..),
            };
            bytes[(hit - self.at) as usize] ^= mask;
        }
        self.at = end;
        hits.len()
    }

    fn after(&mut self, place: u64) -> Option<u64> {
        misses(&mut self.gaps, self.chance).and_then(|misses| place.checked_add(misses))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corrupted(corruption: &Corruption, chunk: usize) -> (Vec<u8>, usize) {
        let mut bytes = vec![0; 10_000];
        let mut corruptor = Corruptor::new(Rng::with_seed(1));
        let changed = bytes.chunks_mut(chunk).map(|chunk| corruptor.pass(chunk, corruption)).sum();
        (bytes, changed)
    }

    #[test]
    fn places_and_chance_hit_as_often_as_counted_and_never_in_vain() {
        let places = vec![0, 9_999, 5_000, 5_000, 10_000];
        let (bytes, changed) = corrupted(&Corruption { places, ..Default::default() }, 64);
        let hit: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        assert_eq!((hit, changed), (vec![0, 5_000, 9_999], 3));
        assert!(bytes.iter().all(|byte| byte.count_ones() <= 1), "one bit each");
        for chance in [0.01, 0.5, 1.0] {
            let corruption = Corruption { chance, places: vec![7], flip: Flip::Byte };
            let (bytes, changed) = corrupted(&corruption, 64);
            assert_eq!(bytes.iter().filter(|byte| **byte != 0).count(), changed);
            let expected = chance * 10_000.0;
            assert!((changed as f64 - expected).abs() <= 300.0, "{changed} instead of {expected}");
        }
    }

    #[test]
    fn how_the_stream_is_cut_does_not_change_how_it_is_hit() {
        let corruption = Corruption { chance: 0.01, ..Default::default() };
        let whole = corrupted(&corruption, 10_000);
        assert_eq!(whole, corrupted(&corruption, 1));
        assert_eq!(whole, corrupted(&corruption, 333));
    }
}
