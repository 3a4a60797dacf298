//! Arbitrary JSON values in arbitrary spelling.

use crate::javascript::Seen;
use proptest::prelude::*;

/// A value as text would spell it.
#[derive(Debug, Clone)]
pub enum Tree {
    Plain(&'static str),
    Number(String),
    String(Spelt),
    Array(Vec<Tree>),
    /// Members in order; names may repeat.
    Object(Vec<(Spelt, Tree)>),
}

/// The characters of a string, and whether each is spelt as an escape. Surrogates always are.
#[derive(Debug, Clone)]
pub struct Spelt(Vec<(u32, bool)>);

pub fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        prop_oneof![Just("null"), Just("true"), Just("false")].prop_map(Tree::Plain),
        number().prop_map(Tree::Number),
        spelt().prop_map(Tree::String),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::Array),
            prop::collection::vec((spelt(), inner), 0..5).prop_map(Tree::Object),
        ]
    })
}

/// A value inside of many others, each with something behind it.
pub fn deep_tree() -> impl Strategy<Value = Tree> {
    let outer = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(any::<bool>(), 0..200)];
    (tree(), outer).prop_map(|(tree, outer)| {
        outer.iter().fold(tree, |inner, is_object| match is_object {
            true => Tree::Object(vec![(Spelt::plain("a"), inner), (Spelt::plain(""), Tree::Plain("null"))]),
            false => Tree::Array(vec![inner, Tree::Plain("true")]),
        })
    })
}

pub fn spelt() -> impl Strategy<Value = Spelt> {
    let character = prop_oneof![
        6 => 0x20_u32..0x7f,
        1 => 0_u32..0x20,
        2 => 0x7f_u32..0xd800,
        1 => 0xd800_u32..0xe000,
        1 => 0xe000_u32..0x1_0000,
        1 => 0x1_0000_u32..0x11_0000,
    ];
    let length = prop_oneof![5 => 0..8_usize, 1 => 8..40_usize];
    length
        .prop_flat_map(move |length| {
            prop::collection::vec((character.clone(), prop::bool::weighted(0.2)), length)
        })
        .prop_map(Spelt)
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_filter("JSON has no other", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?",
        Just("1e400".into()),
        Just("9007199254740993".into()),
    ]
}

impl Spelt {
    pub fn plain(text: &str) -> Self {
        Self(text.chars().map(|c| (c.into(), false)).collect())
    }

    /// The same string with its first character spelt as an escape.
    pub fn escaped(mut self) -> Self {
        if let Some((_, escaped)) = self.0.first_mut() {
            *escaped = true;
        }
        self
    }

    /// The UTF-16 code units that it means.
    pub fn units(&self) -> Vec<u16> {
        let mut units = Vec::new();
        for (code, _) in &self.0 {
            match char::from_u32(*code) {
                Some(character) => units.extend(character.encode_utf16(&mut [0; 2]).iter()),
                None => units.push(*code as u16),
            }
        }
        units
    }

    pub fn write(&self, out: &mut String) {
        out.push('"');
        for (code, escaped) in &self.0 {
            match char::from_u32(*code) {
                Some(c) if !escaped && !matches!(c, '"' | '\\' | '\0'..='\x1f') => out.push(c),
                Some(c) => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escape(out, *unit)),
                None => escape(out, *code as u16),
            }
        }
        out.push('"');
    }
}

fn escape(out: &mut String, unit: u16) {
    match unit {
        0x0a => out.push_str("\\n"),
        0x2f => out.push_str("\\/"),
        // Hexadecimal digits may be of either case.
        unit if unit % 2 == 0 => out.push_str(&format!("\\u{unit:04x}")),
        unit => out.push_str(&format!("\\u{unit:04X}")),
    }
}

impl Tree {
    /// The text, with white space as `space` says: a number for each place, most of which mean none.
    pub fn text(&self, space: &[u8]) -> String {
        let mut out = String::new();
        let mut spaces = space.iter().cycle();
        self.write(&mut out, &mut || match spaces.next() {
            Some(1) => " ",
            Some(2) => "\n\t",
            Some(3) => "\r ",
            _ => "",
        });
        out
    }

    fn write(&self, out: &mut String, space: &mut impl FnMut() -> &'static str) {
        out.push_str(space());
        match self {
            Self::Plain(text) => out.push_str(text),
            Self::Number(text) => out.push_str(text),
            Self::String(spelt) => spelt.write(out),
            Self::Array(elements) => {
                out.push('[');
                for (i, element) in elements.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { "," });
                    element.write(out, space);
                }
                out.push_str(space());
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (i, (name, value)) in members.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { "," });
                    out.push_str(space());
                    name.write(out);
                    out.push_str(space());
                    out.push(':');
                    value.write(out, space);
                }
                out.push_str(space());
                out.push('}');
            }
        }
        out.push_str(space());
    }

    /// What JavaScript makes of the text.
    pub fn seen(&self) -> Seen {
        match self {
            Self::Plain("null") => Seen::Null,
            Self::Plain(text) => Seen::Boolean(*text == "true"),
            Self::Number(text) => Seen::Number(text.parse().unwrap()),
            Self::String(spelt) => Seen::String(spelt.units()),
            Self::Array(elements) => Seen::Array(elements.iter().map(Self::seen).collect()),
            Self::Object(members) => {
                Seen::Object(members.iter().map(|(name, value)| (name.units(), value.seen())).collect())
            }
        }
    }
}
