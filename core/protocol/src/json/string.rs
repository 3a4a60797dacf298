//! Between strings and their JSON text.

use super::plain_run;
use bytes::{BufMut, BytesMut};

/// Appends `text` as a JSON string, with its quotes and the escapes that JavaScript would write.
pub fn escape_into(out: &mut BytesMut, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(text.len() + 2);
    out.put_u8(b'"');
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_run(rest);
        out.put_slice(&rest[..plain]);
        let Some(special) = rest.get(plain) else { break };
        match *special {
            b'"' => out.put_slice(b"\\\""),
            b'\\' => out.put_slice(b"\\\\"),
            0x08 => out.put_slice(b"\\b"),
            b'\t' => out.put_slice(b"\\t"),
            b'\n' => out.put_slice(b"\\n"),
            0x0c => out.put_slice(b"\\f"),
            b'\r' => out.put_slice(b"\\r"),
            control => {
                let digits = [HEX[usize::from(control >> 4)], HEX[usize::from(control & 15)]];
                out.put_slice(b"\\u00");
                out.put_slice(&digits);
            }
        }
        rest = &rest[plain + 1..];
    }
    out.put_u8(b'"');
}

/// The string that a JSON string (with its quotes, nothing around them) spells; `None` if it is not one.
/// Surrogates without partner become U+FFFD, since a Rust string cannot hold them.
pub fn decode_string(text: &[u8]) -> Option<String> {
    let inner = text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut rest = std::str::from_utf8(inner).ok()?;
    let mut decoded = String::with_capacity(rest.len());
    while let Some(plain) = rest.find('\\') {
        decoded.push_str(&rest[..plain]);
        let escape = *rest.as_bytes().get(plain + 1)?;
        let mut used = 2;
        decoded.push(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let escapes = &rest.as_bytes()[plain..];
                let (character, length) = unicode_escape(escapes)?;
                used = length;
                character
            }
            _ => return None,
        });
        rest = rest.get(plain + used..)?;
    }
    decoded.push_str(rest);
    Some(decoded)
}

/// The character that one or two `\uXXXX` at the start spell, and their length in bytes.
fn unicode_escape(text: &[u8]) -> Option<(char, usize)> {
    let unit = code_unit(text)?;
    if let Some(character) = char::from_u32(unit) {
        return Some((character, 6));
    }
    let pair = code_unit(&text[6..]).filter(|low| unit < 0xdc00 && (0xdc00..0xe000).contains(low));
    let joined = pair.and_then(|low| char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)));
    Some(joined.map_or((char::REPLACEMENT_CHARACTER, 6), |character| (character, 12)))
}

fn code_unit(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.first_chunk::<4>()?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_javascript() {
        let mut out = BytesMut::new();
        escape_into(&mut out, "a\"\\/\u{8}\t\n\u{b}\u{c}\r\u{1f}\u{7f}é\u{2028}😀");
        assert_eq!(out, "\"a\\\"\\\\/\\b\\t\\n\\u000b\\f\\r\\u001f\u{7f}é\u{2028}😀\"".as_bytes());
    }

    #[test]
    fn decoding_undoes_escaping() {
        let text: String = (0..0x300).filter_map(char::from_u32).chain("\u{2028}😀".chars()).collect();
        let mut out = BytesMut::new();
        escape_into(&mut out, &text);
        assert_eq!(decode_string(&out).as_deref(), Some(text.as_str()));
    }

    #[test]
    fn surrogates_join_or_are_replaced() {
        for (text, expected) in [
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\uD83D\uDE00x""#, "😀x"),
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\ud83dx""#, "\u{fffd}x"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83d\n""#, "\u{fffd}\n"),
            (r#""\u0064\u0000\/""#, "d\0/"),
        ] {
            assert_eq!(decode_string(text.as_bytes()).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_string_is_refused_without_panic() {
        for text in ["", "\"", "x", r#""\""#, r#""\u12"#, r#""\u12""#, r#""\u+123""#, r#""\x""#, r#""\€""#]
        {
            assert_eq!(decode_string(text.as_bytes()), None, "{text}");
        }
        assert_eq!(decode_string(b"\"\xff\""), None);
    }
}
