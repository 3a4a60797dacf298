//! Values gathered as the JSON text of one array.

use bytes::{BufMut, Bytes, BytesMut};

/// The first values of a call and the count of all, for [`PullCall::buffer`](crate::PullCall::buffer).
#[derive(Debug)]
pub struct Buffer {
    array: BytesMut,
    most: u64,
    count: u64,
}

impl Buffer {
    /// An empty one that keeps at most so many values.
    pub fn new(most: u64) -> Self {
        Self { array: BytesMut::new(), most, count: 0 }
    }

    /// How many values came in all.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The JSON text of the array of those that were kept.
    pub fn into_values(mut self) -> Bytes {
        close_array(&mut self.array)
    }

    pub(crate) fn push(&mut self, value: &[u8]) {
        if self.count < self.most {
            push_element(&mut self.array, value);
        }
        self.count += 1;
    }
}

pub(crate) fn push_element(array: &mut BytesMut, value: &[u8]) {
    array.put_u8(if array.is_empty() { b'[' } else { b',' });
    array.put_slice(value);
}

pub(crate) fn close_array(array: &mut BytesMut) -> Bytes {
    if array.is_empty() {
        array.put_u8(b'[');
    }
    array.put_u8(b']');
    array.split().freeze()
}
