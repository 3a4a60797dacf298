//! A cursor over JSON text that steps over whole values and says what they were. Each byte of each message passes here, so the
//! position is kept in a register, not in the cursor.

use super::nesting::Nesting;
use super::{JsonError, Note};

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

    /// A scanner that starts inside of `text`.
    pub fn starting_at(text: &'t [u8], at: usize) -> Self {
        Self { text, at: at.min(text.len()) }
    }

    pub fn text(&self) -> &'t [u8] {
        self.text
    }

    pub fn error<T>(&self, message: &'static str) -> Result<T> {
        fail(self.text, self.at, message)
    }

    /// The next byte after white space, without taking it.
    pub fn peek(&mut self) -> Option<u8> {
        self.at = skip_space(self.text, self.at);
        self.text.get(self.at).copied()
    }

    /// Takes the next byte after white space if it is `byte`.
    pub fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Nothing but white space is left.
    pub fn end(&mut self) -> Result<()> {
        if self.peek().is_some() { self.error("unexpected text after the JSON value") } else { Ok(()) }
    }

    /// Steps over the key of a member and its colon; gives the span of the key with its quotes.
    pub fn key(&mut self) -> Result<std::ops::Range<usize>> {
        let first = token(self.text, self.at);
        let (end, behind) = key(self.text, first)?;
        self.at = behind;
        Ok(first.0..end)
    }

    /// Steps over one value, however deep; a loop, because call stacks are small and peers are not.
    pub fn value(&mut self, max_depth: usize) -> Result<Value> {
        self.value_of(max_depth, &mut ())
    }

    /// As [`value`](Self::value), of an array whose elements are noted. What is noted of any other value is worth nothing.
    pub fn value_of(&mut self, max_depth: usize, elements: &mut impl Note) -> Result<Value> {
        let text = self.text;
        let (start, first) = token(text, self.at);
        let (mut at, mut byte, mut nesting) = (start, first, Nesting::default());
        // Of the outermost, if it holds anything.
        let (mut members, mut nulls) = (0, false);
        // Where the last of these began, with the space before it.
        let mut member = start + 1;
        loop {
            // A value begins here.
            at = match byte {
                b'"' => string(text, at)?,
                b'{' | b'[' => {
                    if nesting.depth() >= max_depth {
                        return Err(JsonError::new(at, "arrays and objects nest too deep"));
                    }
                    let is_object = byte == b'{';
                    let (inside, next) = token(text, at + 1);
                    if next != closing(is_object) {
                        nesting.open(is_object);
                        members += usize::from(nesting.depth() == 1);
                        (at, byte) = element(text, (inside, next), is_object)?;
                        continue;
                    }
                    inside + 1
                }
                b'-' | b'0'..=b'9' => number(text, at)?,
                b't' => word(text, at, b"true")?,
                b'f' => word(text, at, b"false")?,
                b'n' => {
                    nulls |= nesting.depth() == 1;
                    word(text, at, b"null")?
                }
                _ => return fail(text, at, "expected a value"),
            };
            // It ends here, and perhaps those that it is in.
            loop {
                let Some(is_object) = nesting.innermost_is_object() else {
                    self.at = at;
                    let kind = Kind::of(first);
                    let (len, nulls) = if kind == Kind::Array { (members, nulls) } else { (0, false) };
                    return Ok(Value { kind, start, end: at, len, nulls });
                };
                (at, byte) = token(text, at);
                if byte == b',' {
                    if nesting.depth() == 1 {
                        members += 1;
                        elements.note(at - member);
                        member = at + 1;
                    }
                    (at, byte) = element(text, token(text, at + 1), is_object)?;
                    break;
                }
                if byte != closing(is_object) {
                    return fail(text, at, "expected a comma or the closing bracket");
                }
                at += 1;
                nesting.close();
            }
        }
    }
}

impl Kind {
    /// Of the value that begins with `byte`.
    fn of(byte: u8) -> Self {
        match byte {
            b'{' => Self::Object,
            b'[' => Self::Array,
            b'"' => Self::String,
            b't' | b'f' => Self::Boolean,
            b'n' => Self::Null,
            _ => Self::Number,
        }
    }
}

