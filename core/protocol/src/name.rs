//! The name of a method, as a request brought it.

use crate::json::decode_string;
use bytes::Bytes;
use std::ops::Deref;

/// A text that shares the buffer it was read into, where that is possible.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Name(Bytes);

impl Name {
    /// The text that a JSON string, with its quotes, spells. Surrogates without partner become U+FFFD.
    pub(crate) fn decode(text: &Bytes) -> Option<Self> {
        let inner = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        if inner.contains(&b'\\') {
            return decode_string(text).map(|decoded| Self(decoded.into()));
        }
        std::str::from_utf8(inner).ok()?;
        Some(Self(text.slice_ref(inner)))
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
    fn only_escapes_need_a_copy() {
        let plain = Bytes::from_static("\"é m\"".as_bytes());
        let name = Name::decode(&plain).unwrap();
        assert_eq!((&*name, name.0.as_ptr()), ("é m", plain[1..].as_ptr()));
        assert_eq!(&*Name::decode(&Bytes::from_static(br#""a\u0062\n""#)).unwrap(), "ab\n");
        for wrong in ["", "x", "\"", "\"\\x\""] {
            assert_eq!(Name::decode(&Bytes::from_static(wrong.as_bytes())), None, "{wrong}");
        }
    }
}
