//! The fifteen bytes before each payload, and the order in which they are judged.

use crate::ProtocolError;

/// Length of the header of a frame.
pub const HEADER_BYTES: usize = 15;

/// The largest message id.
pub const MAX_MSGID: u32 = 0x7fff_ffff;

/// Where the checksum is.
const CHECKSUM: std::ops::Range<usize> = 7..11;

/// The only type of payload there is.
const TYPE_JSON: u8 = 1;

/// The version of a frame, which selects its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Version {
    /// Checksum over the low bytes of the UTF-16 code units of the text; for old peers.
    V1 = 1,
    /// Checksum over the UTF-8 bytes of the text.
    #[default]
    V2 = 2,
}

impl Version {
    /// The version with this number on the wire.
    pub fn from_u8(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            _ => None,
        }
    }
}

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// A request, or values of an answer that goes on.
    Data = 1,
    /// The end of an answer; it may carry last values.
    End = 2,
    /// The answer ended in an error.
    Error = 3,
}

impl Status {
    /// The status with this number on the wire.
    pub fn from_u8(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Data),
            2 => Some(Self::End),
            3 => Some(Self::Error),
            _ => None,
        }
    }
}

/// How long the frame is that `input` begins with, if all of its header is there; what it announces may be refused yet.
pub fn frame_bytes(input: &[u8]) -> Option<usize> {
    let header = Header::parse(input.first_chunk()?).ok()?;
    HEADER_BYTES.checked_add(usize::try_from(header.payload_bytes).ok()?)
}

/// A header whose fields are all legal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub version: Version,
    pub status: Status,
    pub msgid: u32,
    /// The whole field of 32 bits, although a checksum has 16.
    pub checksum: u32,
    pub payload_bytes: u32,
}

impl Header {
    /// Judges the fields in the order that decides which error a peer sees.
    pub fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, ProtocolError> {
        let [version, kind, status, rest @ ..] = bytes;
        let [i0, i1, i2, i3, c0, c1, c2, c3, l0, l1, l2, l3] = *rest;
        let version = Version::from_u8(*version).ok_or_else(|| ProtocolError::version(*version))?;
        if *kind != TYPE_JSON {
            return Err(ProtocolError::kind(*kind));
        }
        let status = Status::from_u8(*status).ok_or_else(|| ProtocolError::status(*status))?;
        let msgid = u32::from_be_bytes([i0, i1, i2, i3]);
        if msgid > MAX_MSGID {
            return Err(ProtocolError::msgid(msgid));
        }
        let checksum = u32::from_be_bytes([c0, c1, c2, c3]);
        let payload_bytes = u32::from_be_bytes([l0, l1, l2, l3]);
        Ok(Self { version, status, msgid, checksum, payload_bytes })
    }

    /// The header as it is sent.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let [i0, i1, i2, i3] = self.msgid.to_be_bytes();
        let [c0, c1, c2, c3] = self.checksum.to_be_bytes();
        let [l0, l1, l2, l3] = self.payload_bytes.to_be_bytes();
        let (version, status) = (self.version as u8, self.status as u8);
        [version, TYPE_JSON, status, i0, i1, i2, i3, c0, c1, c2, c3, l0, l1, l2, l3]
    }

    /// The length of the payload behind a header that was written here.
    pub fn payload_bytes_in(header: &[u8; HEADER_BYTES]) -> usize {
        let [.., l0, l1, l2, l3] = *header;
        u32::from_be_bytes([l0, l1, l2, l3]) as usize
    }

    /// Puts the checksum into a header that was written here.
    pub fn set_checksum(header: &mut [u8; HEADER_BYTES], checksum: u16) {
        header[CHECKSUM].copy_from_slice(&u32::from(checksum).to_be_bytes());
    }
}
