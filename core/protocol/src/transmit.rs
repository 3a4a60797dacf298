//! Frames that wait to be sent.

use crate::encoder::{OpenFrame, seal};
use crate::{Checksum, Status, Version};
use bytes::BytesMut;

/// Frames in the order in which they were made. Their checksums come when they are about to leave, for all of them in a row: the
/// code that makes one request is long enough to push that of the checksum out of the processor's cache each time.
#[derive(Debug)]
pub(crate) struct Transmit {
    coding: (Version, Checksum),
    bytes: BytesMut,
    /// Bytes at the end that are frames without a checksum.
    unsealed: usize,
}

impl Transmit {
    pub fn new(version: Version, checksum: Checksum) -> Self {
        Self { coding: (version, checksum), bytes: BytesMut::new(), unsealed: 0 }
    }

    /// How much waits.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where a frame is begun, which is then [`close`](Self::close)d or cancelled before anything else.
    pub fn open(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// The frame is whole.
    pub fn close(&mut self, frame: OpenFrame, status: Status, msgid: u32) {
        self.unsealed += frame.close(&mut self.bytes, self.coding.0, status, msgid);
    }

    /// The bytes to write; the owner takes them off the front.
    pub fn sealed(&mut self) -> &mut BytesMut {
        let mut rest = std::mem::take(&mut self.unsealed);
        while rest > 0 {
            let start = self.bytes.len() - rest;
            rest -= seal(&mut self.bytes[start..], self.coding.1);
        }
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decoder, Limits};
    use bytes::BufMut;

    #[test]
    fn frames_leave_whole_however_they_gather() {
        let mut transmit = Transmit::new(Version::V2, Checksum::Arc);
        let (mut input, mut decoder, mut came) =
            (BytesMut::new(), Decoder::new(Limits::default()), Vec::new());
        for id in 1..=30 {
            let frame = OpenFrame::begin_named(transmit.open(), u64::from(id));
            transmit.open().put_slice(format!("\"m\"}},\"d\":[{id}]}}").as_bytes());
            transmit.close(frame, Status::Data, id);
            // Some leave alone, others together, and others in pieces.
            if id % 3 == 0 {
                let part = transmit.len() / 2;
                input.extend_from_slice(&transmit.sealed().split_to(part));
            }
            if id % 10 == 0 {
                input.extend_from_slice(&transmit.sealed().split());
            }
            while let Some(frame) = decoder.decode(&mut input).unwrap() {
                came.push(frame.msgid);
            }
        }
        assert_eq!((transmit.len(), came), (0, (1..=30).collect()));
        assert!(transmit.sealed().is_empty());
    }
}
