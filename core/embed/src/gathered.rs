//! The values of a call, gathered into one text.

use bytes::{BufMut, Bytes, BytesMut};

/// The first values of a call as the JSON text of an array, and how many came in all.
#[derive(Debug)]
pub struct Gathered {
    /// The first value, until there is a second. Most answers are one, which then is not copied here.
    only: Bytes,
    /// All of them, from the second on.
    array: BytesMut,
    most: u64,
    count: u64,
}

impl Gathered {
    /// Keeps at most `most` values, and counts all.
    pub fn new(most: u64) -> Self {
        Self { only: Bytes::new(), array: BytesMut::new(), most, count: 0 }
    }

    /// How many values came, kept or not.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The JSON text of the array of those that were kept. Takes them out.
    pub fn take_array(&mut self) -> Bytes {
        self.copy_only();
        close_array(&mut self.array)
    }

    /// The JSON text of the array of those that were kept, in parts, for who copies it anyway.
    pub fn array_parts(&self) -> [&[u8]; 3] {
        match self.array.is_empty() {
            true => [b"[", &self.only, b"]"],
            false => [b"", &self.array, b"]"],
        }
    }

    pub(crate) fn add(&mut self, value: Bytes) {
        if self.count == 0 && self.most > 0 {
            self.only = value;
        } else if self.count < self.most {
            self.copy_only();
            push_element(&mut self.array, &value);
        }
        self.count += 1;
    }

    fn copy_only(&mut self) {
        // A value has at least one byte.
        if !self.only.is_empty() {
            push_element(&mut self.array, &std::mem::take(&mut self.only));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_is_the_same_in_parts_as_in_one() {
        let values: [&[u8]; 3] = [b"1", b"{\"a\":[2]}", b"\"3\""];
        for most in 0..5 {
            for came in 0..=values.len() {
                let mut gathered = Gathered::new(most);
                for value in &values[..came] {
                    gathered.add(Bytes::from_static(value));
                }
                let kept = values[..came.min(most as usize)].join(&b","[..]);
                let expected = [b"[", &kept[..], b"]"].concat();
                assert_eq!(gathered.array_parts().concat(), expected);
                assert_eq!(gathered.take_array(), expected);
                assert_eq!(gathered.count(), came as u64);
            }
        }
    }
}
