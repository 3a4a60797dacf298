//! A client's side of one connection: ids, and which call each frame belongs to.

use crate::encoder::OpenFrame;
use crate::ids::Ids;
use crate::json::{self, Lengths};
use crate::payload::Content;
use crate::transmit::Transmit;
use crate::{
    Checksum, ClientEvent, Decoder, Frame, HEADER_BYTES, Limits, ProtocolError, Status, Traffic, Values,
    Version,
};
use bytes::{BufMut, BytesMut};
use foldhash::{HashMap, HashMapExt};
use libfast_model::{ChecksumV1, Error, ErrorKind, Result};
use std::time::Duration;

/// How a client speaks.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClientWire {
    /// The version of the frames it sends. It understands both. Default 2.
    pub version: Version,
    /// The checksum of frames of version 1. Default XMODEM.
    pub checksum_v1: ChecksumV1,
    /// Bounds of frames in both directions.
    pub limits: Limits,
    /// Whether null as a value is passed over. If not, which is the default, it fails its call. A call may differ
    /// ([`ClientConnection::ignore_nulls`]).
    pub ignore_nulls: bool,
    /// Whether servers are told how long the callers of requests wait. Default false.
    pub send_deadline: bool,
}

/// One connection to a server. `T` is what the owner keeps for each call.
///
/// The owner appends what it reads to a buffer, polls [`next_event`](Self::next_event) until it gives `None`,
/// and writes what is in [`transmit`](Self::transmit).
#[derive(Debug)]
pub struct ClientConnection<T> {
    wire: ClientWire,
    decoder: Decoder,
    ids: Ids,
    calls: HashMap<u32, Pending<T>>,
    /// Ids nobody waits for whose END or ERROR has not come, and how many messages came for each. A few bytes
    /// each, so they are not bounded here: the owner of a server that never answers sees
    /// [`abandoned`](Self::abandoned) grow and closes the connection.
    abandoned: HashMap<u32, u32>,
    /// What follows the `Values` event of the same frame.
    deferred: Option<Deferred>,
    state: State,
    ignored: u64,
    traffic: Traffic,
    transmit: Transmit,
}

#[derive(Debug)]
struct Pending<T> {
    call: T,
    ignore_nulls: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The server ended the stream and owed nothing.
    Ended,
    Failed,
}

/// The rest of a frame whose values were handed out first.
#[derive(Debug, Clone)]
struct Deferred {
    id: u32,
    /// There if it ends the call because of null rather than well.
    null: Option<Box<ProtocolError>>,
    /// Whether the server is done with the id.
    last: bool,
}

/// The longest wait that is told: any number that JavaScript holds exactly.
const MAX_DEADLINE_MS: u128 = (1 << 53) - 1;

impl<T> ClientConnection<T> {
    /// A connection on which nothing was sent.
    pub fn new(wire: ClientWire) -> Self {
        Self {
            wire,
            decoder: Decoder::new(wire.limits).with_checksum_v1(wire.checksum_v1),
            ids: Ids::new(),
            calls: HashMap::new(),
            abandoned: HashMap::new(),
            deferred: None,
            state: State::Open,
            ignored: 0,
            traffic: Traffic::default(),
            transmit: Transmit::new(wire.version, Checksum::to_send(wire.version, wire.checksum_v1)),
        }
    }

    /// Encodes a request that does not say how long its caller waits; otherwise as
    /// [`start_call_within`](Self::start_call_within).
    pub fn start_call(&mut self, uts: u64, method: &str, args: &[u8], call: T) -> Result<u32> {
        self.start_call_within(uts, method, args, None, call)
    }

