//! Frames, as the floor and the measurements of memory make and read them.

use bytes::{BufMut, BytesMut};
use crc::{CRC_16_ARC, Crc, Table};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::io::{Error, ErrorKind, Result};
use std::time::{SystemTime, UNIX_EPOCH};

static ARC: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_ARC);

/// More is to come.
pub const DATA: u8 = 1;
/// Nothing more comes.
pub const END: u8 = 2;
const HEADER: usize = 15;

#[derive(Deserialize)]
struct Payload<'p> {
    #[serde(borrow)]
    m: Meta<'p>,
    #[serde(borrow)]
    d: &'p RawValue,
}

#[derive(Deserialize)]
struct Meta<'p> {
    name: &'p str,
}

/// One message.
pub struct Frame<'p> {
    /// [`DATA`], [`END`] or 3, an error.
    pub status: u8,
    /// Of the call.
    pub id: u32,
    /// The method.
    pub name: &'p str,
    /// The arguments or values, an array.
    pub d: &'p str,
    /// Bytes of the whole frame.
    pub bytes: usize,
}

/// The frame at the beginning of `input`, if it is complete.
pub fn decode(input: &[u8]) -> Result<Option<Frame<'_>>> {
    let Some((header, rest)) = input.split_at_checked(HEADER) else { return Ok(None) };
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let Some(payload) = rest.get(..word(11) as usize) else { return Ok(None) };
    let invalid = |what: &str| Err(Error::new(ErrorKind::InvalidData, what));
    if header[0] != 2 || header[1] != 1 {
        return invalid("header");
    }
    if u32::from(ARC.checksum(payload)) != word(7) {
        return invalid("checksum");
    }
    let parsed: Payload<'_> = serde_json::from_slice(payload)?;
    let (status, id) = (header[2], word(3));
    Ok(Some(Frame { status, id, name: parsed.m.name, d: parsed.d.get(), bytes: HEADER + payload.len() }))
}

/// Appends a frame whose `d` is put together from `parts`.
pub fn encode(out: &mut BytesMut, status: u8, id: u32, name: &str, parts: &[&str]) {
    let start = out.len();
    out.put_bytes(0, HEADER);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    out.put_slice(format!(r#"{{"m":{{"uts":{now},"name":"{name}"}},"d":"#).as_bytes());
    for part in parts {
        out.put_slice(part.as_bytes());
    }
    out.put_u8(b'}');
    let checksum = ARC.checksum(&out[start + HEADER..]);
    let length = (out.len() - start - HEADER) as u32;
    let header = &mut out[start..start + HEADER];
    header[..3].copy_from_slice(&[2, 1, status]);
    header[3..7].copy_from_slice(&id.to_be_bytes());
    header[7..11].copy_from_slice(&u32::from(checksum).to_be_bytes());
    header[11..].copy_from_slice(&length.to_be_bytes());
}
