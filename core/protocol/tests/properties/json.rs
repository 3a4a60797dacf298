//! The scanner against another parser, and against what was meant.

use crate::config;
use crate::javascript::see;
use crate::tree::{deep_tree, spelt, tree};
use bytes::{Bytes, BytesMut};
use libfast_protocol::Values;
use libfast_protocol::json::{check_array, check_object, check_value, decode_string, escape_into};
use proptest::prelude::*;
use proptest::sample::Index;
use serde::de::IgnoredAny;

const DEPTH: usize = 10_000;

proptest! {
    #![proptest_config(config(250))]

    #[test]
    fn every_value_is_accepted_in_every_spelling(
        tree in deep_tree(),
        space in prop::collection::vec(0..6_u8, 0..40),
    ) {
        let text = tree.text(&space);
        prop_assert_eq!(check_value(text.as_bytes(), DEPTH), Ok(()));
        prop_assert_eq!(see(text.as_bytes()), tree.seen());
        // A tree of it may be refused by the other parser, for reasons that JavaScript does not know.
        if let Err(error) = serde_json::from_str::<serde_json::Value>(&text) {
            let why = error.to_string();
            let known = ["surrogate", "hex escape", "out of range", "recursion limit"];
            prop_assert!(known.iter().any(|known| why.contains(known)), "{}", why);
        }
    }

    #[test]
    fn broken_text_is_refused_exactly_if_another_parser_refuses_it(
        tree in deep_tree(),
        space in prop::collection::vec(0..6_u8, 0..40),
        changes in prop::collection::vec((any::<Index>(), 0..4_u8, any::<char>()), 1..4),
        ascii in "[\\[\\]{},:\"0-9eE+.\\-\\\\u ntf/\\x00-\\x1f]{0,3}",
    ) {
        let mut text: Vec<char> = tree.text(&space).chars().collect();
        for (at, kind, other) in changes {
            let at = at.index(text.len() + 1);
            match kind {
                0 => text.truncate(at),
                1 if at < text.len() => text[at] = other,
                2 if at < text.len() => drop(text.remove(at)),
                _ => drop(text.splice(at..at, ascii.chars())),
            }
        }
        let text: String = text.into_iter().collect();
        let expected = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        let begins = |bracket| text.trim_start().starts_with(bracket);
        let result = check_value(text.as_bytes(), DEPTH);
        prop_assert_eq!(result.is_ok(), expected, "{}: {:?}", text, result);
        prop_assert_eq!(check_array(text.as_bytes(), DEPTH).is_ok(), expected && begins('['));
        prop_assert_eq!(check_object(text.as_bytes(), DEPTH).is_ok(), expected && begins('{'));
        if let Err(error) = result {
            prop_assert!(error.offset <= text.len());
        }
    }

    #[test]
    fn values_are_cut_out_of_their_array_whole(
        trees in prop::collection::vec(tree(), 0..8),
        space in prop::collection::vec(0..6_u8, 0..40),
    ) {
        let text: Vec<_> = trees.iter().map(|tree| tree.text(&space)).collect();
        let text = format!(" [{}] ", text.join(","));
        let values = Values::parse(Bytes::from(text), DEPTH).unwrap();
        for value in &values {
            prop_assert_eq!(value.trim_ascii(), &value);
        }
        let seen: Vec<_> = values.iter().map(|value| see(&value)).collect();
        prop_assert_eq!(seen, trees.iter().map(|tree| tree.seen()).collect::<Vec<_>>());
    }

    #[test]
    fn strings_decode_to_what_was_spelt(spelt in spelt()) {
        let mut text = String::new();
        spelt.write(&mut text);
        prop_assert_eq!(decode_string(text.as_bytes()), Some(String::from_utf16_lossy(&spelt.units())));
    }

    #[test]
    fn decoding_undoes_escaping(text in any::<String>()) {
        let mut escaped = BytesMut::new();
        escape_into(&mut escaped, &text);
        prop_assert_eq!(check_value(&escaped, 0), Ok(()));
        prop_assert_eq!(decode_string(&escaped), Some(text));
    }
}
