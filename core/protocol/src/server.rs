//! A server's side of one connection: which requests run, and their answers.

use crate::name::Name;
use crate::payload::Content;
use crate::server_reply::{Reply, SharedFrame};
use crate::{Decoder, Frame, Limits, ProtocolError, ServerEvent, Status, Traffic, Values, json};
use bytes::BytesMut;
use foldhash::quality::RandomState;
use libfast_model::{ChecksumV1, Error, ErrorKind, RemoteError, Result};
use std::collections::HashMap;
use std::collections::hash_map::{Entry, OccupiedEntry};

/// How a server speaks. It understands both versions and answers each request in the request's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServerWire {
    /// The checksum of frames of version 1. Default XMODEM.
    pub checksum_v1: ChecksumV1,
    /// Bounds of frames in both directions.
    pub limits: Limits,
}

/// One connection of a client. `T` is what the owner keeps for each request.
///
/// The owner appends what it reads to a buffer, polls [`next_event`](Self::next_event) until it gives `None`,
/// and writes what is in [`transmit`](Self::transmit). The number of requests in flight is not bounded here:
/// an owner that stops polling stops accepting. It should also stop while `transmit` is long, because the
/// connection itself answers requests that name no method.
#[derive(Debug)]
pub struct ServerConnection<T> {
    wire: ServerWire,
    decoder: Decoder,
    /// Ids are the peer's choice, hence the hash with a random key.
    requests: HashMap<u32, InFlight<T>, RandomState>,
    state: State,
    connection_id: u64,
    /// The latest time that the owner told.
    uts: u64,
    ignored: u64,
    malformed: u64,
    traffic: Traffic,
    transmit: BytesMut,
    /// The last frame of `transmit`, if values may be added to it.
    shared: Option<SharedFrame>,
}

#[derive(Debug)]
struct InFlight<T> {
    reply: Reply,
    request: Option<T>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The client has ended its side and reads on.
    Draining,
    Failed,
}

/// Output that waits, above which values share frames.
const BEHIND_BYTES: usize = 2048;

impl<T> ServerConnection<T> {
    /// A connection on which nothing was received.
    pub fn new(wire: ServerWire) -> Self {
        Self {
            wire,
            decoder: Decoder::new(wire.limits).with_checksum_v1(wire.checksum_v1),
            requests: HashMap::default(),
            state: State::Open,
            connection_id: 0,
            uts: 0,
            ignored: 0,
            malformed: 0,
            traffic: Traffic::default(),
            transmit: BytesMut::new(),
            shared: None,
        }
    }

    /// The same connection with the number that its answers to malformed requests quote. Default 0.
    pub fn with_connection_id(mut self, connection_id: u64) -> Self {
        self.connection_id = connection_id;
        self
    }

    /// Tells the time, in microseconds since 1970, that answers to malformed requests carry, since the
    /// connection makes those by itself. Each answer of the owner tells it too.
    pub fn set_time(&mut self, uts: u64) {
        self.uts = self.uts.max(uts);
    }

    /// Decodes from `input` until something happens that the owner must know; `None` until more bytes are
    /// there. After [`ServerEvent::Fatal`] or the end of the stream, input is dropped, also what was read
    /// before the violation was found: a peer that breaks the protocol gets nothing more done.
    pub fn next_event(&mut self, input: &mut BytesMut) -> Option<ServerEvent> {
        while self.state == State::Open {
            let before = input.len();
            let event = match self.decoder.cut_off(input, |_| true, &mut ()) {
                Ok(Some(frame)) => {
                    self.traffic.add_received(frame.status, before - input.len());
                    self.handle_frame(frame)
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
                    return Some(ServerEvent::Fatal(error));
                }
            }
        }
        input.clear();
        None
    }

    /// Keeps something for a request in flight. It is dropped if the request is not in flight.
    pub fn attach(&mut self, id: u32, request: T) {
        if let Some(in_flight) = self.requests.get_mut(&id) {
            in_flight.request = Some(request);
        }
    }

    /// What the owner keeps for a request in flight.
    pub fn request_mut(&mut self, id: u32) -> Option<&mut T> {
        self.requests.get_mut(&id)?.request.as_mut()
    }

    /// What the owner keeps for the requests in flight, in no order.
    pub fn requests(&self) -> impl Iterator<Item = &T> {
        self.requests.values().filter_map(|in_flight| in_flight.request.as_ref())
    }

