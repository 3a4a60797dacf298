//! Objects from text that is known to be JSON. `None` means that Python has to do it.

use super::MOST_DEPTH;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

pub(super) fn object<'py>(py: Python<'py>, text: &[u8]) -> Option<Bound<'py, PyAny>> {
    let mut reader = Reader { py, text, at: 0, keys: Keys::default() };
    let object = reader.value(0)?;
    reader.skip_space();
    (reader.at == text.len()).then_some(object)
}

struct Reader<'py, 't> {
    py: Python<'py>,
    text: &'t [u8],
    at: usize,
    keys: Keys<'py, 't>,
}

impl<'py, 't> Reader<'py, 't> {
    fn value(&mut self, depth: u32) -> Option<Bound<'py, PyAny>> {
        self.skip_space();
        match self.peek()? {
            b'"' => Some(self.string()?.into_any()),
            b'{' => self.dict(depth),
            b'[' => self.list(depth),
            b't' => self.word(b"true", PyBool::new(self.py, true).to_owned().into_any()),
            b'f' => self.word(b"false", PyBool::new(self.py, false).to_owned().into_any()),
            b'n' => self.word(b"null", self.py.None().into_bound(self.py)),
            _ => self.number(),
        }
    }

    fn list(&mut self, depth: u32) -> Option<Bound<'py, PyAny>> {
        let list = PyList::empty(self.py);
        let depth = deeper(depth)?;
        self.at += 1;
        self.skip_space();
        if self.took(b']') {
            return Some(list.into_any());
        }
        loop {
            list.append(self.value(depth)?).ok()?;
            self.skip_space();
            if self.took(b']') {
                return Some(list.into_any());
            }
            self.take(b',')?;
        }
    }

    fn dict(&mut self, depth: u32) -> Option<Bound<'py, PyAny>> {
        let dict = PyDict::new(self.py);
        let depth = deeper(depth)?;
        self.at += 1;
        self.skip_space();
        if self.took(b'}') {
            return Some(dict.into_any());
        }
        loop {
            self.skip_space();
            let key = self.key()?;
            self.skip_space();
            self.take(b':')?;
            dict.set_item(key, self.value(depth)?).ok()?;
            self.skip_space();
            if self.took(b'}') {
                return Some(dict.into_any());
            }
            self.take(b',')?;
        }
    }

    /// The same keys come again and again, and one object for each knows its hash.
    fn key(&mut self) -> Option<Bound<'py, PyString>> {
        let plain = self.plain_string()?;
        match plain {
            Some(text) => self.keys.get(self.py, text),
            None => self.escaped_string(),
        }
    }

    fn string(&mut self) -> Option<Bound<'py, PyString>> {
        match self.plain_string()? {
            Some(text) => PyString::from_bytes(self.py, text).ok(),
            None => self.escaped_string(),
        }
    }

    /// What is between the quotes, taken if there is no backslash in it.
    fn plain_string(&mut self) -> Option<Option<&'t [u8]>> {
        if self.peek()? != b'"' {
            return None;
        }
        let rest = &self.text[self.at + 1..];
        let end = memchr::memchr2(b'"', b'\\', rest)?;
        if rest[end] == b'\\' {
            return Some(None);
        }
        self.at += end + 2;
        Some(Some(&rest[..end]))
    }

    fn escaped_string(&mut self) -> Option<Bound<'py, PyString>> {
        self.take(b'"')?;
        let mut string = Vec::new();
        loop {
            let rest = &self.text[self.at..];
            let end = memchr::memchr2(b'"', b'\\', rest)?;
            string.extend_from_slice(&rest[..end]);
            self.at += end + 1;
            if rest[end] == b'"' {
                return PyString::from_bytes(self.py, &string).ok();
            }
            let escape = self.peek()?;
            self.at += 1;
            let character = match escape {
                b'"' | b'\\' | b'/' => escape as char,
                b'n' => '\n',
                b't' => '\t',
                b'r' => '\r',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'u' => self.unicode()?,
                _ => return None,
            };
            string.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// Half a surrogate pair, which Python can hold, is left to it.
    fn unicode(&mut self) -> Option<char> {
        let first = self.four_digits()?;
        if !(0xd800..0xe000).contains(&first) {
            return char::from_u32(first);
        }
        self.take(b'\\')?;
        self.take(b'u')?;
        let second = self.four_digits()?;
        if first >= 0xdc00 || !(0xdc00..0xe000).contains(&second) {
            return None;
        }
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |number, &digit| Some(number * 16 + (digit as char).to_digit(16)?))
    }

    fn number(&mut self) -> Option<Bound<'py, PyAny>> {
        let rest = &self.text[self.at..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let end = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let digits = std::str::from_utf8(&rest[..end]).ok()?;
        self.at += end;
        if digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-')) {
            return match digits.parse::<i64>() {
                Ok(small) => Some(PyInt::new(self.py, small).into_any()),
                // Python may refuse the largest.
                Err(_) => self.py.get_type::<PyInt>().call1((digits,)).ok(),
            };
        }
        Some(PyFloat::new(self.py, digits.parse().ok()?).into_any())
    }

    fn word(&mut self, word: &[u8], object: Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
        self.text[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            object
        })
    }

    fn skip_space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn took(&mut self, byte: u8) -> bool {
        let took = self.peek() == Some(byte);
        self.at += usize::from(took);
        took
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.took(byte).then_some(())
    }
}

fn deeper(depth: u32) -> Option<u32> {
    (depth < MOST_DEPTH).then_some(depth + 1)
}

/// The keys seen last, by their length and ends.
#[derive(Default)]
struct Keys<'py, 't>([Option<(&'t [u8], Bound<'py, PyString>)>; 32]);

impl<'py, 't> Keys<'py, 't> {
    fn get(&mut self, py: Python<'py>, text: &'t [u8]) -> Option<Bound<'py, PyString>> {
        let (Some(first), Some(last)) = (text.first(), text.last()) else {
            return PyString::from_bytes(py, text).ok();
        };
        let place = (text.len() * 7) ^ (*first as usize * 3) ^ (*last as usize);
        let slot = &mut self.0[place % 32];
        match slot {
            Some((known, key)) if *known == text => Some(key.clone()),
            _ => {
                let key = PyString::from_bytes(py, text).ok()?;
                *slot = Some((text, key.clone()));
                Some(key)
            }
        }
    }
}
