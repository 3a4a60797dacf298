//! A small text with a copy of its own.

use std::ops::Deref;

/// Bytes that are kept where this value is if they are few, as those of most names are: neither memory of their own nor a share of
/// the buffer they came in, whose count would be written for them.
#[derive(Debug, Clone)]
pub(crate) enum Text {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

/// As many as make it no larger than a slice of a shared buffer.
const SHORT: usize = 30;

impl From<&[u8]> for Text {
    fn from(text: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        match bytes.get_mut(..text.len()) {
            Some(place) => {
                place.copy_from_slice(text);
                Self::Short { length: text.len() as u8, bytes }
            }
            None => Self::Long(text.into()),
        }
    }
}

impl Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_come_out_as_they_went_in() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 1000] {
            let text: Vec<u8> = (0..length).map(|at| at as u8).collect();
            assert_eq!(*Text::from(&*text), *text);
        }
    }
}
