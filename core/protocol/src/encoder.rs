//! From payloads to frames.

use crate::header::Header;
use crate::{Checksum, HEADER_BYTES, MAX_MSGID, Status, Version};
use bytes::{BufMut, BytesMut};
use libfast_model::ChecksumV1;

/// Appends one frame, with the checksum that node-fast gives to its version. `payload` is the JSON text of an object; it is sent as it is.
///
/// # Panics
///
/// If `msgid` is above [`MAX_MSGID`] or the payload above 4 GiB: mistakes of the caller, which no peer can cause.
pub fn encode(out: &mut BytesMut, version: Version, status: Status, msgid: u32, payload: &[u8]) {
    out.reserve(HEADER_BYTES + payload.len());
    let frame = OpenFrame::begin(out);
    out.put_slice(payload);
    frame.finish(out, (version, Checksum::to_send(version, ChecksumV1::Xmodem)), status, msgid);
}

/// Room for the header, and the payload as far as the name, with a time of as many digits as there are from 2001 to 2286.
const HEAD: [u8; 51] = *b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0{\"m\":{\"uts\":0123456789012345,\"name\":";
const UTS: std::ops::Range<usize> = 27..43;

/// A frame whose payload is being written at the end of a buffer, so that it need not be copied there.
#[must_use]
#[derive(Debug)]
pub(crate) struct OpenFrame {
    start: usize,
}

impl OpenFrame {
    /// Leaves room for the header.
    pub fn begin(out: &mut BytesMut) -> Self {
        let start = out.len();
        out.put_bytes(0, HEADER_BYTES);
        Self { start }
    }

    /// Writes the payload as far as the name of the method: `uts` is the time in microseconds since 1970.
    pub fn begin_named(out: &mut BytesMut, uts: u64) -> Self {
        let start = out.len();
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(uts).as_bytes();
        if digits.len() == UTS.len() {
            let mut head = HEAD;
            head[UTS].copy_from_slice(digits);
            out.put_slice(&head);
        } else {
            out.put_slice(&HEAD[..UTS.start]);
            out.put_slice(digits);
            out.put_slice(&HEAD[UTS.end..]);
        }
        Self { start }
    }

    /// Length of the payload so far.
    pub fn payload_bytes(&self, out: &BytesMut) -> usize {
        out.len() - self.start - HEADER_BYTES
    }

    /// Takes the frame back.
    pub fn cancel(self, out: &mut BytesMut) {
        out.truncate(self.start);
    }

    /// Writes the header.
    pub fn finish(self, out: &mut BytesMut, coding: (Version, Checksum), status: Status, msgid: u32) {
        let start = self.start;
        self.close(out, coding.0, status, msgid);
        seal(&mut out[start..], coding.1);
    }

    /// Writes the header without the checksum, which [`seal`] adds. Gives the length of the frame.
    pub fn close(self, out: &mut BytesMut, version: Version, status: Status, msgid: u32) -> usize {
        assert!(msgid <= MAX_MSGID, "msgid {msgid} has more than 31 bits");
        let payload_bytes =
            u32::try_from(self.payload_bytes(out)).expect("payload is longer than its length field can say");
        let header = Header { version, status, msgid, checksum: 0, payload_bytes };
        out[self.start..][..HEADER_BYTES].copy_from_slice(&header.to_bytes());
        out.len() - self.start
    }
}

/// Writes the checksum of the closed frame that `frames` begins with. Gives the length of the frame.
pub(crate) fn seal(frames: &mut [u8], checksum: Checksum) -> usize {
    let (header, rest) = frames.split_first_chunk_mut().expect("the header was written");
    let payload = &rest[..Header::payload_bytes_in(header)];
    Header::set_checksum(header, checksum.of(payload));
    HEADER_BYTES + payload.len()
}
