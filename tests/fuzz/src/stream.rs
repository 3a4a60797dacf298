//! Whole streams through a decoder.

use bytes::BytesMut;
use libfast_protocol::{Decoder, Frame, HEADER_BYTES, Limits, ProtocolError, Status, Version, encode};

/// The frames of a stream and how it ended.
pub type Outcome = (Vec<Frame>, Result<(), ProtocolError>);

/// Decodes the pieces of a stream and then its end.
pub fn feed<'b>(limits: Limits, pieces: impl IntoIterator<Item = &'b [u8]>) -> Outcome {
    let (mut decoder, mut input, mut frames) = (Decoder::new(limits), BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert!(input.is_empty(), "bytes behind an error are dropped");
                    assert_eq!(decoder.decode(&mut input), Err(error.clone()), "the first error is final");
                    assert_eq!(decoder.finish(&input), Err(error.clone()));
                    return (frames, Err(error));
                }
            }
        }
        assert!(input.len() < HEADER_BYTES + limits.max_frame_bytes, "no more is kept than one frame");
    }
    let end = decoder.finish(&input);
    (frames, end)
}

/// Puts the right checksum into every frame that is there as a whole, because few mutations would find it.
pub fn repair(stream: &mut [u8]) {
    let mut rest = stream;
    while let Some((header, tail)) = rest.split_first_chunk_mut::<HEADER_BYTES>() {
        let length = u32::from_be_bytes([header[11], header[12], header[13], header[14]]) as usize;
        let Some((payload, next)) = tail.split_at_mut_checked(length) else { return };
        if let Some(version) = Version::from_u8(header[0]) {
            let mut right = BytesMut::new();
            encode(&mut right, version, Status::Data, 0, String::from_utf8_lossy(payload).as_bytes());
            header[7..11].copy_from_slice(&right[7..11]);
        }
        rest = next;
    }
}
