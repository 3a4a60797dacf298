//! What one option is: its name, kind, default and bounds, and how its text is read.

use crate::{Error, ErrorKind, Result};

/// The kind of an option's value and its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// `true` or `false` (also `1` or `0`).
    Flag,
    /// A whole number.
    Integer {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// A whole number, or one of these words instead.
    IntegerOr {
        /// The words.
        words: &'static [&'static str],
        /// Smallest number.
        min: u64,
        /// Largest number.
        max: u64,
    },
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// One row of the table of options.
#[derive(Debug, Clone)]
pub struct OptionSpec {
    /// The name, the same in every language. `_ms` and `_bytes` give the unit.
    pub name: &'static str,
    /// Kind and bounds.
    pub kind: OptionKind,
    /// The default as text.
    pub default: String,
    /// What it does and when to change it.
    pub doc: &'static str,
}

impl OptionSpec {
    /// Reads a text as a value of this option.
    pub fn read<V: OptionValue>(&self, text: &str) -> Result<V> {
        let wrong = |wanted: String| {
            Err(Error::new(
                ErrorKind::Invalid,
                format!("option {:?}: {text:?} is not {wanted} (default {:?})", self.name, self.default),
            ))
        };
        let in_bounds = match self.kind {
            OptionKind::Flag => matches!(text, "true" | "false" | "1" | "0"),
            OptionKind::Integer { min, max } => text.parse().is_ok_and(|n: u64| (min..=max).contains(&n)),
            OptionKind::IntegerOr { words, min, max } => {
                words.contains(&text) || text.parse().is_ok_and(|n: u64| (min..=max).contains(&n))
            }
            OptionKind::Text => !text.contains('\0'),
            OptionKind::Choice(words) => words.contains(&text),
        };
        match V::from_text(text) {
            Some(value) if in_bounds => Ok(value),
            _ => wrong(match self.kind {
                OptionKind::Flag => "true or false".into(),
                OptionKind::Integer { min, max } => format!("a whole number from {min} to {max}"),
                OptionKind::IntegerOr { words, min, max } => {
                    format!("{} or a whole number from {min} to {max}", words.join(", "))
                }
                OptionKind::Text => "a text without NUL bytes".into(),
                OptionKind::Choice(words) => format!("one of {}", words.join(", ")),
            }),
        }
    }
}

/// A Rust type that an option's text can be read as.
pub trait OptionValue: Sized {
    /// Reads a value; bounds are the option's.
    fn from_text(text: &str) -> Option<Self>;
    /// The text that reads as this value.
    fn to_text(&self) -> String;
}

impl OptionValue for u64 {
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl OptionValue for bool {
    fn from_text(text: &str) -> Option<Self> {
        Some(matches!(text, "true" | "1"))
    }
    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl OptionValue for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
    fn to_text(&self) -> String {
        self.clone()
    }
}
