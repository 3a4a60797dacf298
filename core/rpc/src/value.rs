//! One JSON value of an answer, as text.

use bytes::Bytes;
use libfast_model::{Error, ErrorKind, Progress, Result};
use serde::de::DeserializeOwned;

/// One value that a server sent. It is JSON text, kept as it came and parsed only on request.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Bytes);

impl Value {
    /// `text` is valid JSON in UTF-8.
    pub(crate) fn new(text: Bytes) -> Self {
        Self(text)
    }

    /// The JSON text as bytes; a slice of the message it came in, not a copy.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The JSON text.
    pub fn text(&self) -> &str {
        // The protocol layer replaced what was no UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Parses the value.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.0).map_err(|error| {
            Error::new(
                ErrorKind::Invalid,
                format!("the value {} is not as expected: {error}", shorten(self.text())),
            )
            .with_progress(Progress::Finished)
        })
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text())
    }
}

/// The beginning of a text, for messages.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN: usize = 60;
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(SHOWN).collect();
    short.push('…');
    short
}
