//! The two checksums. The version byte of a frame chooses, and for version 1 the setting of [`ChecksumV1`].

use crate::Version;
use crc_fast::{CrcAlgorithm, Digest, checksum};
use libfast_model::ChecksumV1;

/// How the checksum of a frame is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Checksum {
    /// CRC-16/XMODEM over the low byte of each UTF-16 code unit of the text.
    Xmodem,
    /// CRC-16/ARC over the bytes of the text.
    Arc,
}

impl Checksum {
    /// The one with which frames of `version` are sent.
    pub fn to_send(version: Version, v1: ChecksumV1) -> Self {
        match (version, v1) {
            (Version::V2, _) | (Version::V1, ChecksumV1::Arc) => Self::Arc,
            (Version::V1, ChecksumV1::Xmodem | ChecksumV1::Either) => Self::Xmodem,
        }
    }

    /// The one that gives `announced` for a frame of `version`; if none does, what was expected.
    pub(crate) fn find(version: Version, v1: ChecksumV1, text: &[u8], announced: u32) -> Result<Self, u16> {
        let either = version == Version::V1 && v1 == ChecksumV1::Either;
        if either && u32::from(Self::Arc.of(text)) == announced {
            return Ok(Self::Arc);
        }
        let checksum = Self::to_send(version, v1);
        let calculated = checksum.of(text);
        if u32::from(calculated) == announced { Ok(checksum) } else { Err(calculated) }
    }

    /// The checksum of a payload's text. Bytes that are no UTF-8 are taken as they are by ARC and as U+FFFD by
    /// XMODEM; callers pass text.
    pub(crate) fn of(self, text: &[u8]) -> u16 {
        match self {
            Self::Arc => checksum(CrcAlgorithm::Crc16Arc, text) as u16,
            Self::Xmodem if text.is_ascii() => checksum(CrcAlgorithm::Crc16Xmodem, text) as u16,
            Self::Xmodem => checksum_of_units(&String::from_utf8_lossy(text)),
        }
    }
}

fn checksum_of_units(text: &str) -> u16 {
    let mut digest = Digest::new(CrcAlgorithm::Crc16Xmodem);
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
    digest.finalize() as u16
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
            assert_eq!(Checksum::Xmodem.of(text.as_bytes()), v1, "{text}");
            assert_eq!(Checksum::Arc.of(text.as_bytes()), v2, "{text}");
        }
        assert_eq!(Checksum::Xmodem.of("Ł".as_bytes()), Checksum::Xmodem.of(b"A"));
        assert_eq!(Checksum::Xmodem.of("Ā".as_bytes()), 0);
    }

    /// The buffer of low bytes is flushed in the middle of long texts.
    #[test]
    fn long_text_of_version_1_is_summed_whole() {
        let text = "€x".repeat(1000);
        let low: Vec<u8> = text.encode_utf16().map(|unit| (unit & 0xff) as u8).collect();
        assert_eq!(Checksum::Xmodem.of(text.as_bytes()), checksum(CrcAlgorithm::Crc16Xmodem, &low) as u16);
    }
}
