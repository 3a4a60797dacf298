//! The values of a call, gathered into one text.

use bytes::{BufMut, Bytes, BytesMut};

/// The first values of a call as the JSON text of an array, and how many came in all.
#[derive(Debug)]
pub struct Gathered {
    kept: Kept,
    most: u64,
    count: u64,
}

#[derive(Debug)]
enum Kept {
    /// At most one value, empty if there is none. Most answers are one, which is not copied here.
    One(Bytes),
    /// An array that is not closed yet.
    Many(BytesMut),
}

impl Gathered {
    /// Keeps at most `most` values, and counts all.
    pub fn new(most: u64) -> Self {
        Self { kept: Kept::One(Bytes::new()), most, count: 0 }
    }

    /// How many values came, kept or not.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The JSON text of the array of those that were kept. Takes them out.
    pub fn take_array(&mut self) -> Bytes {
        let taken = close_array(self.array());
        self.kept = Kept::One(Bytes::new());
        taken
    }

    /// The JSON text of the array of those that were kept, in parts, for who copies it anyway.
    pub fn array_parts(&self) -> [&[u8]; 3] {
        match &self.kept {
            Kept::One(value) => [b"[", value, b"]"],
            Kept::Many(array) => [array, b"]", b""],
        }
    }

    pub(crate) fn add(&mut self, value: Bytes) {
        if self.count < self.most {
            match &mut self.kept {
                // A value has at least one byte.
                Kept::One(first) if first.is_empty() => *first = value,
                _ => push_element(self.array(), &value),
            }
        }
        self.count += 1;
    }

    /// The array of what was kept, not closed; empty if nothing was.
    fn array(&mut self) -> &mut BytesMut {
        if let Kept::One(value) = &self.kept {
            let mut array = BytesMut::new();
            if !value.is_empty() {
                push_element(&mut array, value);
            }
            self.kept = Kept::Many(array);
        }
        match &mut self.kept {
            Kept::Many(array) => array,
            Kept::One(_) => unreachable!("just replaced"),
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
