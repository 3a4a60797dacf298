//! A server in the hands of any owner and against any client: every request ends once, and what it sends
//! decodes under the bounds that both sides have.
//!
//! Input: the limits, then operations until the end.

#![no_main]

use bytes::BytesMut;
use libfast_fuzz::{Output, Script, write_frame};
use libfast_model::{ErrorKind, RemoteError, Result};
use libfast_protocol::{Frame, Limits, ServerConnection, ServerEvent, ServerWire, Status, json};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

const VALUES: &[&str] = &["1", "null", r#""é😀\ud800""#, r#"{"a":[1]}"#, "[[[[]]]]", " [ ] "];

const INFOS: &[&str] = &["", "{}", r#"{"a":[]}"#, r#"{"a":{"b":{"c":{}}}}"#, "[]", "{", "5"];

fuzz_target!(|script: Script<'_>| run(script));

fn run(mut script: Script<'_>) {
    let mut owner = Owner::new(script.limits());
    while !script.is_over() {
        match script.byte() % 12 {
            0 | 1 => write_frame(&mut script, &mut owner.stream),
            2 => owner.stream.extend_from_slice(script.bytes()),
            3 => owner.receive(script.byte().into()),
            4 => drop(owner.poll()),
            5 => owner.send(script.id(), script.choose(VALUES)),
            6 => owner.end(script.id(), script.flag().then(|| script.choose(VALUES))),
            7 => {
                let info = script.choose(INFOS).to_owned();
                owner.fail(script.id(), &RemoteError::new("E", script.text()).with_info(info));
            }
            8 => owner.fail_unknown_method(script.id()),
            9 => owner.forget(script.id()),
            10 => owner.end_of_stream(),
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
}

/// The owner of a server's connection, with what it may expect.
struct Owner {
    limits: Limits,
    server: ServerConnection<u64>,
    /// What the client sent and the server has not read.
    stream: BytesMut,
    input: BytesMut,
    output: Output,
    requests: BTreeMap<u32, u64>,
    started: u64,
    failed: bool,
    draining: bool,
}

impl Owner {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            server: ServerConnection::new(ServerWire { limits, ..ServerWire::default() })
                .with_connection_id(3),
            stream: BytesMut::new(),
            input: BytesMut::new(),
            output: Output::new(limits),
            requests: BTreeMap::new(),
            started: 0,
            failed: false,
            draining: false,
        }
    }

    /// Reads some bytes of the stream.
    fn receive(&mut self, bytes: usize) {
        let bytes = bytes.min(self.stream.len());
        self.input.extend_from_slice(&self.stream.split_to(bytes));
    }

    /// One event; false if there is none.
    fn poll(&mut self) -> bool {
        let malformed = self.server.malformed();
        let event = self.server.next_event(&mut self.input);
        let answered = self.output.take(self.server.transmit());
        assert_eq!(answered.len() as u64, self.server.malformed() - malformed);
        assert!(answered.iter().all(|frame| frame.status == Status::Error));
        match event {
            None => {
                let over = self.failed || self.draining;
                assert!(!over || self.input.is_empty(), "input after the end is dropped");
                return false;
            }
            Some(ServerEvent::Request { id, method, args, .. }) => {
                assert!(!self.failed && !self.draining && !method.is_empty());
                assert!(json::check_array(&args, self.limits.max_depth + 1).is_ok());
                assert_eq!(self.requests.insert(id, self.started), None, "id {id} has two requests");
                self.server.attach(id, self.started);
                self.started += 1;
            }
            Some(ServerEvent::Fatal(_)) => {
                assert!(!self.failed && !self.draining && self.input.is_empty());
                self.failed = true;
            }
        }
        true
    }

    fn send(&mut self, id: u32, value: &str) {
        if json::check_value(value.as_bytes(), self.limits.max_depth).is_err() {
            return;
        }
        let result = self.server.send(5, id, value.as_bytes());
        let sent = self.judge(id, &result);
        assert_eq!(statuses(&sent), if result.is_ok() { vec![Status::Data] } else { vec![] });
    }

    fn end(&mut self, id: u32, value: Option<&str>) {
        let value = value.filter(|value| json::check_value(value.as_bytes(), self.limits.max_depth).is_ok());
        let result = self.server.end(6, id, value.map(str::as_bytes));
        let sent = self.judge(id, &result);
        match (&result, value) {
            (Err(_), _) => assert!(sent.is_empty()),
            (Ok(_), None) => assert_eq!(statuses(&sent), [Status::End]),
            (Ok(_), Some(_)) => assert_eq!(statuses(&sent), [Status::Data, Status::End]),
        }
        self.ended(id, result);
    }

    fn fail(&mut self, id: u32, error: &RemoteError) {
        let result = self.server.fail(7, id, error);
        if result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Invalid) {
            assert!(json::check_object(error.info.as_bytes(), self.limits.max_depth).is_err());
            return assert!(self.output.take(self.server.transmit()).is_empty());
        }
        let sent = self.judge(id, &result);
        assert_eq!(statuses(&sent), if result.is_ok() { vec![Status::Error] } else { vec![] });
        self.ended(id, result);
    }

    fn fail_unknown_method(&mut self, id: u32) {
        let result = self.server.fail_unknown_method(8, id);
        let sent = self.judge(id, &result);
        assert_eq!(statuses(&sent), if result.is_ok() { vec![Status::Error] } else { vec![] });
        self.ended(id, result);
    }

    fn forget(&mut self, id: u32) {
        assert_eq!(self.server.forget(id), self.requests.remove(&id));
    }

    /// Whether the outcome is one that may be, and what was sent.
    fn judge<T>(&mut self, id: u32, result: &Result<T>) -> Vec<Frame> {
        let known = self.requests.contains_key(&id);
        match result.as_ref().map_err(|error| error.kind()) {
            Ok(_) => assert!(known && !self.failed),
            Err(ErrorKind::ConnectionLost) => assert!(self.failed),
            Err(ErrorKind::State) => assert!(!known),
            Err(ErrorKind::TooLarge) => assert!(known && self.limits.max_frame_bytes < 2048),
            Err(other) => panic!("unexpected {other:?}"),
        }
        let sent = self.output.take(self.server.transmit());
        assert!(sent.iter().all(|frame| frame.msgid == id));
        sent
    }

    fn ended(&mut self, id: u32, result: Result<Option<u64>>) {
        if let Ok(request) = result {
            assert_eq!(request, self.requests.remove(&id), "a request ends once");
        }
        assert_eq!(self.server.request_mut(id), self.requests.get_mut(&id));
    }

    fn end_of_stream(&mut self) {
        let over = self.failed || self.draining;
        match self.server.handle_end_of_stream(&self.input) {
            Ok(()) => self.draining |= !self.failed,
            Err(_) => {
                assert!(!over && !self.input.is_empty());
                self.failed = true;
            }
        }
    }

    fn drain(&mut self) {
        let drained: BTreeMap<_, _> = self.server.drain_requests().into_iter().collect();
        assert_eq!(drained, std::mem::take(&mut self.requests));
    }

    fn check(&mut self) {
        assert_eq!(self.server.in_flight(), self.requests.len());
        assert_eq!(self.server.is_draining(), self.draining);
        assert!(self.server.transmit().is_empty(), "only answers are sent");
    }
}

fn statuses(frames: &[Frame]) -> Vec<Status> {
    frames.iter().map(|frame| frame.status).collect()
}
