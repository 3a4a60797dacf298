//! Randomness that repeats: every purpose on every connection has a generator of its own.

use fastrand::Rng;
use std::time::Duration;

/// What something random is for. Each has its own generator, so that, say, how the kernel cuts the stream into reads
/// (which decides how often jitter is drawn) does not change which bytes are corrupted.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    Jitter,
    Corruption,
    Storm,
}

/// The generator of a purpose on one way (any number) of the connection that was accepted as that one.
pub fn generator(seed: u64, connection: u64, way: u64, purpose: Purpose) -> Rng {
    let parts = [connection, way, purpose as u64];
    Rng::with_seed(parts.into_iter().fold(seed, |seed, part| mixed(seed ^ mixed(part))))
}

/// How many misses come before the next hit; none if it is out of sight.
pub fn misses(rng: &mut Rng, chance: f64) -> Option<u64> {
    match chance {
        chance if chance >= 1.0 => Some(0),
        chance if chance > 0.0 => {
            let misses = positive(rng).ln() / (-chance).ln_1p();
            // Further than any stream goes.
            (misses < 1e18).then_some(misses as u64)
        }
        _ => None,
    }
}

/// When something comes that comes within a second with that chance; none if it is out of sight.
pub fn wait(rng: &mut Rng, chance: f64) -> Option<Duration> {
    match chance {
        chance if chance >= 1.0 => Some(Duration::ZERO),
        chance if chance > 0.0 => {
            let seconds = positive(rng).ln() / (-chance).ln_1p();
            // A year is longer than any connection lives.
            (seconds < 3e7).then(|| Duration::from_secs_f64(seconds))
        }
        _ => None,
    }
}

/// Anything from nothing to that much.
pub fn up_to(rng: &mut Rng, most: Duration) -> Duration {
    if most.is_zero() { Duration::ZERO } else { most.mul_f64(rng.f64()) }
}

/// Above 0, up to 1.
fn positive(rng: &mut Rng) -> f64 {
    1.0 - rng.f64()
}

/// The last step of SplitMix64: near seeds give far ones.
fn mixed(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_is_kept() {
        let mut rng = generator(1, 0, 0, Purpose::Corruption);
        let gaps: u64 = (0..10_000).map(|_| misses(&mut rng, 0.01).unwrap() + 1).sum();
        assert!((900_000..1_100_000).contains(&gaps), "10 000 hits of 1 % in {gaps}");
        let within = (0..10_000).filter(|_| wait(&mut rng, 0.1).unwrap() < Duration::from_secs(1)).count();
        assert!((900..1_100).contains(&within), "{within} of 10 000 instead of 10 %");
        assert_eq!((misses(&mut rng, 0.0), misses(&mut rng, f64::NAN)), (None, None));
        assert_eq!((misses(&mut rng, 1.0), wait(&mut rng, 7.0)), (Some(0), Some(Duration::ZERO)));
        assert_eq!((wait(&mut rng, -1.0), misses(&mut rng, 1e-300)), (None, None));
    }

    #[test]
    fn each_purpose_of_each_connection_has_its_own() {
        let draw = |seed, connection, way, purpose| generator(seed, connection, way, purpose).u64(..);
        let first = draw(7, 1, 0, Purpose::Jitter);
        assert_eq!(first, draw(7, 1, 0, Purpose::Jitter));
        for other in [
            draw(8, 1, 0, Purpose::Jitter),
            draw(7, 2, 0, Purpose::Jitter),
            draw(7, 1, 1, Purpose::Jitter),
            draw(7, 1, 0, Purpose::Storm),
        ] {
            assert_ne!(first, other);
        }
    }
}
