//! The envelope of a payload as all known programs write it, found without looking at each byte.

use crate::json::{Note, Scanner, Value, digits, plain_run};
use std::ops::Range;

/// A payload `{"m":{"uts":1,"name":"n"},"d":…}`, or with `,"x":{"dl":1}` behind the name, without white space, further members or escapes in the name: what Fast
/// programs send, though any JSON text with these members would do.
pub(crate) struct Envelope {
    /// The member `m`.
    pub meta: Range<usize>,
    /// The name in it, with its quotes.
    pub name: Range<usize>,
    /// The number `x.dl` in it.
    pub deadline_ms: Option<u64>,
    /// The member `d`.
    pub body: Value,
}

const BEFORE_UTS: &[u8; 12] = br#"{"m":{"uts":"#;
const META_START: usize = 5;
const BEFORE_NAME: &[u8; 8] = br#","name":"#;
const BEFORE_DEADLINE: &[u8; 11] = br#","x":{"dl":"#;
const BEFORE_BODY: &[u8; 6] = br#"},"d":"#;

impl Envelope {
    /// `None` says nothing about `text`: it may be anything else. What was noted of the values is worth nothing then.
    pub fn read(text: &[u8], max_depth: usize, values: &mut impl Note) -> Option<Self> {
        // The object and `m` in it.
        if max_depth < 2 {
            return None;
        }
        let uts = behind(text, BEFORE_UTS)?;
        let length = digits(uts);
        if length == 0 || (uts[0] == b'0' && length > 1) {
            return None;
        }
        let quoted = behind(&uts[length..], BEFORE_NAME)?;
        let inner = behind(quoted, b"\"")?;
        let name_start = text.len() - quoted.len();
        let name_end = name_start + 2 + plain_run(inner);
        let named = behind(text.get(name_end - 1..)?, b"\"")?;
        let (deadline_ms, rest) = match behind(named, BEFORE_BODY) {
            Some(rest) => (None, rest),
            None if max_depth < 3 => return None,
            None => {
                let (deadline, rest) = whole_number(behind(named, BEFORE_DEADLINE)?)?;
                (Some(deadline), behind(behind(rest, b"}")?, BEFORE_BODY)?)
            }
        };
        let meta_end = text.len() - rest.len() - BEFORE_BODY.len() + 1;
        let mut scanner = Scanner::starting_at(text, text.len() - rest.len());
        let body = scanner.value_of(max_depth - 1, values).ok()?;
        (&text[body.end..] == b"}").then_some(Self {
            meta: META_START..meta_end,
            name: name_start..name_end,
            deadline_ms,
            body,
        })
    }
}

/// What follows the prefix. Its length is known to the compiler, which needs no call to compare it.
#[inline(always)]
fn behind<'t, const N: usize>(text: &'t [u8], prefix: &[u8; N]) -> Option<&'t [u8]> {
    let (found, rest) = text.split_first_chunk()?;
    (found == prefix).then_some(rest)
}

/// The number that `text` begins with, as JSON spells it, and what follows. `None` if there is none or it is too long.
fn whole_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = text.split_at(digits(text));
    if !(1..=18).contains(&number.len()) || (number[0] == b'0' && number.len() > 1) {
        return None;
    }
    Some((number.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    /// Where both see something, they see the same.
    #[test]
    fn what_it_finds_is_what_the_scanner_finds() {
        let found = |text: &str, depth| {
            let envelope = Envelope::read(text.as_bytes(), depth, &mut ())?;
            let Ok(Document::Object([meta, body])) = Document::read(text.as_bytes(), ["m", "d"], depth)
            else {
                panic!("{text}")
            };
            assert_eq!((envelope.meta, envelope.body), (meta.unwrap().span(), body.unwrap()), "{text}");
            let [x] = crate::json::members_of(&text.as_bytes()[meta.unwrap().span()], ["x"]);
            assert_eq!(envelope.deadline_ms.is_some(), x.is_some(), "{text}");
            let ms = envelope.deadline_ms.map_or(String::new(), |ms| format!(" {ms}"));
            Some(text[envelope.name].to_owned() + &ms)
        };
        let found_name = |text| found(text, 10);
        assert_eq!(found_name(r#"{"m":{"uts":17,"name":"a€b"},"d":[ 1,null]}"#).unwrap(), "\"a€b\"");
        assert_eq!(found_name(r#"{"m":{"uts":0,"name":""},"d":{"m":{}}}"#).unwrap(), "\"\"");
        assert_eq!(found(r#"{"m":{"uts":0,"name":""},"d":[]}"#, 2).unwrap(), "\"\"");
        let with_deadline = |dl: &str| format!(r#"{{"m":{{"uts":1,"name":"a","x":{{"dl":{dl}}}}},"d":[1]}}"#);
        assert_eq!(found(&with_deadline("4999"), 10).unwrap(), "\"a\" 4999");
        assert_eq!(found(&with_deadline("0"), 10).unwrap(), "\"a\" 0");
        assert!(found(&with_deadline("1"), 2).is_none());
        for other in ["01", "", "-1", "1.5", "1e3", "1234567890123456789", "1,\"y\":2", "1}", "1 "] {
            assert!(found(&with_deadline(other), 10).is_none(), "{other}");
        }
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
