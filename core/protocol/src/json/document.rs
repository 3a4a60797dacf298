//! The outermost layer of a text: which of the members asked for are there, and where.

use super::string::decode_string;
use super::{JsonError, Kind, Scanner, Value};

/// What the whole of a text is.
pub(crate) enum Document<const N: usize> {
    /// An object, with the last member of each name asked for.
    Object([Option<Value>; N]),
    /// An array.
    Array,
    /// Null, a boolean, a number or a string.
    Scalar,
}

impl<const N: usize> Document<N> {
    /// Judges the whole of `text`, in one pass.
    pub fn read(text: &[u8], names: [&str; N], max_depth: usize) -> Result<Self, JsonError> {
        let mut scanner = Scanner::new(text);
        let document = if scanner.peek() == Some(b'{') {
            Self::Object(members(&mut scanner, names, max_depth)?)
        } else if scanner.value(max_depth)?.kind == Kind::Array {
            Self::Array
        } else {
            Self::Scalar
        };
        scanner.end()?;
        Ok(document)
    }
}

/// Steps over an object; gives the last member of each name.
fn members<const N: usize>(
    scanner: &mut Scanner<'_>,
    names: [&str; N],
    max_depth: usize,
) -> Result<[Option<Value>; N], JsonError> {
    let mut found = [None; N];
    if max_depth == 0 {
        return scanner.error("arrays and objects nest too deep");
    }
    if !scanner.take(b'{') {
        return scanner.error("expected an object");
    }
    if scanner.take(b'}') {
        return Ok(found);
    }
    loop {
        let key = scanner.key()?;
        let key = &scanner.text()[key];
        let value = scanner.value(max_depth - 1)?;
        if let Some(i) = names.iter().position(|name| is_name(key, name)) {
            found[i] = Some(value);
        }
        if scanner.take(b'}') {
            return Ok(found);
        }
        if !scanner.take(b',') {
            return scanner.error("expected a comma or the closing bracket");
        }
    }
}

/// The members of `text` if it is an object, which was judged before; else none of them.
pub(crate) fn members_of<const N: usize>(text: &[u8], names: [&str; N]) -> [Option<Value>; N] {
    members(&mut Scanner::new(text), names, usize::MAX).unwrap_or([None; N])
}

/// Whether the key, which may be spelt with escapes, is `name`.
fn is_name(key: &[u8], name: &str) -> bool {
    if key.len() == name.len() + 2 {
        // One that is spelt with escapes is longer than its name.
        return &key[1..=name.len()] == name.as_bytes();
    }
    // Six bytes is the longest spelling of one ASCII character; longer keys need not be decoded.
    let may_be_spelt = (name.len() + 2..=2 + 6 * name.len()).contains(&key.len()) && key.contains(&b'\\');
    may_be_spelt && decode_string(key).as_deref() == Some(name)
}
