//! From bytes to frames, however the stream is cut.

use crate::header::Header;
use crate::json::{Note, check_utf8};
use crate::payload::{Content, Parts};
use crate::{Checksum, Frame, HEADER_BYTES, Limits, ProtocolError};
use bytes::{Buf, Bytes, BytesMut};
use libfast_model::ChecksumV1;

/// Takes frames off the front of a buffer. The first error is final.
///
/// A frame is cut out of the buffer without copying, and nothing is reserved for a payload that is only
/// announced: memory grows with the bytes that arrive.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    checksum_v1: ChecksumV1,
    failed: Option<ProtocolError>,
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self { limits, checksum_v1: ChecksumV1::Xmodem, failed: None }
    }

    /// The same decoder with another checksum for frames of version 1.
    pub fn with_checksum_v1(mut self, checksum: ChecksumV1) -> Self {
        self.checksum_v1 = checksum;
        self
    }

    /// The next frame of `input`, or `None` until more bytes are there. After an error each further call
    /// gives the same error, and the bytes are dropped.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, ProtocolError> {
        Ok(self.cut_off(input, |_| true, &mut ())?.map(Frame::opened))
    }

    /// As [`decode`](Self::decode), with the payload in one piece; empty if it is not wanted, which costs no share of the buffer.
    /// The values may be noted, all but the last, or none.
    pub(crate) fn cut_off(
        &mut self,
        input: &mut BytesMut,
        is_wanted: impl Fn(&Content) -> bool,
        values: &mut impl Note,
    ) -> Result<Option<Frame<Content>>, ProtocolError> {
        let result = match &self.failed {
            Some(error) => Err(error.clone()),
            None => self.next_frame(input, is_wanted, values),
        };
        if let Err(error) = &result {
            input.clear();
            self.failed.get_or_insert_with(|| error.clone());
        }
        result
    }

    /// Judges the end of the stream, once [`decode`](Self::decode) has returned `None`: bytes left over are
    /// an incomplete frame.
    pub fn finish(&self, input: &BytesMut) -> Result<(), ProtocolError> {
        match &self.failed {
            Some(error) => Err(error.clone()),
            None if input.is_empty() => Ok(()),
            None => Err(ProtocolError::incomplete()),
        }
    }

    fn next_frame(
        &self,
        input: &mut BytesMut,
        is_wanted: impl Fn(&Content) -> bool,
        values: &mut impl Note,
    ) -> Result<Option<Frame<Content>>, ProtocolError> {
        // The header stays in the buffer until its payload is complete; judging it again is cheaper than a
        // state.
        let Some(header) = input.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let header = Header::parse(header)?;
        let announced = usize::try_from(header.payload_bytes).unwrap_or(usize::MAX);
        if announced > self.limits.max_frame_bytes {
            return Err(ProtocolError::too_large(header.payload_bytes, self.limits.max_frame_bytes));
        }
        let Some(bytes) = input[HEADER_BYTES..].get(..announced) else { return Ok(None) };
        // Checksums are taken over the text, so replacing comes before everything else.
        let replaced = check_utf8(bytes).err().map(|_| String::from_utf8_lossy(bytes).into_owned());
        let text = replaced.as_ref().map_or(bytes, String::as_bytes);
        let checksum = Checksum::find(header.version, self.checksum_v1, text, header.checksum)
            .map_err(|calculated| ProtocolError::checksum(header.version, header.checksum, calculated))?;
        let Parts { body, meta, name, deadline_ms } =
            Parts::read(text, header.status, self.limits.payload_depth(), values)?;
        input.advance(HEADER_BYTES);
        let payload = match replaced {
            None if is_wanted(&body) => input.split_to(announced).freeze(),
            replaced => {
                input.advance(announced);
                replaced.map_or_else(Bytes::new, Bytes::from)
            }
        };
        let Header { version, status, msgid, .. } = header;
        Ok(Some(Frame { version, checksum, status, msgid, payload, body, meta, name, deadline_ms }))
    }
}