    /// Sends one value: JSON text that [`json::check_value`] has passed. `uts` is the time in microseconds
    /// since 1970.
    ///
    /// Here and below: `State` if the request is not in flight, `ConnectionLost` if the connection failed,
    /// `TooLarge` if the frame would be larger than allowed. Nothing is sent then, and the request stays as
    /// it was.
    pub fn send(&mut self, uts: u64, id: u32, value: &[u8]) -> Result<()> {
        if self.send_along(id, value) {
            return Ok(());
        }
        let Open { request, out, limits, .. } = self.open(uts, id)?;
        let frame = request.get().reply.write_value(out, &limits, uts, value)?;
        self.shared = Some(frame);
        Ok(())
    }

    /// Sends a value as [`send`](Self::send) does if it fits into the last frame that waits, for which no time need be told.
    /// False: nothing was done.
    pub fn send_along(&mut self, id: u32, value: &[u8]) -> bool {
        let (out, limits) = (&mut self.transmit, &self.wire.limits);
        // A short answer looks as node-fast's, each value in a frame of its own.
        let is_behind = out.len() >= BEHIND_BYTES && self.state != State::Failed;
        let shared = self.shared.as_ref().filter(|shared| is_behind && shared.id == id);
        shared.is_some_and(|shared| shared.add(out, limits, value))
    }

    /// Ends a request well, after a last value if one is given, which goes in a frame of its own. The id is
    /// free before the client can know of the end.
    pub fn end(&mut self, uts: u64, id: u32, value: Option<&[u8]>) -> Result<Option<T>> {
        let Open { request, out, limits, traffic } = self.open(uts, id)?;
        let (reply, before) = (&request.get().reply, out.len());
        if let Some(value) = value {
            reply.write_value(out, &limits, uts, value)?.finish(out);
        }
        let between = out.len();
        // Both frames or neither: a value without its end would be sent again by an owner that tries again.
        reply.write_end(out, &limits, uts).inspect_err(|_| out.truncate(before))?;
        if value.is_some() {
            traffic.add_sent(Status::Data, between - before);
        }
        traffic.add_sent(Status::End, out.len() - between);
        Ok(request.remove().request)
    }

    /// Ends a request with an error. Info, context and `ase_errors` are JSON text, or empty for none; the info is
    /// that of an object. Other text is `Invalid`.
    pub fn fail(&mut self, uts: u64, id: u32, error: &RemoteError) -> Result<Option<T>> {
        let Open { request, out, limits, traffic } = self.open(uts, id)?;
        let invalid = |member: &str, why| {
            Error::new(ErrorKind::Invalid, format!("{member} of the error {:?}: {why}", error.name))
        };
        if !error.info.is_empty() {
            let checked = json::check_object(error.info.as_bytes(), limits.max_depth);
            checked.map_err(|why| invalid("info is no JSON object", why))?;
        }
        for (member, text) in [("context", &error.context), ("ase_errors", &error.ase_errors)] {
            if !text.is_empty() {
                let checked = json::check_value(text.as_bytes(), limits.max_depth);
                checked.map_err(|why| invalid(member, why))?;
            }
        }
        let before = out.len();
        request.get().reply.write_error(out, &limits, uts, error)?;
        traffic.add_sent(Status::Error, out.len() - before);
        Ok(request.remove().request)
    }

    /// Answers a request whose method does not exist.
    pub fn fail_unknown_method(&mut self, uts: u64, id: u32) -> Result<Option<T>> {
        let Open { request, out, limits, traffic } = self.open(uts, id)?;
        let before = out.len();
        request.get().reply.write_unknown_method(out, &limits, uts);
        traffic.add_sent(Status::Error, out.len() - before);
        Ok(request.remove().request)
    }

    /// Takes a request out of flight without an answer. The client goes on waiting, so this is for
    /// connections that are about to be closed.
    pub fn forget(&mut self, id: u32) -> Option<T> {
        self.seal();
        self.requests.remove(&id)?.request
    }

    /// The client ended its side; call it once `next_event` has given `None`. Requests in flight go on and
    /// are answered. Fails if `input` holds a part of a frame, which the owner treats as
    /// [`ServerEvent::Fatal`].
    pub fn handle_end_of_stream(&mut self, input: &BytesMut) -> std::result::Result<(), ProtocolError> {
        if self.state != State::Open {
            return Ok(());
        }
        let result = self.decoder.finish(input);
        self.state = if result.is_ok() { State::Draining } else { State::Failed };
        result
    }

