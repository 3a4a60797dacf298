//! The values of a call, gathered into one text.

use bytes::{BufMut, Bytes, BytesMut};

/// The first values of a call as the JSON text of an array, and how many came in all.
#[derive(Debug)]
pub struct Gathered {
    array: BytesMut,
    most: u64,
    count: u64,
}

impl Gathered {
    /// Keeps at most `most` values, and counts all.
    pub fn new(most: u64) -> Self {
        Self { array: BytesMut::new(), most, count: 0 }
    }

    /// How many values came, kept or not.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The JSON text of the array of those that were kept. Takes them out.
    pub fn take_array(&mut self) -> Bytes {
        close_array(&mut self.array)
    }

    pub(crate) fn add(&mut self, value: &[u8]) {
        if self.count < self.most {
            push_element(&mut self.array, value);
        }
        self.count += 1;
    }
}

pub(crate) fn push_element(array: &mut BytesMut, value: &[u8]) {
    if array.is_empty() {
        // With the brackets, for most answers are one value.
        array.reserve(value.len() + 2);
    }
    array.put_u8(if array.is_empty() { b'[' } else { b',' });
    array.put_slice(value);
}

pub(crate) fn close_array(array: &mut BytesMut) -> Bytes {
    if array.is_empty() {
        return Bytes::from_static(b"[]");
    }
    array.put_u8(b']');
    std::mem::take(array).freeze()
}
