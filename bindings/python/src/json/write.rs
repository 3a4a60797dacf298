//! Text from objects. `None` means that Python has to do it.

use super::MOST_DEPTH;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use std::io::Write;

/// Appends the text of `value`. Runs no code of the program, so that nothing changes meanwhile.
pub(super) fn append(value: &Bound<'_, PyAny>, text: &mut Vec<u8>) -> Option<()> {
    append_at(value, text, 0)
}

fn append_at(value: &Bound<'_, PyAny>, text: &mut Vec<u8>, depth: u32) -> Option<()> {
    if let Ok(string) = value.cast_exact::<PyString>() {
        append_string(string, text)
    } else if let Ok(dict) = value.cast_exact::<PyDict>() {
        append_dict(dict, text, depth)
    } else if let Ok(list) = value.cast_exact::<PyList>() {
        append_items(list.iter(), text, depth)
    } else if let Ok(int) = value.cast_exact::<PyInt>() {
        append_int(int, text)
    } else if value.is_none() {
        text.extend_from_slice(b"null");
        Some(())
    } else if let Ok(flag) = value.cast_exact::<PyBool>() {
        text.extend_from_slice(if flag.is_true() { b"true" } else { b"false" });
        Some(())
    } else if let Ok(float) = value.cast_exact::<PyFloat>() {
        append_float(float, text)
    } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        append_items(tuple.iter(), text, depth)
    } else {
        None
    }
}

fn append_items<'py>(
    items: impl Iterator<Item = Bound<'py, PyAny>>,
    text: &mut Vec<u8>,
    depth: u32,
) -> Option<()> {
    let depth = deeper(depth)?;
    text.push(b'[');
    let empty = text.len();
    for item in items {
        if text.len() != empty {
            text.push(b',');
        }
        append_at(&item, text, depth)?;
    }
    text.push(b']');
    Some(())
}

fn append_dict(dict: &Bound<'_, PyDict>, text: &mut Vec<u8>, depth: u32) -> Option<()> {
    let depth = deeper(depth)?;
    text.push(b'{');
    let empty = text.len();
    for (key, value) in dict.iter() {
        if text.len() != empty {
            text.push(b',');
        }
        append_string(key.cast_exact::<PyString>().ok()?, text)?;
        text.push(b':');
        append_at(&value, text, depth)?;
    }
    text.push(b'}');
    Some(())
}

fn deeper(depth: u32) -> Option<u32> {
    (depth < MOST_DEPTH).then_some(depth + 1)
}

fn append_float(float: &Bound<'_, PyFloat>, text: &mut Vec<u8>) -> Option<()> {
    // Not a number is for Python to refuse; and how a number is shown is Python's to say.
    if !float.value().is_finite() {
        return None;
    }
    text.extend_from_slice(float.repr().ok()?.to_str().ok()?.as_bytes());
    Some(())
}

fn append_int(int: &Bound<'_, PyInt>, text: &mut Vec<u8>) -> Option<()> {
    match int.extract::<i64>() {
        Ok(small) => text.extend_from_slice(itoa::Buffer::new().format(small).as_bytes()),
        // Python may refuse the largest.
        Err(_) => text.extend_from_slice(int.str().ok()?.to_str().ok()?.as_bytes()),
    }
    Some(())
}

/// Half a surrogate pair is no UTF-8, and left to Python.
fn append_string(string: &Bound<'_, PyString>, text: &mut Vec<u8>) -> Option<()> {
    let bytes = match string.to_str() {
        Ok(string) => string.as_bytes(),
        Err(_) => return None,
    };
    text.reserve(bytes.len() + 2);
    text.push(b'"');
    let mut plain = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if !NEEDS_ESCAPE[byte as usize] {
            continue;
        }
        text.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => text.extend_from_slice(b"\\\""),
            b'\\' => text.extend_from_slice(b"\\\\"),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'\t' => text.extend_from_slice(b"\\t"),
            0x08 => text.extend_from_slice(b"\\b"),
            0x0c => text.extend_from_slice(b"\\f"),
            _ => write!(text, "\\u{byte:04x}").expect("memory takes what is written"),
        }
    }
    text.extend_from_slice(&bytes[plain..]);
    text.push(b'"');
    Some(())
}

const NEEDS_ESCAPE: [bool; 256] = {
    let mut needs = [false; 256];
    let mut control = 0;
    while control < 0x20 {
        needs[control] = true;
        control += 1;
    }
    needs[b'"' as usize] = true;
    needs[b'\\' as usize] = true;
    needs
};
