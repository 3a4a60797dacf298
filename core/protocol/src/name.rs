//! The name of a method, as a request brought it.

use crate::json::decode_string;
use crate::text::Text;
use std::ops::Deref;

/// A text that is not kept in the buffer it was read into. Short ones, as most are, take no memory besides.
#[derive(Debug, Clone)]
pub struct Name(Text);

impl Name {
    /// The text that a JSON string, with its quotes, spells. Surrogates without partner become U+FFFD.
    pub(crate) fn decode(text: &[u8]) -> Option<Self> {
        let inner = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        if inner.contains(&b'\\') {
            return decode_string(text).map(|decoded| Self(decoded.as_bytes().into()));
        }
        std::str::from_utf8(inner).ok()?;
        Some(Self(inner.into()))
    }

    /// Its length, known without a look at the text.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len()
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        // It was looked at when it was made.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_string_spells() {
        let long = "é m".repeat(100);
        for (text, name) in
            [(r#""é m""#, "é m"), (r#""a\u0062\n""#, "ab\n"), (&format!("\"{long}\""), &*long)]
        {
            assert_eq!(&*Name::decode(text.as_bytes()).unwrap(), name);
        }
        for wrong in ["", "x", "\"", "\"\\x\""] {
            assert!(Name::decode(wrong.as_bytes()).is_none(), "{wrong}");
        }
    }
}
