//! The envelope of a payload as all known programs write it, found without looking at each byte.

use crate::json::{Scanner, Value, digits, plain_run};
use std::ops::Range;

/// A payload `{"m":{"uts":1,"name":"n"},"d":…}` without white space, further members or escapes in the name: what Fast
/// programs send, though any JSON text with these members would do.
pub(crate) struct Envelope {
    /// The member `m`.
    pub meta: Range<usize>,
    /// The name in it, with its quotes.
    pub name: Range<usize>,
    /// The member `d`.
    pub body: Value,
}

const BEFORE_UTS: &[u8] = br#"{"m":{"uts":"#;
const META_START: usize = 5;
const BEFORE_NAME: &[u8] = br#","name":"#;
const BEFORE_BODY: &[u8] = br#"},"d":"#;

impl Envelope {
    /// `None` says nothing about `text`: it may be anything else.
    pub fn read(text: &[u8], max_depth: usize) -> Option<Self> {
        // The object and `m` in it.
        if max_depth < 2 {
            return None;
        }
        let uts = text.strip_prefix(BEFORE_UTS)?;
        let length = digits(uts);
        if length == 0 || (uts[0] == b'0' && length > 1) {
            return None;
        }
        let quoted = uts[length..].strip_prefix(BEFORE_NAME)?;
        let inner = quoted.strip_prefix(b"\"")?;
        let name_start = text.len() - quoted.len();
        let name_end = name_start + 2 + plain_run(inner);
        let rest = text.get(name_end - 1..)?.strip_prefix(b"\"")?.strip_prefix(BEFORE_BODY)?;
        let mut scanner = Scanner::starting_at(text, text.len() - rest.len());
        let body = scanner.value(max_depth - 1).ok()?;
        (&text[body.end..] == b"}").then_some(Self {
            meta: META_START..name_end + 1,
            name: name_start..name_end,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    /// Where both see something, they see the same.
    #[test]
    fn what_it_finds_is_what_the_scanner_finds() {
        let found = |text: &str, depth| {
            let envelope = Envelope::read(text.as_bytes(), depth)?;
            let Ok(Document::Object([meta, body])) = Document::read(text.as_bytes(), ["m", "d"], depth)
            else {
                panic!("{text}")
            };
            assert_eq!((envelope.meta, envelope.body), (meta.unwrap().span(), body.unwrap()), "{text}");
            Some(text[envelope.name].to_owned())
        };
        let found_name = |text| found(text, 10);
        assert_eq!(found_name(r#"{"m":{"uts":17,"name":"a€b"},"d":[ 1,null]}"#).unwrap(), "\"a€b\"");
        assert_eq!(found_name(r#"{"m":{"uts":0,"name":""},"d":{"m":{}}}"#).unwrap(), "\"\"");
        assert_eq!(found(r#"{"m":{"uts":0,"name":""},"d":[]}"#, 2).unwrap(), "\"\"");
        for other in [
            r#"{"m":{"uts":01,"name":"a"},"d":[]}"#,
            r#"{"m":{"uts":,"name":"a"},"d":[]}"#,
            r#"{"m":{"uts":1.5,"name":"a"},"d":[]}"#,
            r#"{"m":{"uts":1,"name":"a\n"},"d":[]}"#,
            "{\"m\":{\"uts\":1,\"name\":\"a\n\"},\"d\":[]}",
            r#"{"m":{"uts":1,"name":"a","x":1},"d":[]}"#,
            r#"{"m":{"uts":1,"name":"a"},"d":[],"d":[1]}"#,
            r#"{"m":{"uts":1,"name":"a"},"d":[]} "#,
            r#"{"m":{"uts":1,"name":"a"},"d":[}"#,
            r#"{"m":{"uts":1,"name":"a"},"d":"#,
            r#"{"m":{"uts":1,"name":"a"#,
            r#"{"m":{"uts":1"#,
            "",
        ] {
            assert!(found_name(other).is_none(), "{other}");
        }
        assert!(found(r#"{"m":{"uts":1,"name":"a"},"d":[]}"#, 1).is_none());
        assert!(found(r#"{"m":{"uts":1,"name":"a"},"d":[[]]}"#, 2).is_none());
    }
}
