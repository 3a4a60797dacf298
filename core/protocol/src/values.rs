//! The values of one frame as one text, cut into elements only when somebody asks.

use crate::json::{self, JsonError, Kind, Noted};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::iter::FusedIterator;

/// An array of JSON values, as raw text. Cloning and iterating share the buffer of the frame it came in.
#[derive(Debug, Clone)]
pub struct Values {
    /// Valid JSON text of an array; the constructors see to it.
    text: Bytes,
    len: usize,
    nulls: bool,
    lengths: Noted,
}

impl Values {
    /// The values that `text`, which must be a JSON array, holds.
    pub fn parse(text: Bytes, max_depth: usize) -> Result<Self, JsonError> {
        let value = json::judge(&text, max_depth)?;
        if value.kind != Kind::Array {
            return Err(JsonError::new(value.start, "expected an array"));
        }
        Ok(Self::judged(text.slice(value.span()), &value))
    }

    /// `text` is what `value` was found to be.
    pub(crate) fn judged(text: Bytes, value: &json::Value) -> Self {
        Self { text, len: value.len, nulls: value.nulls, lengths: Noted::default() }
    }

    /// As [`judged`](Self::judged), of which `payload` holds more. Taken out of it, and not shared with it.
    pub(crate) fn cut_out(mut payload: Bytes, value: &json::Value) -> Self {
        payload.truncate(value.end);
        payload.advance(value.start);
        Self::judged(payload, value)
    }

    /// With what was noted of these very values.
    pub(crate) fn with(self, lengths: Noted) -> Self {
        Self { lengths, ..self }
    }

    /// The text of the array, brackets included.
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// The text of the array, brackets included.
    pub fn into_text(self) -> Bytes {
        self.text
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether one of the values is null. Nulls deeper down do not count.
    pub fn has_nulls(&self) -> bool {
        self.nulls
    }

    /// The values one after the other, each as the raw text of it alone.
    pub fn iter(&self) -> Elements {
        self.clone().into_iter()
    }

    /// The values that are not null.
    pub(crate) fn without_nulls(self) -> Self {
        if self.nulls { Self::collect(self.iter().filter(|value| value != "null")) } else { self }
    }

    /// The values before the first null.
    pub(crate) fn before_null(self) -> Self {
        if self.nulls { Self::collect(self.iter().take_while(|value| value != "null")) } else { self }
    }

    /// A copy made of elements none of which is null.
    fn collect(elements: impl Iterator<Item = Bytes>) -> Self {
        let mut text = BytesMut::from(&b"["[..]);
        let mut len = 0;
        for element in elements {
            if len > 0 {
                text.put_u8(b',');
            }
            text.put_slice(&element);
            len += 1;
        }
        text.put_u8(b']');
        Self { text: text.freeze(), len, nulls: false, lengths: Noted::default() }
    }
}

/// What is noted of it is no part of it.
impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Values {}

impl IntoIterator for Values {
    type Item = Bytes;
    type IntoIter = Elements;

    fn into_iter(self) -> Elements {
        let Self { mut text, len, lengths, .. } = self;
        text.advance(1);
        Elements { text, left: len, lengths }
    }
}

impl IntoIterator for &Values {
    type Item = Bytes;
    type IntoIter = Elements;

    fn into_iter(self) -> Elements {
        self.iter()
    }
}

/// Iterator over [`Values`].
#[derive(Debug, Clone, Default)]
pub struct Elements {
    /// What lies behind the opening bracket or a comma.
    text: Bytes,
    left: usize,
    lengths: Noted,
}

impl Iterator for Elements {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.left = self.left.checked_sub(1)?;
        if self.left == 0 {
            // The last one, often the only one, need not be walked through: it is all that is left.
            let mut last = std::mem::take(&mut self.text);
            last.truncate(last.len().saturating_sub(1));
            return Some(trimmed(last));
        }
        let noted = self.lengths.before(self.left);
        let length = noted.unwrap_or_else(|| json::element_of_valid(&self.text, 0).end);
        let element = self.text.split_to(length.min(self.text.len()));
        self.text.advance(usize::from(!self.text.is_empty()));
        Some(trimmed(element))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// Without the space around it.
#[inline]
fn trimmed(mut text: Bytes) -> Bytes {
    // No value begins or ends with one that is no space.
    let is_low = |byte: Option<&u8>| byte.is_some_and(|byte| *byte <= b' ');
    if is_low(text.first()) || is_low(text.last()) {
        let (start, end) = (text.len() - text.trim_ascii_start().len(), text.trim_ascii_end().len());
        text.truncate(end);
        text.advance(start.min(end));
    }
    text
}

impl ExactSizeIterator for Elements {}

impl FusedIterator for Elements {}

/// The JSON text of an object with the elements as members `"0"`, `"1"` and so on: what JavaScript makes of
/// an array that stands in for an object.
pub(crate) fn members_by_index(text: &Bytes, value: &json::Value) -> String {
    debug_assert_eq!(value.kind, Kind::Array);
    let mut members = String::from("{");
    for (i, element) in Values::judged(text.clone(), value).iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        members.push_str(&format!(r#"{comma}"{i}":{}"#, String::from_utf8_lossy(&element)));
    }
    members.push('}');
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &'static str) -> Values {
        Values::parse(Bytes::from_static(text.as_bytes()), 10).unwrap()
    }

    #[test]
    fn elements_are_slices_without_the_space_around() {
        for (text, expected) in [
            ("[]", vec![]),
            (" [ ] ", vec![]),
            ("[1]", vec!["1"]),
            (" [ 1 , \"a,]\" ,[2, 3] ,\n{\"k\":[4]} ] ", vec!["1", "\"a,]\"", "[2, 3]", "{\"k\":[4]}"]),
            ("[null,[null]]", vec!["null", "[null]"]),
        ] {
            let values = values(text);
            let elements: Vec<_> = values.iter().collect();
            assert_eq!(elements, expected, "{text}");
            assert_eq!((values.len(), values.is_empty()), (expected.len(), expected.is_empty()));
            assert_eq!(values.iter().len(), expected.len());
            let buffer = values.text().as_ptr_range();
            assert!(elements.iter().all(|element| buffer.contains(&element.as_ptr())));
        }
    }

    #[test]
    fn nulls_are_found_at_the_top_only() {
        assert!(!values("[[null],{\"a\":null}]").has_nulls());
        let mixed = values("[1, null, 2 ,null]");
        assert!(mixed.has_nulls());
        assert_eq!(mixed.clone().without_nulls().text(), "[1,2]");
        assert_eq!(mixed.before_null().text(), "[1]");
        assert_eq!(values("[null]").before_null().len(), 0);
    }
}
