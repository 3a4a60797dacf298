//! From the text of a payload to the parts that matter, in one pass over it.

use crate::envelope::Envelope;
use crate::json::{self, Document, Kind, Note};
use crate::values::members_by_index;
use crate::{ProtocolError, Status};
use bytes::{Bytes, BytesMut};
use libfast_model::RemoteError;
use std::ops::Range;

/// The member `d`, as the status of the frame wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// An array.
    Values(json::Value),
    Error(Box<RemoteError>),
}

impl Content {
    /// Whether any of the payload is of use behind this.
    pub fn has_values(&self) -> bool {
        matches!(self, Self::Values(array) if array.len > 0)
    }
}

/// What a payload says.
pub(crate) struct Parts {
    pub body: Content,
    /// Where the member `m` is.
    pub meta: Option<Range<usize>>,
    /// Where the name in it is, a JSON string, if it was seen on the way.
    pub name: Option<Range<usize>>,
    /// Likewise how long the caller of a request waits.
    pub deadline_ms: Option<u64>,
}

impl Parts {
    /// The values may be noted, all but the last, or none.
    pub fn read(
        payload: &[u8],
        status: Status,
        max_depth: usize,
        values: &mut impl Note,
    ) -> Result<Self, ProtocolError> {
        if let Some(Envelope { meta, name, deadline_ms, body }) = Envelope::read(payload, max_depth, values) {
            let body = read_body(payload, status, Some(body))?;
            return Ok(Self { body, meta: Some(meta), name: Some(name), deadline_ms });
        }
        values.forget();
        let document = Document::read(payload, ["m", "d"], max_depth).map_err(|e| ProtocolError::json(&e))?;
        let (meta, body) = match document {
            Document::Object([meta, body]) => (meta, body),
            Document::Array => (None, None),
            Document::Scalar => return Err(ProtocolError::data()),
        };
        let body = read_body(payload, status, body)?;
        Ok(Self { body, meta: meta.map(|meta| meta.span()), name: None, deadline_ms: None })
    }
}

fn read_body(payload: &[u8], status: Status, body: Option<json::Value>) -> Result<Content, ProtocolError> {
    Ok(match status {
        Status::Data | Status::End => {
            let array = body.filter(|body| body.kind == Kind::Array);
            Content::Values(array.ok_or_else(ProtocolError::data_d)?)
        }
        Status::Error => {
            let object = body.filter(|body| body.kind == Kind::Object);
            let error =
                object.and_then(|object| read_error(&Bytes::copy_from_slice(&payload[object.span()])));
            Content::Error(Box::new(error.ok_or_else(ProtocolError::error_body)?))
        }
    })
}

/// Longest array or string that is made an object. Each of its elements takes many times its size then; one that is longer
/// is dropped, as are the numbers and `null`s that some send.
const MAX_INDEXED_BYTES: usize = 64 * 1024;

/// The parts of an error object; `None` if it lacks its name or message.
fn read_error(text: &Bytes) -> Option<RemoteError> {
    let names = ["name", "message", "info", "context", "ase_errors"];
    let [name, message, info, context, ase_errors] = json::members_of(text, names);
    let string = |value: Option<json::Value>| json::decode_string(&text[value?.span()]);
    let raw = |value: json::Value| String::from_utf8_lossy(&text[value.span()]).into_owned();
    let info = match info {
        Some(info) if info.kind == Kind::Object => raw(info),
        Some(info) if info.span().len() > MAX_INDEXED_BYTES => String::new(),
        Some(info) if info.kind == Kind::Array => members_by_index(&text.slice(info.span()), &info),
        Some(info) if info.kind == Kind::String => units_by_index(&string(Some(info))?),
        _ => String::new(),
    };
    Some(RemoteError {
        name: string(name)?,
        message: string(message)?,
        info,
        context: context.map(raw).unwrap_or_default(),
        ase_errors: ase_errors.map(raw).unwrap_or_default(),
    })
}

/// A text as the object of its UTF-16 code units, which is what copying its members gives in JavaScript.
fn units_by_index(text: &str) -> String {
    let mut object = BytesMut::from(&b"{"[..]);
    for (i, unit) in text.encode_utf16().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        object.extend_from_slice(format!("{comma}\"{i}\":").as_bytes());
        match char::from_u32(u32::from(unit)) {
            Some(character) => json::escape_into(&mut object, character.encode_utf8(&mut [0; 4])),
            None => object.extend_from_slice(format!("\"\\u{unit:04x}\"").as_bytes()),
        }
    }
    object.extend_from_slice(b"}");
    String::from_utf8_lossy(&object).into_owned()
}
