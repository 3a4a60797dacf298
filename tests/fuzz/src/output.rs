//! What a connection wants written, read back as frames.

use bytes::BytesMut;
use libfast_protocol::{Decoder, Frame, Limits};

/// Decodes the output of a connection as its peer would, with the same bounds.
pub struct Output {
    decoder: Decoder,
    input: BytesMut,
}

impl Output {
    /// Errors that the library makes are sent under every limit; they have less than 1024 bytes.
    pub fn new(limits: Limits) -> Self {
        let limits = Limits { max_frame_bytes: limits.max_frame_bytes.max(1024), ..limits };
        Self { decoder: Decoder::new(limits), input: BytesMut::new() }
    }

    /// Takes what is in `transmit`, which must be whole frames.
    pub fn take(&mut self, transmit: &mut BytesMut) -> Vec<Frame> {
        self.input.unsplit(transmit.split());
        let mut frames = Vec::new();
        while let Some(frame) = self.decoder.decode(&mut self.input).expect("output decodes") {
            frames.push(frame);
        }
        assert!(self.input.is_empty(), "frames are written whole");
        frames
    }
}