    /// All requests in flight that something was attached to, in the order of their ids, when the connection
    /// is gone. None is in flight afterwards.
    pub fn drain_requests(&mut self) -> Vec<(u32, T)> {
        self.seal();
        let requests = self.requests.drain();
        let mut requests: Vec<_> =
            requests.filter_map(|(id, in_flight)| Some((id, in_flight.request?))).collect();
        requests.sort_unstable_by_key(|(id, _)| *id);
        requests
    }

    /// How many requests wait for their end.
    pub fn in_flight(&self) -> usize {
        self.requests.len()
    }

    /// What was sent and received so far.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// Whether the client has ended its side, so that no request will follow.
    pub fn is_draining(&self) -> bool {
        self.state == State::Draining
    }

    /// How many ERROR frames the client sent. Old clients meant them as a wish to cancel; they change
    /// nothing.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    /// How many requests named no method, or one with a name too long, and were answered at once.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// The bytes to write; the owner takes them off the front. Ask for them when they can be written: while
    /// much waits, values of a request share frames.
    pub fn transmit(&mut self) -> &mut BytesMut {
        self.seal();
        &mut self.transmit
    }

    /// How many bytes there are to write.
    pub fn transmit_bytes(&self) -> usize {
        self.transmit.len()
    }

    /// Completes the frame that values share, before anything else comes behind it.
    fn seal(&mut self) {
        if let Some(shared) = self.shared.take() {
            let bytes = shared.finish(&mut self.transmit);
            self.traffic.add_sent(Status::Data, bytes);
        }
    }

    fn handle_frame(
        &mut self,
        frame: Frame<Content>,
    ) -> std::result::Result<Option<ServerEvent>, ProtocolError> {
        let (&Content::Values(array), Status::Data) = (&frame.body, frame.status) else {
            if frame.status == Status::End {
                return Err(ProtocolError::unexpected_status());
            }
            self.ignored += 1;
            return Ok(None);
        };
        let id = frame.msgid;
        let Entry::Vacant(vacant) = self.requests.entry(id) else {
            return Err(ProtocolError::duplicate_msgid(id));
        };
        let name = frame.method_text();
        let method = name.and_then(Name::decode).filter(|method| method.bytes() > 0);
        let (Some(name), Some(method)) = (name, method) else {
            self.malformed += 1;
            self.seal();
            let before = self.transmit.len();
            Reply::write_malformed(
                &mut self.transmit,
                &self.wire.limits,
                self.uts,
                &frame,
                self.connection_id,
            );
            self.traffic.add_sent(Status::Error, self.transmit.len() - before);
            return Ok(None);
        };
        if method.bytes() > self.wire.limits.max_name_bytes {
            self.malformed += 1;
            self.seal();
            let (limits, out) = (self.wire.limits, &mut self.transmit);
            let before = out.len();
            Reply::write_long_name(out, &limits, self.uts, &frame, method.bytes());
            self.traffic.add_sent(Status::Error, self.transmit.len() - before);
            return Ok(None);
        }
        let coding = (frame.version, frame.checksum);
        vacant.insert(InFlight { reply: Reply { id, coding, name: name.into() }, request: None });
        let deadline_ms = frame.deadline_ms();
        let args = Values::cut_out(frame.payload, &array).into_text();
        Ok(Some(ServerEvent::Request { id, method, args, deadline_ms }))
    }

    /// What is needed to answer a request in flight.
    fn open(&mut self, uts: u64, id: u32) -> Result<Open<'_, T>> {
        self.set_time(uts);
        self.seal();
        if self.state == State::Failed {
            return Err(Error::new(ErrorKind::ConnectionLost, "the connection of the request failed"));
        }
        match self.requests.entry(id) {
            Entry::Occupied(request) => Ok(Open {
                request,
                out: &mut self.transmit,
                limits: self.wire.limits,
                traffic: &mut self.traffic,
            }),
            Entry::Vacant(_) => Err(Error::new(ErrorKind::State, format!("request {id} has ended before"))),
        }
    }
}

/// A request in flight and where its answers go.
struct Open<'c, T> {
    request: OccupiedEntry<'c, u32, InFlight<T>>,
    out: &'c mut BytesMut,
    limits: Limits,
    traffic: &'c mut Traffic,
}
