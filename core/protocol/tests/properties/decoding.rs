//! Streams of frames: cutting them changes nothing, and decoding undoes encoding.

use crate::config;
use crate::cuts::{cuts, feed, pieces};
use crate::frames::case;
use bytes::BytesMut;
use libfast_protocol::{Limits, encode};
use proptest::prelude::*;
use proptest::sample::Index;

/// A change of a stream.
#[derive(Debug, Clone)]
enum Change {
    Put(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Put(at, byte)),
        (any::<Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..20))
            .prop_map(|(at, it)| Change::Insert(at, it)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Change::Remove(at, length)),
    ]
}

impl Change {
    fn apply(&self, stream: &mut Vec<u8>) {
        if stream.is_empty() {
            return;
        }
        let (Self::Put(at, _) | Self::Flip(at, _) | Self::Insert(at, _) | Self::Remove(at, _)) = self;
        let at = at.index(stream.len());
        match self {
            Self::Put(_, byte) => stream[at] = *byte,
            Self::Flip(_, bit) => stream[at] ^= 1 << bit,
            Self::Insert(_, bytes) => drop(stream.splice(at..at, bytes.iter().copied())),
            Self::Remove(_, length) => drop(stream.drain(at..stream.len().min(at + length))),
        }
    }
}

proptest! {
    #![proptest_config(config(250))]

    #[test]
    fn frames_decode_to_what_was_encoded_however_they_are_cut(
        cases in prop::collection::vec(case(), 1..6),
        cuts in cuts(),
    ) {
        let mut stream = BytesMut::new();
        cases.iter().for_each(|case| case.write(&mut stream));
        let whole = feed(Limits::default(), &[&stream]);
        prop_assert_eq!(&whole.1, &Ok(()));
        prop_assert_eq!(whole.0.len(), cases.len());
        for (case, frame) in cases.iter().zip(&whole.0) {
            case.check(frame)?;
        }
        prop_assert_eq!(feed(Limits::default(), &pieces(&stream, &cuts)), whole);

        let mut again = BytesMut::new();
        for frame in &feed(Limits::default(), &[&stream]).0 {
            encode(&mut again, frame.version, frame.status, frame.msgid, &frame.payload);
        }
        prop_assert_eq!(again, stream, "encoding undoes decoding");
    }

    #[test]
    fn broken_streams_give_the_same_frames_and_the_same_error_however_they_are_cut(
        cases in prop::collection::vec(case(), 1..4),
        changes in prop::collection::vec(change(), 0..4),
        cuts in cuts(),
        max_frame_bytes in prop_oneof![Just(16 << 20), 0..300_usize],
        max_depth in prop_oneof![Just(10_000), 0..6_usize],
    ) {
        let limits = Limits { max_frame_bytes, max_depth, ..Limits::default() };
        let mut stream = BytesMut::new();
        cases.iter().for_each(|case| case.write(&mut stream));
        let mut stream = stream.to_vec();
        changes.iter().for_each(|change| change.apply(&mut stream));
        prop_assert_eq!(feed(limits, &pieces(&stream, &cuts)), feed(limits, &[&stream]));
    }

    #[test]
    fn any_bytes_behind_a_good_start_give_the_same_however_they_are_cut(
        header in prop::array::uniform3(0..4_u8),
        rest in prop::collection::vec(prop_oneof![Just(0), 0..40_u8, any::<u8>()], 0..200),
        cuts in cuts(),
    ) {
        let stream = [&header[..], &rest].concat();
        let limits = Limits::default();
        prop_assert_eq!(feed(limits, &pieces(&stream, &cuts)), feed(limits, &[&stream]));
    }
}
