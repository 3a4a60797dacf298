//! The two checksums, chosen by the version byte of a frame and by nothing else.

use crate::Version;
use crc::{CRC_16_ARC, CRC_16_XMODEM, Crc, Table};

static V1: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_XMODEM);
static V2: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_ARC);

/// The checksum of a payload's text. Bytes that are no UTF-8 are taken as they are in version 2 and as U+FFFD
/// in version 1; callers pass text.
pub(crate) fn checksum(version: Version, text: &[u8]) -> u16 {
    match version {
        Version::V2 => V2.checksum(text),
        Version::V1 if text.is_ascii() => V1.checksum(text),
        Version::V1 => checksum_of_units(&String::from_utf8_lossy(text)),
    }
}

/// Version 1 sees UTF-16 code units and only the low byte of each.
fn checksum_of_units(text: &str) -> u16 {
    let mut digest = V1.digest();
    let mut low_bytes = [0_u8; 256];
    let mut filled = 0;
    for unit in text.encode_utf16() {
        low_bytes[filled] = unit.to_le_bytes()[0];
        filled += 1;
        if filled == low_bytes.len() {
            digest.update(&low_bytes);
            filled = 0;
        }
    }
    digest.update(&low_bytes[..filled]);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_both_versions() {
        for (text, v1, v2) in [
            ("", 0, 0),
            ("123456789", 0x31c3, 0xbb3d),
            (r#"["hello","world"]"#, 10980, 7500),
            ("A", 22757, 12480),
            ("é", 27655, 36496),
            ("€", 29798, 60352),
            ("😀", 29641, 20073),
        ] {
            assert_eq!(checksum(Version::V1, text.as_bytes()), v1, "{text}");
            assert_eq!(checksum(Version::V2, text.as_bytes()), v2, "{text}");
        }
        assert_eq!(checksum(Version::V1, "Ł".as_bytes()), checksum(Version::V1, b"A"));
        assert_eq!(checksum(Version::V1, "Ā".as_bytes()), 0);
    }

    /// The buffer of low bytes is flushed in the middle of long texts.
    #[test]
    fn long_text_of_version_1_is_summed_whole() {
        let text = "€x".repeat(1000);
        let low: Vec<u8> = text.encode_utf16().map(|unit| (unit & 0xff) as u8).collect();
        assert_eq!(checksum(Version::V1, text.as_bytes()), V1.checksum(&low));
    }
}
