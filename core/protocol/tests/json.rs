//! The scanner against another parser, on documents made by breaking good ones in seeded ways.

use bytes::BytesMut;
use fastrand::Rng;
use libfast_protocol::json::{check_array, check_object, check_value, decode_string, escape_into};
use serde::de::IgnoredAny;

const SEED: u64 = 0x0fa5_7f00;

const GOOD: &[&str] = &[
    r#"{"m":{"uts":1457475515355123,"name":"date"},"d":[{"value":{"hello":"world"},"count":3}]}"#,
    r#" [ 1 , -0 , 0.5e+10 , 1E400 , 5e-324 , true , false , null , "" , {} , [] ] "#,
    r#"["\ud800","\udc00x","\ud83d\ude00","\u0064","\b\f\n\r\t\/\\\"","é€😀","a long plain run of text"]"#,
    r#"{"d":[1],"d":{"d":[[[{"a":[]}]]]},"":"","\u0064":0}"#,
    "\"\u{7f}\u{2028}\"",
    "-12.5e-3",
    "null",
];

const PIECES: &[&str] = &[
    "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "1", "-", "+", ".", "e", "E", " ", "\n", "\u{b}", "\u{0}",
    "\u{1f}", "\u{feff}", "\u{a0}", "u", "\\u12", "\\uD83D", "true", "nul", "é", "//", "NaN", "'", "\\x",
    "00",
];

/// The oracle passes over values without judging surrogates or the size of numbers, which is what JavaScript
/// accepts.
fn oracle(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn mutate(text: &str, rng: &mut Rng) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(0..=characters.len());
        match rng.u8(0..5) {
            0 => characters.truncate(at),
            1 if at < characters.len() => drop(characters.remove(at)),
            2 if at < characters.len() => {
                let other = rng.usize(0..characters.len());
                characters.swap(at, other);
            }
            3 => {
                let copied = characters[at..].iter().take(rng.usize(1..12)).copied().collect::<Vec<_>>();
                characters.splice(at..at, copied);
            }
            _ => drop(characters.splice(at..at, PIECES[rng.usize(0..PIECES.len())].chars())),
        }
    }
    characters.into_iter().collect()
}

#[test]
fn agrees_with_another_parser_on_broken_documents() {
    let mut rng = Rng::with_seed(SEED);
    let mut accepted = 0;
    for round in 0..60_000 {
        let text = mutate(GOOD[round % GOOD.len()], &mut rng);
        let result = check_value(text.as_bytes(), 10_000);
        assert_eq!(result.is_ok(), oracle(&text), "seed {SEED:#x}, round {round}: {text:?}: {result:?}");
        accepted += usize::from(result.is_ok());
        if let Err(error) = result {
            assert!(error.offset <= text.len());
        }
        let starts = |bracket| text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with(bracket);
        assert_eq!(check_array(text.as_bytes(), 10_000).is_ok(), oracle(&text) && starts('['));
        assert_eq!(check_object(text.as_bytes(), 10_000).is_ok(), oracle(&text) && starts('{'));
    }
    assert!(
        (1_000..59_000).contains(&accepted),
        "the documents are neither all good nor all bad: {accepted}"
    );
}

/// Long strings are stepped over eight bytes at a time; each special byte must stop that at each position.
#[test]
fn special_bytes_are_seen_at_every_position_of_a_word() {
    for length in 0..40 {
        for at in 0..=length {
            for special in
                ["\"", "\\", "\u{0}", "\u{1f}", "\n", " ", "!", "\u{7f}", "\u{80}", "é", "\u{ffff}"]
            {
                let text = format!("[\"{}{special}{}\"]", "a".repeat(at), "b".repeat(length - at));
                assert_eq!(check_value(text.as_bytes(), 1).is_ok(), oracle(&text), "{text:?}");
            }
        }
    }
}

#[test]
fn strings_decode_as_another_parser_decodes_them() {
    let mut rng = Rng::with_seed(SEED);
    let mut compared = 0;
    for _ in 0..20_000 {
        let text = format!("\"{}\"", mutate(r"a\ud83d\ude00\u0041é\n\\\u00e9", &mut rng));
        if let Ok(expected) = serde_json::from_str::<String>(&text) {
            assert_eq!(decode_string(text.as_bytes()), Some(expected), "{text:?}");
            compared += 1;
        }
    }
    assert!(compared > 1_000);
}

#[test]
fn strings_escape_as_another_writer_escapes_them() {
    let mut rng = Rng::with_seed(SEED);
    for _ in 0..2_000 {
        let text: String =
            (0..rng.usize(0..20)).map(|_| if rng.bool() { rng.char(..) } else { rng.char(..' ') }).collect();
        let mut out = BytesMut::new();
        escape_into(&mut out, &text);
        assert_eq!(out, serde_json::to_string(&text).unwrap().as_bytes());
    }
}

#[test]
fn depth_is_bounded_and_costs_no_call_stack() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(check_value(nested(10_000).as_bytes(), 10_000).is_ok());
    let error = check_value(nested(10_001).as_bytes(), 10_000).unwrap_err();
    assert_eq!((error.offset, error.message), (10_000, "arrays and objects nest too deep"));
    assert!(check_value(nested(2_000_000).as_bytes(), usize::MAX).is_ok());
    assert!(check_value("{\"a\":".repeat(1_000_000).as_bytes(), usize::MAX).is_err());
    assert!(check_value(b"1", 0).is_ok());
    assert!(check_value(b"{}", 0).is_err());
}

#[test]
fn errors_say_where_and_what() {
    for (text, expected) in [
        (&b""[..], "unexpected end of JSON at byte 0"),
        (b"[1,]", "expected a value at byte 3"),
        (b"{\"a\" 1}", "expected a colon at byte 5"),
        (b"[1 2]", "expected a comma or the closing bracket at byte 3"),
        (b"{a:1}", "expected a member name in quotes at byte 1"),
        (b"1 x", "unexpected text after the JSON value at byte 2"),
        (b"[\"\xff\"]", "invalid UTF-8 at byte 2"),
    ] {
        assert_eq!(check_value(text, 10).unwrap_err().to_string(), expected);
    }
    assert_eq!(check_array(b" {}", 10).unwrap_err().to_string(), "expected an array at byte 1");
}
