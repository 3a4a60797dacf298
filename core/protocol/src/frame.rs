//! A frame after decoding: its header's fields and the spans of its payload.

use crate::json::{self, Kind};
use crate::payload::Content;
use crate::{Checksum, Status, Values, Version};
use bytes::Bytes;
use libfast_model::RemoteError;
use std::ops::Range;

/// One whole frame. `B` is what its body has become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame<B = Body> {
    /// Its version.
    pub version: Version,
    /// How its checksum was computed.
    pub checksum: Checksum,
    /// What it is for.
    pub status: Status,
    /// The call it belongs to.
    pub msgid: u32,
    /// The text of the whole payload; invalid UTF-8 has been replaced.
    pub payload: Bytes,
    /// The member `d`.
    pub body: B,
    /// Where in the payload the member `m` is, of whatever kind, if there is one.
    pub meta: Option<Range<usize>>,
    /// Where in the payload the name of the method is, a JSON string, if that was seen on the way.
    pub(crate) name: Option<Range<usize>>,
    /// How long the caller of a request waits, if that was seen on the way.
    pub(crate) deadline_ms: Option<u64>,
}

/// The member `d` of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Of DATA and END: arguments or values.
    Values(Values),
    /// Of ERROR. Info that is an array or a string of at most 64 KiB has become an object of its indices; other info
    /// that is no object is as good as none.
    Error(Box<RemoteError>),
}

impl Frame<Content> {
    /// The frame with its values cut out of the payload.
    pub(crate) fn opened(self) -> Frame {
        let Self { version, checksum, status, msgid, payload, body, meta, name, deadline_ms } = self;
        let body = match body {
            Content::Values(array) => Body::Values(Values::judged(payload.slice(array.span()), &array)),
            Content::Error(error) => Body::Error(error),
        };
        Frame { version, checksum, status, msgid, payload, body, meta, name, deadline_ms }
    }
}

impl<B> Frame<B> {
    /// The raw text of the member `m`.
    pub fn meta(&self) -> Option<&[u8]> {
        self.payload.get(self.meta.clone()?)
    }

    /// The method that `m` names, if it names one. Surrogates without partner are replaced.
    pub fn method(&self) -> Option<String> {
        json::decode_string(self.method_text()?)
    }

    /// How long the caller of a request goes on waiting, in milliseconds from when it sent it, if `m.x.dl` says so. What
    /// is no number there says nothing; parts of a millisecond are cut off, and nobody waits less than 0.
    pub fn deadline_ms(&self) -> Option<u64> {
        if self.name.is_some() {
            return self.deadline_ms;
        }
        let meta = self.meta()?;
        let [extras] = json::members_of(meta, ["x"]);
        let extras = &meta[extras?.span()];
        let [deadline] = json::members_of(extras, ["dl"]);
        let number = std::str::from_utf8(&extras[deadline?.span()]).ok()?;
        // The cast holds bounds: a number that is too large waits as long as can be said.
        number.parse::<f64>().ok().map(|ms| ms as u64)
    }

    /// The raw text of the name of the method, a JSON string.
    pub fn method_text(&self) -> Option<&[u8]> {
        if let Some(name) = self.name.clone() {
            return self.payload.get(name);
        }
        let meta = self.meta()?;
        let [name] = json::members_of(meta, ["name"]);
        name.filter(|name| name.kind == Kind::String).map(|name| &meta[name.span()])
    }
}