#[cold]
fn fail<T>(text: &[u8], at: usize, message: &'static str) -> Result<T> {
    Err(JsonError::new(at, if at < text.len() { message } else { "unexpected end of JSON" }))
}

/// The byte at `at`; 0, which is no JSON, behind the end.
#[inline(always)]
fn byte_at(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The next byte that is no white space, and where it is.
#[inline(always)]
fn token(text: &[u8], at: usize) -> (usize, u8) {
    let byte = byte_at(text, at);
    // Mostly there is none.
    if byte > b' ' { (at, byte) } else { behind_space(text, at) }
}

#[cold]
fn behind_space(text: &[u8], mut at: usize) -> (usize, u8) {
    while let b' ' | b'\t' | b'\n' | b'\r' = byte_at(text, at) {
        at += 1;
    }
    (at, byte_at(text, at))
}

#[inline(always)]
fn skip_space(text: &[u8], at: usize) -> usize {
    token(text, at).0
}

/// Where the value of an element or member begins, which is what `first` does.
#[inline(always)]
fn element(text: &[u8], first: (usize, u8), is_member: bool) -> Result<(usize, u8)> {
    if is_member { Ok(token(text, key(text, first)?.1)) } else { Ok(first) }
}

/// Steps over a key, which begins with `byte`, and its colon: where the one and the other end.
#[inline(always)]
fn key(text: &[u8], (at, byte): (usize, u8)) -> Result<(usize, usize)> {
    if byte != b'"' {
        return fail(text, at, "expected a member name in quotes");
    }
    let end = string(text, at)?;
    let (colon, byte) = token(text, end);
    if byte == b':' { Ok((end, colon + 1)) } else { fail(text, colon, "expected a colon") }
}

#[inline(always)]
fn word<const N: usize>(text: &[u8], at: usize, word: &[u8; N]) -> Result<usize> {
    if text[at..].first_chunk() == Some(word) { Ok(at + N) } else { fail(text, at, "expected a value") }
}

/// Steps over the string that starts here.
#[inline(always)]
fn string(text: &[u8], at: usize) -> Result<usize> {
    // Most end within a word.
    if let Some(chunk) = text.get(at + 1..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let marked = specials(word);
        if marked == 0 {
            return long_string(text, at + 9);
        }
        // Of the byte that is marked, which is at the bottom of what is left.
        let bit = marked.trailing_zeros() - 7;
        if (word >> bit) as u8 == b'"' {
            return Ok(at + 2 + (bit / 8) as usize);
        }
    }
    long_string(text, at + 1)
}

/// Steps over the rest of a string.
#[inline(never)]
fn long_string(text: &[u8], mut at: usize) -> Result<usize> {
    loop {
        at += plain_run(&text[at..]);
        match text.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(text, at + 1)?,
            Some(_) => return fail(text, at, "control character in a string"),
            None => return fail(text, at, "unexpected end of JSON"),
        }
    }
}

/// Steps over what follows a backslash.
fn escape(text: &[u8], at: usize) -> Result<usize> {
    match text.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => {
            let is_digit = |at: &usize| text.get(*at).is_some_and(u8::is_ascii_hexdigit);
            match (at + 1..at + 5).find(|at| !is_digit(at)) {
                None => Ok(at + 5),
                Some(wrong) => fail(text, wrong, "expected four hexadecimal digits"),
            }
        }
        _ => fail(text, at, "unknown escape in a string"),
    }
}

#[inline(always)]
fn number(text: &[u8], mut at: usize) -> Result<usize> {
    if text[at] == b'-' {
        at += 1;
    }
    at = if text.get(at) == Some(&b'0') { at + 1 } else { some_digits(text, at)? };
    if let Some(b'.' | b'e' | b'E') = text.get(at) { fraction(text, at) } else { Ok(at) }
}

