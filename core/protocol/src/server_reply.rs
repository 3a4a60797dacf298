//! The frames of an answer, and what happens if one is too large.
//!
//! Which requests may be answered is the business of the connection.

use crate::encoder::OpenFrame;
use crate::json::{check_value, decode_string, escape_into};
use crate::payload::Content;
use crate::text::Text;
use crate::{Checksum, Frame, HEADER_BYTES, Limits, Status, Version};
use bytes::{BufMut, BytesMut};
use libfast_model::{Error, ErrorKind, RemoteError, Result};

/// To which request an answer belongs.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub id: u32,
    /// Answers speak the version of their request, with its checksum.
    pub coding: (Version, Checksum),
    /// The name of the method as JSON text, spelt as the client spelt it; `null` if there is none.
    pub name: Text,
}

/// A DATA frame at the end of the output whose header is not written yet.
#[derive(Debug)]
pub(crate) struct SharedFrame {
    frame: OpenFrame,
    pub id: u32,
    coding: (Version, Checksum),
}

impl SharedFrame {
    /// Payload that values share. More would make the client wait for the first one.
    const MAX_BYTES: usize = 16 * 1024;
    /// What follows the last value.
    const TAIL: &[u8] = b"]}";

    /// Adds a value of the same request, if there is room.
    pub fn add(&self, out: &mut BytesMut, limits: &Limits, value: &[u8]) -> bool {
        let bytes = self.frame.payload_bytes(out).saturating_add(value.len()).saturating_add(1);
        if bytes > Self::MAX_BYTES.min(limits.payload_bytes()) {
            return false;
        }
        out.truncate(out.len() - Self::TAIL.len());
        out.put_u8(b',');
        out.put_slice(value);
        out.put_slice(Self::TAIL);
        true
    }

    /// Writes the header. Returns the length of the frame.
    pub fn finish(self, out: &mut BytesMut) -> usize {
        let bytes = HEADER_BYTES + self.frame.payload_bytes(out);
        self.frame.finish(out, self.coding, Status::Data, self.id);
        bytes
    }
}

/// The errors that the library makes have this name.
const LIBRARY_ERROR: &str = "FastError";
/// In the place of the name of a method.
const NO_NAME: &[u8] = b"null";

impl Reply {
    /// Appends a frame of which `body` writes what follows the name; nothing if it is too large.
    ///
    /// A name that makes a frame too large is left out: clients look at `d` only, and a client that sends
    /// very long names must not get requests that can never end.
    pub fn write(
        &self,
        out: &mut BytesMut,
        limits: &Limits,
        uts: u64,
        status: Status,
        body: impl Fn(&mut BytesMut),
    ) -> Result<()> {
        let frame = self.write_open(out, limits, uts, body)?;
        frame.finish(out, self.coding, status, self.id);
        Ok(())
    }

    /// As `write`, without the header.
    fn write_open(
        &self,
        out: &mut BytesMut,
        limits: &Limits,
        uts: u64,
        body: impl Fn(&mut BytesMut),
    ) -> Result<OpenFrame> {
        let max = limits.payload_bytes();
        let frame = self.write_named(out, uts, &self.name, max, &body);
        let frame = frame.or_else(|_| self.write_named(out, uts, NO_NAME, max, &body));
        frame.map_err(|bytes| self.too_large(bytes, limits))
    }

    /// As `write_open`, with the name given; fails with the size.
    fn write_named(
        &self,
        out: &mut BytesMut,
        uts: u64,
        name: &[u8],
        max: usize,
        body: &impl Fn(&mut BytesMut),
    ) -> std::result::Result<OpenFrame, usize> {
        let frame = OpenFrame::begin_named(out, uts);
        out.put_slice(name);
        body(out);
        let bytes = frame.payload_bytes(out);
        if bytes > max {
            frame.cancel(out);
            return Err(bytes);
        }
        Ok(frame)
    }

