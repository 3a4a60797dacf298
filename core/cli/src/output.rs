//! The two streams: data on standard output, everything else on standard error.

use crate::exit::Exit;
use libfast::{Error, ErrorKind};
use std::borrow::Cow;
use std::io::{self, Write};

/// Writes one line of data and flushes it. The error is how the tool ends; when the reader is gone, that is quietly.
pub fn line(mut line: Vec<u8>) -> Result<(), Exit> {
    // One write for all of it, so that lines of several programs on one stream do not mix.
    line.push(b'\n');
    let mut out = io::stdout().lock();
    match out.write_all(&line).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Exit::Ok),
        Err(error) => {
            let error = Error::new(ErrorKind::Invalid, format!("standard output cannot be written: {error}"));
            Err(crate::exit::fail(&error, "make room, or send the output elsewhere"))
        }
    }
}

/// Writes a message for people.
pub fn say(message: &str) {
    // Without standard error there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// The text with what could drive a terminal escaped: peers and registries are not trusted with that.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let mut printable = String::new();
    for c in text.chars() {
        match c.is_control() {
            true => printable.extend(c.escape_default()),
            false => printable.push(c),
        }
    }
    printable.into()
}

/// The same JSON text without the white space between its tokens. Numbers and strings stay as they were written, which
/// parsing and writing them again would not promise.
pub fn compact(json: &[u8]) -> Vec<u8> {
    let (mut in_string, mut escaped) = (false, false);
    let is_kept = |byte: &u8| {
        let kept = in_string || !matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        if *byte == b'"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && *byte == b'\\' && !escaped;
        kept
    };
    json.iter().copied().filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_takes_only_the_space_between_tokens() {
        for (text, expected) in [
            (" { \"a b\" : [ 1 ,\t2.50e+3 ] }\r\n", r#"{"a b":[1,2.50e+3]}"#),
            (r#"["\" \\", " ", "\\\" x" ]"#, r#"["\" \\"," ","\\\" x"]"#),
            ("12345678901234567890123", "12345678901234567890123"),
        ] {
            assert_eq!(String::from_utf8(compact(text.as_bytes())).unwrap(), expected);
        }
    }

    #[test]
    fn nothing_that_is_printed_drives_the_terminal() {
        assert_eq!(printable("ü\u{1b}[2J\n"), "ü\\u{1b}[2J\\n");
    }
}
