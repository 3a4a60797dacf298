//! Strict JSON in one pass, for payloads that are passed on rather than understood.
//!
//! [`check_value`] and [`check_array`] judge text that is to be sent; [`escape_into`] and [`decode_string`]
//! go between strings and their JSON text. The scanner behind them finds the spans of members and elements
//! without building a tree. The grammar is that of RFC 8259 with the outcome of JavaScript: escapes of lone
//! surrogates and numbers of any size are fine, of two members with one name the last counts, and a byte
//! order mark is an error.

mod document;
mod json_error;
mod lengths;
mod nesting;
mod scanner;
mod string;

pub(crate) use document::{Document, members_of};
pub use json_error::JsonError;
pub(crate) use lengths::{Lengths, Note, Noted};
pub(crate) use scanner::{Kind, Scanner, Value, digits, element_of_valid, plain_run};
pub use string::{decode_string, escape_into};

/// Checks that `text` is one JSON value in UTF-8 whose arrays and objects nest at most `max_depth` deep.
pub fn check_value(text: &[u8], max_depth: usize) -> Result<(), JsonError> {
    judge(text, max_depth).map(|_| ())
}

/// Checks that `text` is one JSON array in UTF-8 whose arrays and objects nest at most `max_depth` deep,
/// itself included.
pub fn check_array(text: &[u8], max_depth: usize) -> Result<(), JsonError> {
    let value = judge(text, max_depth)?;
    if value.kind == Kind::Array { Ok(()) } else { Err(JsonError::new(value.start, "expected an array")) }
}

/// Checks that `text` is one JSON object, as [`check_array`] does for arrays.
pub fn check_object(text: &[u8], max_depth: usize) -> Result<(), JsonError> {
    let value = judge(text, max_depth)?;
    if value.kind == Kind::Object { Ok(()) } else { Err(JsonError::new(value.start, "expected an object")) }
}

/// Checks that `text` is UTF-8. Most is ASCII, which is found out faster.
pub(crate) fn check_utf8(text: &[u8]) -> Result<(), std::str::Utf8Error> {
    if is_ascii(text) { Ok(()) } else { std::str::from_utf8(text).map(|_| ()) }
}

/// As that of the standard library, at half its price for texts of a few hundred bytes.
fn is_ascii(text: &[u8]) -> bool {
    const SHORT: usize = 1024;
    let is_ascii = |block: &[u8; 32]| block.iter().fold(0, |all, byte| all | byte) < 0x80;
    match text.last_chunk() {
        // The last block overlaps the one before, so that nothing is left over.
        Some(last) if text.len() <= SHORT => is_ascii(last) && text.as_chunks().0.iter().all(is_ascii),
        _ => text.is_ascii(),
    }
}

/// Checks one value in UTF-8 and says what it is.
pub(crate) fn judge(text: &[u8], max_depth: usize) -> Result<Value, JsonError> {
    if let Err(error) = check_utf8(text) {
        return Err(JsonError::new(error.valid_up_to(), "invalid UTF-8"));
    }
    let mut scanner = Scanner::new(text);
    let value = scanner.value(max_depth)?;
    scanner.end()?;
    Ok(value)
}