/// Steps over what may follow the whole part of a number.
#[inline(never)]
fn fraction(text: &[u8], mut at: usize) -> Result<usize> {
    if text[at] == b'.' {
        at = some_digits(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = text.get(at) {
            at += 1;
        }
        at = some_digits(text, at)?;
    }
    Ok(at)
}

#[inline(always)]
fn some_digits(text: &[u8], start: usize) -> Result<usize> {
    let mut at = start;
    // Few in most numbers.
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    if at > start { Ok(at) } else { fail(text, at, "expected a digit") }
}

/// The element that begins at `start` in the valid text of an array, with the space around it. Nothing need be checked.
pub(crate) fn element_of_valid(text: &[u8], start: usize) -> std::ops::Range<usize> {
    let (mut at, mut depth) = (start, 0_usize);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = end_of_valid_string(text, at + 1),
            b'{' | b'[' => depth += 1,
            b',' | b'}' | b']' if depth == 0 => break,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    start.min(at)..at.min(text.len())
}

/// Where the closing quote is of a string that goes on at `at`.
fn end_of_valid_string(text: &[u8], mut at: usize) -> usize {
    loop {
        at += plain_run(text.get(at..).unwrap_or_default());
        if text.get(at) != Some(&b'\\') {
            return at;
        }
        at += 2;
    }
}

/// A byte in all places of a word.
const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Turned in the quote it gives the byte behind the control characters, which it leaves among themselves.
const QUOTE_BIT: u8 = 2;
const BEHIND_QUOTE: u8 = (b'"' ^ QUOTE_BIT) + 1;

/// The highest bits of the bytes, the first one lowest, that do not stand for themselves in a JSON string. Bytes behind the
/// first one that is marked may be marked wrongly: a borrow comes from below.
#[inline(always)]
fn specials(word: u64) -> u64 {
    let zero_byte = |word: u64| word.wrapping_sub(all(1)) & !word;
    // With that bit turned, the quote follows the control characters.
    let turned = word ^ all(QUOTE_BIT);
    let low = turned.wrapping_sub(all(BEHIND_QUOTE)) & !word;
    (low | zero_byte(word ^ all(b'\\'))) & all(0x80)
}

/// How many bytes at the beginning of `text` stand for themselves in a JSON string: none is a quote, a backslash or a
/// control character. Strings are most of most payloads.
#[inline(always)]
pub(crate) fn plain_run(text: &[u8]) -> usize {
    let is_special = |byte: u8| (byte ^ QUOTE_BIT < BEHIND_QUOTE) | (byte == b'\\');
    let mut length = 0;
    while let Some(chunk) = text[length..].first_chunk::<8>() {
        let marked = specials(u64::from_le_bytes(*chunk));
        if marked != 0 {
            return length + (marked.trailing_zeros() / 8) as usize;
        }
        length += 8;
        // A long one: without an exit in each step the compiler makes vectors of it. Not after each word, since most blocks
        // in which a string ends are looked at in vain.
        while length.is_multiple_of(64)
            && let Some(block) = text[length..].first_chunk::<64>()
        {
            if length == LONG
                && let more @ 1.. = long_plain_run(&text[length..])
            {
                length += more;
                continue;
            }
            if block.iter().fold(false, |any, byte| any | is_special(*byte)) {
                break;
            }
            length += 64;
        }
    }
    length + text[length..].iter().take_while(|byte| !is_special(**byte)).count()
}

/// What follows in a string that is longer is looked through in large steps.
const LONG: usize = 256;

/// A part of what [`plain_run`] finds, where probably much is to be found.
#[inline(never)]
fn long_plain_run(text: &[u8]) -> usize {
    let is_plain = |block: &&[u8; LONG]| {
        let least = |turned: u8| block.iter().fold(u8::MAX, |least, byte| least.min(byte ^ turned));
        (least(QUOTE_BIT) >= BEHIND_QUOTE) & (least(b'\\') > 0)
    };
    LONG * text.as_chunks().0.iter().take_while(is_plain).count()
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

    /// All bytes, at all places of a word and of a step, and behind the last whole one.
    #[test]
    fn words_are_looked_at_as_bytes_would_be() {
        for byte in 0..=255_u8 {
            for at in (0..200).chain([255, 256, 257, 300, 511, 512, 600, 767, 768, 840, 899]) {
                for (filling, run, belongs) in [
                    (b'x', plain_run as fn(&[u8]) -> usize, !matches!(byte, 0..=0x1f | b'"' | b'\\')),
                    (b'7', digits, byte.is_ascii_digit()),
                ] {
                    let mut text = [filling; 900];
                    text[at] = byte;
                    assert_eq!(run(&text), if belongs { 900 } else { at }, "{byte} at {at}");
                }
            }
        }
    }
}
