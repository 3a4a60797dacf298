//! Options that are one of a few words.

use crate::OptionValue;

/// What a client does with the last list of its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RegistryCache {
    /// It counts as long as the registry has not answered.
    #[default]
    Fallback,
    /// One process asks the registry for all that use the same file.
    Leader,
    /// It is not kept.
    Off,
}

impl OptionValue for RegistryCache {
    fn from_text(text: &str) -> Option<Self> {
        match text {
            "fallback" => Some(Self::Fallback),
            "leader" => Some(Self::Leader),
            "off" => Some(Self::Off),
            _ => None,
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Fallback => "fallback".into(),
            Self::Leader => "leader".into(),
            Self::Off => "off".into(),
        }
    }
}

/// The checksum of frames whose version is 1, about which its users never agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChecksumV1 {
    /// CRC-16/XMODEM over the low bytes of the UTF-16 code units, as node-fast computes it.
    #[default]
    Xmodem,
    /// CRC-16/ARC over the bytes, the checksum of version 2.
    Arc,
    /// Both are understood; each request is answered with its own, and ARC is taken if both fit.
    Either,
}

impl OptionValue for ChecksumV1 {
    fn from_text(text: &str) -> Option<Self> {
        match text {
            "xmodem" => Some(Self::Xmodem),
            "arc" => Some(Self::Arc),
            "either" => Some(Self::Either),
            _ => None,
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Xmodem => "xmodem".into(),
            Self::Arc => "arc".into(),
            Self::Either => "either".into(),
        }
    }
}