    /// Encodes a request and gives its id. `uts` is the time in microseconds since 1970; `args` is JSON text
    /// of an array that [`json::check_array`] has passed. `remaining` is how long the caller waits, which the server is
    /// told in whole milliseconds, rounded up, if [`ClientWire::send_deadline`] is set; one that does not look for it
    /// notices nothing.
    ///
    /// Fails with `ConnectionLost` after the end of the connection, `TooLarge`, or `Overload` if all ids are
    /// taken. Nothing is sent then.
    pub fn start_call_within(
        &mut self,
        uts: u64,
        method: &str,
        args: &[u8],
        remaining: Option<Duration>,
        call: T,
    ) -> Result<u32> {
        if self.state != State::Open {
            return Err(self.not_open());
        }
        let Limits { max_name_bytes, .. } = self.wire.limits;
        if method.len() > max_name_bytes {
            return Err(name_too_long(method, max_name_bytes));
        }
        let max = self.wire.limits.payload_bytes();
        if args.len().saturating_add(method.len()) > max {
            return Err(too_large(method, args.len().saturating_add(method.len()), max));
        }
        let out = self.transmit.open();
        out.reserve(args.len() + method.len() + 64);
        let frame = OpenFrame::begin_named(out, uts);
        json::escape_into(out, method);
        if let Some(remaining) = remaining.filter(|_| self.wire.send_deadline) {
            out.put_slice(br#","x":{"dl":"#);
            let ms = remaining.as_nanos().div_ceil(1_000_000).min(MAX_DEADLINE_MS) as u64;
            out.put_slice(itoa::Buffer::new().format(ms).as_bytes());
            out.put_slice(b"}");
        }
        out.put_slice(br#"},"d":"#);
        out.put_slice(args);
        out.put_u8(b'}');
        let bytes = frame.payload_bytes(out);
        if bytes > max {
            frame.cancel(out);
            return Err(too_large(method, bytes, max));
        }
        let (calls, abandoned) = (&self.calls, &self.abandoned);
        let in_use = |id| calls.contains_key(&id) || (!abandoned.is_empty() && abandoned.contains_key(&id));
        let Some(id) = self.ids.allocate(calls.len() + abandoned.len(), in_use) else {
            frame.cancel(out);
            return Err(no_id_left());
        };
        self.transmit.close(frame, Status::Data, id);
        self.traffic.add_sent(Status::Data, HEADER_BYTES + bytes);
        self.calls.insert(id, Pending { call, ignore_nulls: self.wire.ignore_nulls });
        Ok(id)
    }

    #[cold]
    fn not_open(&self) -> Error {
        let ended = self.state == State::Ended;
        let why = if ended { "the server ended the connection" } else { "the connection failed before" };
        Error::new(ErrorKind::ConnectionLost, why)
    }

    /// Says for one call whether null as a value is passed over.
    pub fn ignore_nulls(&mut self, id: u32, ignore: bool) {
        if let Some(pending) = self.calls.get_mut(&id) {
            pending.ignore_nulls = ignore;
        }
    }

    /// Stops waiting for a call and gives back what the owner kept. Nothing is sent; the id stays reserved
    /// until the server's END or ERROR, and what comes until then is dropped.
    pub fn abandon(&mut self, id: u32) -> Option<T> {
        let Pending { call, .. } = self.calls.remove(&id)?;
        // If the last frame of the call is already read, nothing will come that could release the id.
        let answered =
            self.deferred.take_if(|deferred| deferred.id == id).is_some_and(|deferred| deferred.last);
        if !answered {
            self.abandoned.insert(id, 0);
        }
        Some(call)
    }

    /// What the owner keeps for a pending call.
    pub fn call_mut(&mut self, id: u32) -> Option<&mut T> {
        self.calls.get_mut(&id).map(|pending| &mut pending.call)
    }

    /// Decodes from `input` until something happens that the owner must know; `None` until more bytes are
    /// there. After [`ClientEvent::Fatal`] or the end of the stream, input is dropped.
    pub fn next_event(&mut self, input: &mut BytesMut) -> Option<ClientEvent<T>> {
        if let Some(deferred) = self.deferred.take() {
            let event = self.complete(deferred);
            if event.is_some() {
                return event;
            }
        }
        while self.state == State::Open {
            let (before, mut lengths) = (input.len(), Lengths::default());
            let event = match self.decoder.cut_off(input, Content::has_values, &mut lengths) {
                Ok(Some(frame)) => {
                    self.traffic.add_received(frame.status, before - input.len());
                    self.handle_frame(frame, lengths)
                }
                Ok(None) => return None,
                Err(error) => Err(error),
            };
            match event {
                Ok(None) => {}
                Ok(event) => return event,
                Err(error) => {
                    self.state = State::Failed;
                    input.clear();
                    return Some(ClientEvent::Fatal(error));
                }
            }
        }
        input.clear();
        None
    }

    /// The server ended the stream; call it once `next_event` has given `None`. Fails if calls are pending or
    /// `input` holds a part of a frame, which the owner treats as [`ClientEvent::Fatal`].
    pub fn handle_end_of_stream(&mut self, input: &BytesMut) -> std::result::Result<(), ProtocolError> {
        if self.state != State::Open {
            return Ok(());
        }
        let pending = self.calls.len() - usize::from(self.deferred.is_some());
        let result = match self.decoder.finish(input) {
            Ok(()) if pending > 0 => Err(ProtocolError::unexpected_end()),
            result => result,
        };
        self.state = if result.is_ok() { State::Ended } else { State::Failed };
        result
    }

    /// All pending calls in the order of their ids, for the owner to fail when the connection did. The
    /// connection takes no further calls.
    pub fn drain_calls(&mut self) -> Vec<(u32, T)> {
        self.state = State::Failed;
        self.deferred = None;
        self.abandoned.clear();
        let mut calls: Vec<_> = self.calls.drain().map(|(id, pending)| (id, pending.call)).collect();
        calls.sort_unstable_by_key(|(id, _)| *id);
        calls
    }

    /// How many calls wait for an answer.
    pub fn pending(&self) -> usize {
        self.calls.len()
    }

    /// How many ids are reserved for answers that nobody waits for.
    pub fn abandoned(&self) -> usize {
        self.abandoned.len()
    }

    /// The calls that wait for an answer, in no order.
    pub fn calls(&self) -> impl Iterator<Item = (u32, &T)> {
        self.calls.iter().map(|(id, pending)| (*id, &pending.call))
    }

    /// The ids that are reserved for answers that nobody waits for, in no order, each with how many messages came
    /// for it and were dropped.
    pub fn abandoned_ids(&self) -> impl Iterator<Item = (u32, u32)> {
        self.abandoned.iter().map(|(id, ignored)| (*id, *ignored))
    }

    /// Whether an id is reserved for an answer that nobody waits for.
    pub fn is_abandoned(&self, id: u32) -> bool {
        self.abandoned.contains_key(&id)
    }

    /// What was sent and received so far.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// How many DATA and ERROR frames came for abandoned calls.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// The bytes to write; the owner takes them off the front.
    pub fn transmit(&mut self) -> &mut BytesMut {
        self.transmit.sealed()
    }

    /// How many bytes there are to write.
    pub fn transmit_bytes(&self) -> usize {
        self.transmit.len()
    }

    fn handle_frame(
        &mut self,
        frame: Frame<Content>,
        lengths: Lengths,
    ) -> std::result::Result<Option<ClientEvent<T>>, ProtocolError> {
        let Frame { version, status, msgid: id, payload, body, .. } = frame;
        let Some(&Pending { ignore_nulls, .. }) = self.calls.get(&id) else {
            return self.handle_unawaited(status, id).map(|()| None);
        };
        let has_values = body.has_values();
        Ok(match body {
            Content::Values(_) if !has_values => {
                let last = status == Status::End;
                last.then(|| self.complete(Deferred { id, null: None, last })).flatten()
            }
            Content::Values(array) if array.nulls && !ignore_nulls => {
                let null = ProtocolError::null_value(version, status, id, &payload);
                let values = Values::cut_out(payload, &array).before_null();
                self.handle_values(id, values, Some(null.into()), status == Status::End)
            }
            Content::Values(array) => {
                let values = Values::cut_out(payload, &array).with(lengths.into_noted()).without_nulls();
                self.handle_values(id, values, None, status == Status::End)
            }
            Content::Error(mut error) => {
                if error.name.is_empty() {
                    // What other clients call an error without a name.
                    error.name = "VError".into();
                }
                self.calls.remove(&id).map(|pending| ClientEvent::Failed { id, call: pending.call, error })
            }
        })
    }

    fn handle_unawaited(&mut self, status: Status, id: u32) -> std::result::Result<(), ProtocolError> {
        let known = match (status, self.abandoned.get_mut(&id)) {
            (Status::Data, Some(ignored)) => {
                *ignored = ignored.saturating_add(1);
                true
            }
            (_, known) => known.is_some(),
        };
        if status != Status::Data {
            self.abandoned.remove(&id);
        }
        self.ignored += u64::from(known && status != Status::End);
        if known { Ok(()) } else { Err(ProtocolError::unknown_msgid(id)) }
    }

    /// Hands out the values, and then the end of the call if there is one.
    fn handle_values(
        &mut self,
        id: u32,
        values: Values,
        null: Option<Box<ProtocolError>>,
        last: bool,
    ) -> Option<ClientEvent<T>> {
        let rest = (null.is_some() || last).then_some(Deferred { id, null, last });
        if values.is_empty() {
            return self.complete(rest?);
        }
        self.deferred = rest;
        Some(ClientEvent::Values { id, values })
    }

    fn complete(&mut self, Deferred { id, null, last }: Deferred) -> Option<ClientEvent<T>> {
        let Pending { call, .. } = self.calls.remove(&id)?;
        if !last {
            self.abandoned.insert(id, 0);
        }
        Some(match null {
            Some(error) => ClientEvent::NullValue { id, call, error: *error },
            None => ClientEvent::Ended { id, call },
        })
    }
}

#[cold]
fn name_too_long(method: &str, max: usize) -> Error {
    let bytes = method.len();
    let what = format!("the name of method {method:.100?}… has {bytes} bytes and at most {max}");
    Error::new(ErrorKind::TooLarge, what + " may be sent; raise max_name_bytes on both sides")
}

#[cold]
fn too_large(method: &str, bytes: usize, max: usize) -> Error {
    let what = format!("request \"{method:.100}\" has {bytes} bytes and at most {max} may be sent");
    Error::new(ErrorKind::TooLarge, what + "; raise max_frame_bytes on both sides")
}

#[cold]
fn no_id_left() -> Error {
    Error::new(ErrorKind::Overload, "all message ids of the connection are in use")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MAX_MSGID, encode};

    /// The counter of a connection that has lived long meets ids that are still in use.
    #[test]
    fn ids_wrap_and_pass_over_pending_and_abandoned_ones() {
        let mut client = ClientConnection::new(ClientWire::default());
        client.ids = Ids::with_range(1, 2);
        let start = |client: &mut ClientConnection<()>| client.start_call(0, "m", b"[]", ());
        assert_eq!(start(&mut client).unwrap(), 1);
        assert_eq!(start(&mut client).unwrap(), 2);
        client.abandon(2);
        client.ids = Ids::with_range(MAX_MSGID - 1, MAX_MSGID);
        for expected in [MAX_MSGID - 1, MAX_MSGID, 3, 4] {
            assert_eq!(start(&mut client).unwrap(), expected);
        }
    }

    /// Only the end of an abandoned call frees its id, and a full connection sends nothing.
    #[test]
    fn all_ids_in_use_is_an_overload() {
        let mut client = ClientConnection::new(ClientWire::default());
        client.ids = Ids::with_range(1, 1);
        client.start_call(0, "m", b"[]", ()).unwrap();
        client.abandon(1);
        let sent = client.transmit().clone();
        let error = client.start_call(0, "m", b"[]", ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overload);
        assert_eq!(*client.transmit(), sent);
        let mut input = BytesMut::new();
        encode(&mut input, Version::V2, Status::End, 1, br#"{"d":[]}"#);
        assert!(client.next_event(&mut input).is_none());
        assert_eq!(client.start_call(0, "m", b"[]", ()).unwrap(), 1);
    }

    /// What is noted of values while they are scanned must be of these, however the payload is spelt.
    #[test]
    fn values_end_where_they_end() {
        let quoted = |length: usize| format!("\"{}\"", "x".repeat(length - 2));
        let [just, long, longer] = [254, 255, 300].map(quoted);
        let plain = |d: &str| format!(r#"{{"m":{{"uts":1,"name":"m"}},"d":{d}}}"#);
        for (payload, expected) in [
            (plain("[1, \"a,]\" ,{\"k\":[2,3]},[],\n4\t]"), vec!["1", "\"a,]\"", "{\"k\":[2,3]}", "[]", "4"]),
            (plain(&format!("[{just},{long},{longer},5]")), vec![&just, &long, &longer, "5"]),
            (plain("[1,null,33,4]"), vec!["1", "33", "4"]),
            (r#"{"d":[1,22,3]}"#.into(), vec!["1", "22", "3"]),
            // Of the members of one name the last counts.
            (r#"{"m":{"uts":1,"name":"m"},"d":[1,2,3],"d":[11, 2 ,3]}"#.into(), vec!["11", "2", "3"]),
        ] {
            let wire = ClientWire { ignore_nulls: true, ..ClientWire::default() };
            let mut client = ClientConnection::new(wire);
            let id = client.start_call(0, "m", b"[]", ()).unwrap();
            let mut input = BytesMut::new();
            encode(&mut input, Version::V2, Status::Data, id, payload.as_bytes());
            let Some(ClientEvent::Values { values, .. }) = client.next_event(&mut input) else {
                panic!("{payload}")
            };
            assert_eq!(values.iter().collect::<Vec<_>>(), expected, "{payload}");
            assert_eq!(values.into_iter().collect::<Vec<_>>(), expected, "{payload}");
        }
    }
}
