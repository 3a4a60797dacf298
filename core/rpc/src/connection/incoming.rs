//! Values that came for one request and were not taken yet.

use bytes::Bytes;
use libfast_protocol::{Elements, Values};
use std::collections::VecDeque;

/// The values of any number of frames, cut apart when they are taken: together they are a fraction of the size.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    first: Elements,
    /// The frames behind it. Most answers have one, so nothing is allocated.
    more: VecDeque<Elements>,
}

impl Incoming {
    /// Adds the values of one frame.
    pub fn push(&mut self, values: Values) {
        if values.is_empty() {
            return;
        }
        let values = values.into_iter();
        if self.is_empty() {
            self.first = values;
        } else {
            self.more.push_back(values);
        }
    }

    /// Moves all of `other` behind these.
    pub fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
        } else if !other.is_empty() {
            self.more.push_back(std::mem::take(&mut other.first));
            self.more.append(&mut other.more);
        }
    }

    /// Takes the next value.
    pub fn pop(&mut self) -> Option<Bytes> {
        let value = self.first.next();
        if self.first.len() == 0
            && let Some(next) = self.more.pop_front()
        {
            self.first = next;
        }
        value
    }

    pub fn is_empty(&self) -> bool {
        self.first.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &'static str) -> Values {
        Values::parse(Bytes::from_static(text.as_bytes()), 10).unwrap()
    }

    fn all(incoming: &mut Incoming) -> String {
        std::iter::from_fn(|| incoming.pop())
            .map(|value| String::from_utf8(value.to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn values_come_out_in_the_order_in_which_they_came() {
        let (mut one, mut other) = (Incoming::default(), Incoming::default());
        for text in ["[1,2]", "[]", "[3]", "[4,5]"] {
            one.push(of(text));
        }
        assert_eq!(one.pop().unwrap(), "1");
        other.push(of("[6]"));
        other.push(of("[7,8]"));
        one.append(&mut other);
        assert!(other.is_empty() && other.pop().is_none());
        other.append(&mut one);
        assert_eq!((all(&mut one).as_str(), all(&mut other).as_str()), ("", "2345678"));
        assert!(other.is_empty());
    }
}