    /// A DATA frame with one value, to which [`SharedFrame`] can add others.
    pub fn write_value(
        &self,
        out: &mut BytesMut,
        limits: &Limits,
        uts: u64,
        value: &[u8],
    ) -> Result<SharedFrame> {
        // Judged before it is copied, because a value far too large would be copied in vain.
        if value.len() > limits.payload_bytes() {
            return Err(self.too_large(value.len(), limits));
        }
        let frame = self.write_open(out, limits, uts, |out| {
            out.put_slice(br#"},"d":["#);
            out.put_slice(value);
            out.put_slice(SharedFrame::TAIL);
        })?;
        Ok(SharedFrame { frame, id: self.id, coding: self.coding })
    }

    /// An END frame.
    pub fn write_end(&self, out: &mut BytesMut, limits: &Limits, uts: u64) -> Result<()> {
        self.write(out, limits, uts, Status::End, |out| out.put_slice(br#"},"d":[]}"#))
    }

    /// An ERROR frame. The info is JSON text of an object, or empty.
    pub fn write_error(
        &self,
        out: &mut BytesMut,
        limits: &Limits,
        uts: u64,
        error: &RemoteError,
    ) -> Result<()> {
        self.write(out, limits, uts, Status::Error, |out| {
            out.put_slice(br#"},"d":{"name":"#);
            escape_into(out, &error.name);
            out.put_slice(br#","message":"#);
            escape_into(out, &error.message);
            out.put_slice(br#","context":"#);
            out.put_slice(if error.context.is_empty() { b"{}" } else { error.context.as_bytes() });
            out.put_slice(br#","info":"#);
            out.put_slice(if error.info.is_empty() { b"{}" } else { error.info.as_bytes() });
            if !error.ase_errors.is_empty() {
                out.put_slice(br#","ase_errors":"#);
                out.put_slice(error.ase_errors.as_bytes());
            }
            out.put_slice(b"}}");
        })
    }

    /// The answer to a request for a method that does not exist.
    pub fn write_unknown_method(&self, out: &mut BytesMut, limits: &Limits, uts: u64) {
        let id = self.id;
        let method = decode_string(&self.name).unwrap_or_default();
        let name = String::from_utf8_lossy(&self.name);
        let full = RemoteError::new(LIBRARY_ERROR, format!(r#"unsupported RPC method: "{method}""#))
            .with_info(format!(r#"{{"fastReason":"bad_method","rpcMethod":{name},"rpcMsgid":{id}}}"#));
        let short = RemoteError::new(LIBRARY_ERROR, "unsupported RPC method")
            .with_info(format!(r#"{{"fastReason":"bad_method","rpcMsgid":{id}}}"#));
        self.write_library_error(out, limits, uts, &full, &short);
    }

    /// The answer to a request that names no method. It quotes the request if size and depth allow it.
    pub fn write_malformed(
        out: &mut BytesMut,
        limits: &Limits,
        uts: u64,
        frame: &Frame<Content>,
        connection_id: u64,
    ) {
        let Frame { version, status, msgid, payload, .. } = frame;
        let reply = Self::nameless(frame);
        let error = |quote: String| {
            RemoteError::new(LIBRARY_ERROR, "RPC request is not well-formed")
                .with_info(format!(r#"{{"fastReason":"bad_data","rpcMsgid":{msgid}{quote}}}"#))
        };
        let (version, status) = (*version as u8, *status as u8);
        let data = String::from_utf8_lossy(payload);
        let header = format!(r#""status":{status},"msgid":{msgid}"#);
        let origin = format!(r#""version":{version},"connId":{connection_id}"#);
        // The quote stands four levels deep; the client refuses what nests deeper than a request may.
        let quote = match check_value(payload, limits.payload_depth().saturating_sub(4)) {
            Ok(()) => format!(r#","rpcMessage":{{{header},"data":{data},{origin}}}"#),
            Err(_) => String::new(),
        };
        reply.write_library_error(out, limits, uts, &error(quote), &error(String::new()));
    }

    /// The answer to a request whose method has a name too long to be one.
    pub fn write_long_name(
        out: &mut BytesMut,
        limits: &Limits,
        uts: u64,
        frame: &Frame<Content>,
        bytes: usize,
    ) {
        let (reply, max) = (Self::nameless(frame), limits.max_name_bytes);
        let message =
            format!("unsupported RPC method: its name has {bytes} bytes and at most {max} are taken");
        let info = format!(r#"{{"fastReason":"bad_method","rpcMsgid":{}}}"#, frame.msgid);
        let error = RemoteError::new(LIBRARY_ERROR, message).with_info(info);
        reply.write_library_error(out, limits, uts, &error, &error);
    }

    /// For answers to a request whose name is not repeated.
    fn nameless(frame: &Frame<Content>) -> Self {
        Self { id: frame.msgid, coding: (frame.version, frame.checksum), name: NO_NAME.into() }
    }

    fn too_large(&self, bytes: usize, limits: &Limits) -> Error {
        let (name, max) = (String::from_utf8_lossy(&self.name), limits.payload_bytes());
        let what = format!("an answer of {name:.100} has {bytes} bytes and at most {max} may be sent");
        let message = what + "; raise max_frame_bytes on both sides";
        Error::new(ErrorKind::TooLarge, message)
    }

    /// One of two wordings. The short one is a few hundred bytes and is sent under every limit, because a
    /// request must not stay without an answer.
    fn write_library_error(
        &self,
        out: &mut BytesMut,
        limits: &Limits,
        uts: u64,
        full: &RemoteError,
        short: &RemoteError,
    ) {
        if self.write_error(out, limits, uts, full).is_err() {
            let roomy = Limits { max_frame_bytes: limits.max_frame_bytes.max(1024), ..*limits };
            let nameless = Self { name: NO_NAME.into(), ..*self };
            // Cannot fail: the text is bounded and below 1024 bytes.
            let _ = nameless.write_error(out, &roomy, uts, short);
        }
    }
}
