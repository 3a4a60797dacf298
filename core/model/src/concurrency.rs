//! How many requests a server runs at once.

use crate::OptionValue;

/// How many handlers a server has at work at once; a few requests beyond that wait for their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Concurrency {
    /// As many as come, up to `max_inflight`.
    #[default]
    Unlimited,
    /// As many as do not slow each other down, which is found out by how long they take.
    Auto,
    /// So many.
    Fixed(u32),
}

impl Concurrency {
    /// The words among its values.
    pub const WORDS: &'static [&'static str] = &["off", "auto"];
}

impl OptionValue for Concurrency {
    fn from_text(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self::Unlimited),
            "auto" => Some(Self::Auto),
            number => number.parse().ok().map(Self::Fixed),
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Unlimited => "off".into(),
            Self::Auto => "auto".into(),
            Self::Fixed(number) => number.to_string(),
        }
    }
}
