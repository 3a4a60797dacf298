//! Streams in pieces, and what comes out of them.

use bytes::BytesMut;
use libfast_protocol::{Decoder, Frame, Limits, ProtocolError};
use proptest::prelude::*;
use proptest::sample::Index;

/// Where to cut a stream of any length.
pub fn cuts() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 0..12)
}

pub fn pieces<'s>(stream: &'s [u8], cuts: &[Index]) -> Vec<&'s [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    places.extend([0, stream.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect()
}

/// The frames of a stream that comes in these pieces, and how it ends.
pub fn feed(limits: Limits, pieces: &[&[u8]]) -> (Vec<Frame>, Result<(), ProtocolError>) {
    let (mut decoder, mut input, mut frames) = (Decoder::new(limits), BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    let end = decoder.finish(&input);
    (frames, end)
}
