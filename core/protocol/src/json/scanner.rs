//! A cursor over JSON text that steps over whole values and says what they were.

use super::JsonError;
use super::nesting::Nesting;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

/// A value that was stepped over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    /// Number of elements, if it is an array.
    pub len: usize,
    /// Whether one of the elements is null, if it is an array.
    pub nulls: bool,
}

impl Value {
    pub fn span(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }
}

/// The cursor. The text must be UTF-8; the scanner looks at ASCII only and steps over the rest inside
/// strings.
pub(crate) struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
}

type Result<T> = std::result::Result<T, JsonError>;

impl<'t> Scanner<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    /// A scanner that starts inside of `text`.
    pub fn starting_at(text: &'t [u8], at: usize) -> Self {
        Self { text, at: at.min(text.len()) }
    }

    pub fn text(&self) -> &'t [u8] {
        self.text
    }

    pub fn error<T>(&self, message: &'static str) -> Result<T> {
        let message = if self.at < self.text.len() { message } else { "unexpected end of JSON" };
        Err(JsonError::new(self.at, message))
    }

    /// The next byte after white space, without taking it.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.get(self.at)?;
            // Mostly there is none.
            if byte > b' ' || !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Takes the next byte after white space if it is `byte`.
    #[inline]
    pub fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Nothing but white space is left.
    pub fn end(&mut self) -> Result<()> {
        if self.peek().is_some() { self.error("unexpected text after the JSON value") } else { Ok(()) }
    }

    /// Steps over one value, however deep; a loop, because call stacks are small and peers are not.
    pub fn value(&mut self, max_depth: usize) -> Result<Value> {
        self.peek();
        let mut value = Value { kind: Kind::Null, start: self.at, end: 0, len: 0, nulls: false };
        let mut nesting = Nesting::default();
        value.kind = self.begin()?;
        let mut begun = value.kind;
        loop {
            if matches!(begun, Kind::Object | Kind::Array) {
                if nesting.depth() >= max_depth {
                    return Err(JsonError::new(self.at - 1, "arrays and objects nest too deep"));
                }
                let is_object = begun == Kind::Object;
                if !self.take(closing(is_object)) {
                    nesting.open(is_object);
                    if is_object {
                        self.key()?;
                    }
                    begun = self.element(&nesting, &mut value)?;
                    continue;
                }
            }
            loop {
                let Some(is_object) = nesting.innermost_is_object() else {
                    value.end = self.at;
                    return Ok(value);
                };
                match self.peek() {
                    Some(b',') => {
                        self.at += 1;
                        if is_object {
                            self.key()?;
                        }
                        break;
                    }
                    Some(byte) if byte == closing(is_object) => self.at += 1,
                    _ => return self.error("expected a comma or the closing bracket"),
                }
                nesting.close();
            }
            begun = self.element(&nesting, &mut value)?;
        }
    }

    /// Begins the next element or member, and counts it if it belongs to the outermost array.
    fn element(&mut self, nesting: &Nesting, outermost: &mut Value) -> Result<Kind> {
        self.peek();
        let kind = self.begin()?;
        if nesting.depth() == 1 && outermost.kind == Kind::Array {
            outermost.len += 1;
            outermost.nulls |= kind == Kind::Null;
        }
        Ok(kind)
    }

    /// Steps over a scalar, or over the opening bracket of a container.
    #[inline]
    fn begin(&mut self) -> Result<Kind> {
        match self.text.get(self.at) {
            Some(b'"') => self.string().map(|_| Kind::String),
            Some(b'{') => {
                self.at += 1;
                Ok(Kind::Object)
            }
            Some(b'[') => {
                self.at += 1;
                Ok(Kind::Array)
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true", Kind::Boolean),
            Some(b'f') => self.word(b"false", Kind::Boolean),
            Some(b'n') => self.word(b"null", Kind::Null),
            _ => self.error("expected a value"),
        }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<Kind> {
        if !self.text[self.at..].starts_with(word) {
            return self.error("expected a value");
        }
        self.at += word.len();
        Ok(kind)
    }

    /// Steps over the key of a member and its colon; gives the span of the key with its quotes.
    pub fn key(&mut self) -> Result<std::ops::Range<usize>> {
        if self.peek() != Some(b'"') {
            return self.error("expected a member name in quotes");
        }
        let span = self.string()?;
        if self.take(b':') { Ok(span) } else { self.error("expected a colon") }
    }

    /// Steps over the string that starts here.
    #[inline]
    fn string(&mut self) -> Result<std::ops::Range<usize>> {
        let start = self.at;
        self.at += 1;
        loop {
            self.at += plain_run(&self.text[self.at..]);
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(start..self.at);
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return self.error("control character in a string"),
                None => return self.error("unexpected end of JSON"),
            }
        }
    }

    fn escape(&mut self) -> Result<()> {
        self.at += 1;
        match self.text.get(self.at) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.text.get(self.at).is_some_and(u8::is_ascii_hexdigit) {
                        return self.error("expected four hexadecimal digits");
                    }
                    self.at += 1;
                }
            }
            _ => return self.error("unknown escape in a string"),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Kind> {
        if self.text[self.at] == b'-' {
            self.at += 1;
        }
        if self.text.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.text.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.text.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Kind::Number)
    }

    /// At least one digit.
    fn digits(&mut self) -> Result<()> {
        let length = digits(&self.text[self.at..]);
        self.at += length;
        if length == 0 { self.error("expected a digit") } else { Ok(()) }
    }
}

/// A byte in all places of a word.
const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// How many bytes at the beginning of `text` stand for themselves in a JSON string: none is a quote, a backslash or a
/// control character. Strings are most of most payloads, so it looks at eight at a time.
#[inline]
pub(crate) fn plain_run(text: &[u8]) -> usize {
    let zero_byte = |word: u64| word.wrapping_sub(all(1)) & !word;
    let mut length = 0;
    while let Some(chunk) = text[length..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(all(0x20)) & !word;
        let special = control | zero_byte(word ^ all(b'"')) | zero_byte(word ^ all(b'\\'));
        // A borrow can mark bytes that are not meant, but only above one that is.
        let marked = special & all(0x80);
        if marked != 0 {
            return length + (marked.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    let is_plain = |byte: &u8| !matches!(byte, 0..=0x1f | b'"' | b'\\');
    length + text[length..].iter().take_while(|byte| is_plain(byte)).count()
}

/// How many digits `text` begins with.
#[inline]
pub(crate) fn digits(text: &[u8]) -> usize {
    let mut length = 0;
    while let Some(chunk) = text[length..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        // Digits have 3 in the upper half of their byte, and still have it with 6 added. Nothing carries, or it is no digit.
        let with_six = (word & all(0x7f)) + all(6);
        let others = ((word & all(0xf0)) ^ all(0x30)) | ((with_six & all(0xf0)) ^ all(0x30));
        if others != 0 {
            return length + (others.trailing_zeros() / 8) as usize;
        }
        length += 8;
    }
    length + text[length..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn closing(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All bytes, at all places of a word and behind the last whole one.
    #[test]
    fn words_are_looked_at_as_bytes_would_be() {
        for byte in 0..=255_u8 {
            for at in 0..20 {
                for (filling, run, belongs) in [
                    (b'x', plain_run as fn(&[u8]) -> usize, !matches!(byte, 0..=0x1f | b'"' | b'\\')),
                    (b'7', digits, byte.is_ascii_digit()),
                ] {
                    let mut text = [filling; 20];
                    text[at] = byte;
                    assert_eq!(run(&text), if belongs { 20 } else { at }, "{byte} at {at}");
                }
            }
        }
    }
}
