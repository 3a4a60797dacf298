//! The hash functions behind ownership and subsets. Their values are part of the contract: processes of any language and
//! version must agree on them, so they depend on neither the machine nor a library.

/// The hash of a key or an address: FNV-1a of 64 bits, finished by the finisher of SplitMix64 because FNV alone leaves the high bits of
/// short texts alike.
pub fn hash(bytes: &[u8]) -> u64 {
    let fold = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    mix(bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold))
}

/// The finisher of SplitMix64: every bit of `x` reaches every bit of the result.
pub(crate) fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The hash of a pair.
pub(crate) fn pair(a: u64, b: u64) -> u64 {
    mix(a.wrapping_add(b.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
}

/// How far an endpoint of `weight` stands from the key for which `hash` was computed, in weighted rendezvous hashing:
/// the nearest one owns the key, and each is nearest for its share of all keys.
pub(crate) fn distance(hash: u64, weight: u32) -> f64 {
    // The top 53 bits as a number between 0 and 1, neither of which it is.
    let part = ((hash >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    -ln(part) / f64::from(weight)
}

/// The natural logarithm of a normal number. Not the one of the system, whose last bit differs between systems: sums,
/// products and quotients do not.
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = (bits >> 52) as i64 - 1023;
    let mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    // ln m = 2 artanh ((m - 1) / (m + 1)), whose series ends soon for m between 1 and 2.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let series = (0..20).rev().fold(0.0, |sum, n| sum * s * s + 1.0 / f64::from(2 * n + 1));
    exponent as f64 * std::f64::consts::LN_2 + 2.0 * s * series
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other implementations are checked against these, too.
    #[test]
    fn the_values_are_fixed() {
        assert_eq!(hash(b""), 0xf52a_15e9_a9b5_e89b);
        assert_eq!(hash(b"127.0.0.1:2030"), 0xa32b_a2a2_a799_afa5);
        assert_eq!(pair(1, 2), 0xbeeb_8da1_658e_ec67);
    }

    #[test]
    fn the_logarithm_is_one() {
        for x in [1e-16, 0.001, 0.3, 0.5, 0.75, 0.999_999, 1.0, 1.5, 10.0] {
            assert!((ln(x) - x.ln()).abs() <= 1e-14 * x.ln().abs().max(1.0), "{x}");
        }
    }
}
