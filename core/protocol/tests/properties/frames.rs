//! Arbitrary frames that are right, with what they mean.

use crate::javascript::{Seen, see};
use crate::tree::{Spelt, Tree, spelt, tree};
use bytes::BytesMut;
use libfast_protocol::{Body, Frame, MAX_MSGID, Status, Version, encode};
use proptest::prelude::*;

#[derive(Debug, Clone)]
pub struct Case {
    version: Version,
    status: Status,
    id: u32,
    method: Option<Spelt>,
    body: Tree,
    payload: String,
}

pub fn case() -> impl Strategy<Value = Case> {
    let version = prop_oneof![Just(Version::V1), Just(Version::V2)];
    let id = prop_oneof![0..16_u32, 0..=MAX_MSGID, Just(MAX_MSGID)];
    let body = prop_oneof![
        3 => (Just(Status::Data), values()),
        1 => (Just(Status::End), values()),
        1 => (Just(Status::Error), error()),
    ];
    // Members before the ones that count: others, and some of the same names.
    let before = prop::collection::vec((name(), tree()), 0..3);
    let space = prop::collection::vec(0..12_u8, 0..40);
    let method = prop::option::of(spelt());
    (version, id, body, method, before, any::<[bool; 2]>(), space).prop_map(
        |(version, id, (status, body), method, mut members, [swapped, escaped], space)| {
            let d = Spelt::plain("d");
            let d = (if escaped { d.escaped() } else { d }, body.clone());
            let name = method.clone().map_or(Tree::Plain("null"), Tree::String);
            let m = (Spelt::plain("m"), Tree::Object(vec![(Spelt::plain("name"), name)]));
            members.extend(if swapped { [d, m] } else { [m, d] });
            let payload = Tree::Object(members).text(&space);
            Case { version, status, id, method, body, payload }
        },
    )
}

fn name() -> impl Strategy<Value = Spelt> {
    prop_oneof![Just(Spelt::plain("d")), Just(Spelt::plain("m")), spelt()]
}

fn values() -> impl Strategy<Value = Tree> {
    prop::collection::vec(tree(), 0..6).prop_map(Tree::Array)
}

fn error() -> impl Strategy<Value = Tree> {
    let info = tree().prop_map(|info| (Spelt::plain("info"), info));
    (spelt(), spelt(), prop::option::of(info)).prop_map(|(name, message, info)| {
        let mut members = vec![
            (Spelt::plain("message"), Tree::Plain("null")),
            (Spelt::plain("name"), Tree::String(name)),
            (Spelt::plain("message"), Tree::String(message)),
        ];
        members.extend(info);
        Tree::Object(members)
    })
}

impl Case {
    pub fn write(&self, out: &mut BytesMut) {
        encode(out, self.version, self.status, self.id, self.payload.as_bytes());
    }

    /// Whether the frame is what was meant, as JavaScript sees it.
    pub fn check(&self, frame: &Frame) -> Result<(), TestCaseError> {
        prop_assert_eq!((frame.version, frame.status, frame.msgid), (self.version, self.status, self.id));
        prop_assert_eq!(&frame.payload, &self.payload);
        prop_assert_eq!(
            frame.method(),
            self.method.as_ref().map(|name| String::from_utf16_lossy(&name.units()))
        );
        match (&frame.body, self.body.seen()) {
            (Body::Values(values), Seen::Array(expected)) => {
                let seen: Vec<_> = values.iter().map(|value| see(&value)).collect();
                prop_assert_eq!(values.len(), expected.len());
                prop_assert_eq!(values.has_nulls(), expected.contains(&Seen::Null));
                prop_assert_eq!(seen, expected);
            }
            (Body::Error(error), Seen::Object(expected)) => {
                let member = |name: &str| expected.get(&name.encode_utf16().collect::<Vec<_>>());
                prop_assert_eq!(string(&error.name), lossy(member("name")));
                prop_assert_eq!(string(&error.message), lossy(member("message")));
                match member("info") {
                    Some(info @ Seen::Object(_)) => prop_assert_eq!(&see(error.info.as_bytes()), info),
                    Some(Seen::Array(elements)) => {
                        let members = elements.iter().enumerate();
                        let name = |i: usize| i.to_string().encode_utf16().collect();
                        let object = members.map(|(i, element)| (name(i), element.clone())).collect();
                        prop_assert_eq!(see(error.info.as_bytes()), Seen::Object(object));
                    }
                    Some(Seen::String(units)) => {
                        let text = String::from_utf16_lossy(units);
                        let name = |i: usize| i.to_string().encode_utf16().collect();
                        let units = text.encode_utf16().enumerate();
                        let object = units.map(|(i, unit)| (name(i), Seen::String(vec![unit]))).collect();
                        prop_assert_eq!(see(error.info.as_bytes()), Seen::Object(object));
                    }
                    _ => prop_assert_eq!(&error.info, ""),
                }
            }
            (body, expected) => prop_assert!(false, "{:?} is not {:?}", body, expected),
        }
        Ok(())
    }
}

fn string(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Surrogates without partner are replaced, since a Rust string cannot hold them.
fn lossy(value: Option<&Seen>) -> Option<String> {
    match value {
        Some(Seen::String(units)) => Some(String::from_utf16_lossy(units)),
        _ => None,
    }
}
