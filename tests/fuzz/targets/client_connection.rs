//! A client in the hands of any owner and against any server: every call ends once, no id has two calls, and
//! what it sends decodes.
//!
//! Input: how the client speaks, then operations until the end.

#![no_main]

use bytes::BytesMut;
use libfast_fuzz::{ARRAYS, Output, Script, write_frame};
use libfast_model::ErrorKind;
use libfast_protocol::json::check_array;
use libfast_protocol::{Body, ClientConnection, ClientEvent, ClientWire, Status, Version};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

fuzz_target!(|script: Script<'_>| run(script));

fn run(mut script: Script<'_>) {
    let wire = ClientWire {
        version: script.choose(&[Version::V2, Version::V1]),
        limits: script.limits(),
        ignore_nulls: script.flag(),
        ..ClientWire::default()
    };
    let mut owner = Owner::new(wire);
    while !script.is_over() {
        match script.byte() % 8 {
            0 => owner.start(&script.text(), script.choose(ARRAYS)),
            1 => owner.abandon(script.id()),
            2 => write_frame(&mut script, &mut owner.stream),
            3 => owner.stream.extend_from_slice(script.bytes()),
            4 => owner.receive(script.byte().into()),
            5 => drop(owner.poll()),
            6 => owner.end_of_stream(),
            _ if script.byte() > 250 => owner.drain(),
            _ => owner.receive(usize::MAX),
        }
        owner.check();
    }
    owner.receive(usize::MAX);
    while owner.poll() {}
    owner.end_of_stream();
    owner.drain();
    owner.check();
    assert_eq!((owner.client.pending(), owner.client.abandoned()), (0, 0));
}

/// The owner of a client, with what it may expect.
struct Owner {
    wire: ClientWire,
    client: ClientConnection<u64>,
    /// What the server sent and the client has not read.
    stream: BytesMut,
    input: BytesMut,
    output: Output,
    /// The calls that have not ended.
    pending: BTreeMap<u32, u64>,
    started: u64,
    /// Calls that ended before their last frame.
    given_up: usize,
    over: bool,
}

impl Owner {
    fn new(wire: ClientWire) -> Self {
        Self {
            wire,
            client: ClientConnection::new(wire),
            stream: BytesMut::new(),
            input: BytesMut::new(),
            output: Output::new(wire.limits),
            pending: BTreeMap::new(),
            started: 0,
            given_up: 0,
            over: false,
        }
    }

    fn start(&mut self, method: &str, args: &str) {
        if check_array(args.as_bytes(), self.wire.limits.max_depth + 1).is_err() {
            return;
        }
        let started = self.client.start_call(7, method, args.as_bytes(), self.started);
        let sent = self.output.take(self.client.transmit());
        match started {
            Ok(id) => {
                assert!(!self.over && id > 0);
                assert_eq!(self.pending.insert(id, self.started), None, "id {id} has two calls");
                self.started += 1;
                let [frame] = &sent[..] else { panic!("a call is one frame, not {}", sent.len()) };
                assert_eq!((frame.msgid, frame.version, frame.status), (id, self.wire.version, Status::Data));
                assert_eq!(frame.method().as_deref(), Some(method));
                let Body::Values(values) = &frame.body else { panic!("arguments expected") };
                assert_eq!(values.text(), args);
                assert!(frame.payload.len() <= self.wire.limits.max_frame_bytes);
            }
            Err(error) => {
                assert!(sent.is_empty());
                assert_eq!(error.kind() == ErrorKind::ConnectionLost, self.over, "{error}");
                assert!(self.over || error.kind() == ErrorKind::TooLarge, "{error}");
            }
        }
    }

    fn abandon(&mut self, id: u32) {
        let call = self.client.abandon(id);
        assert_eq!(call, self.pending.remove(&id));
        self.given_up += usize::from(call.is_some());
        assert_eq!(self.client.call_mut(id), None);
    }

    /// Reads some bytes of the stream.
    fn receive(&mut self, bytes: usize) {
        let bytes = bytes.min(self.stream.len());
        self.input.extend_from_slice(&self.stream.split_to(bytes));
    }

    /// One event; false if there is none.
    fn poll(&mut self) -> bool {
        let before = self.input.len();
        let Some(event) = self.client.next_event(&mut self.input) else {
            assert!(!self.over || self.input.is_empty(), "input after the end is dropped");
            return false;
        };
        assert!(self.input.len() <= before);
        let (id, call) = match event {
            ClientEvent::Values { id, values } => {
                assert!(!values.is_empty() && !values.has_nulls());
                assert_eq!(values.iter().count(), values.len());
                assert_eq!(self.client.call_mut(id), self.pending.get_mut(&id));
                assert!(self.pending.contains_key(&id), "values of a call that has ended");
                return true;
            }
            ClientEvent::Ended { id, call } | ClientEvent::Failed { id, call, .. } => (id, call),
            ClientEvent::NullValue { id, call, .. } => {
                assert!(!self.wire.ignore_nulls);
                self.given_up += 1;
                (id, call)
            }
            ClientEvent::Fatal(_) => {
                assert!(!self.over && self.input.is_empty());
                self.over = true;
                return true;
            }
        };
        assert_eq!(self.pending.remove(&id), Some(call), "a call ends once");
        true
    }

    fn end_of_stream(&mut self) {
        let over = std::mem::replace(&mut self.over, true);
        match self.client.handle_end_of_stream(&self.input) {
            // One call may have its end read already, but not polled.
            Ok(()) => assert!(over || (self.pending.len() <= 1 && self.input.is_empty())),
            Err(_) => assert!(!over),
        }
    }

    fn drain(&mut self) {
        self.over = true;
        let drained: BTreeMap<_, _> = self.client.drain_calls().into_iter().collect();
        assert_eq!(drained, std::mem::take(&mut self.pending));
    }

    fn check(&mut self) {
        assert_eq!(self.client.pending(), self.pending.len());
        assert!(self.client.abandoned() <= self.given_up);
        assert!(self.client.transmit().is_empty(), "only calls are sent");
    }
}
