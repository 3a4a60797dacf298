//! Connections full of changed frames.

use super::client::connect;
use super::mutation;
use bytes::BytesMut;
use fastrand::Rng;
use libfast_protocol::{Body, Decoder, Limits, MAX_MSGID, Status};
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;

/// What became of the frames.
#[derive(Default)]
pub struct Judged {
    frames: usize,
    connections: usize,
    answers: usize,
    /// Why connections were ended, and how many for each reason.
    reasons: BTreeMap<&'static str, usize>,
}

/// Frames of one connection, at most.
const BATCH: usize = 100;
/// Of so many frames one is broken for good, and so the last of its connection.
const FATAL_IN: u32 = 25;

/// Sends that many frames, all of which the server gets to see. It must answer every request of a connection that
/// keeps to the protocol to its end, and end the others.
pub fn throw(address: &str, frames: usize, rng: &mut Rng) -> Judged {
    let mut judged = Judged::default();
    while judged.frames < frames {
        let batch = Batch::new(rng, BATCH.min(frames - judged.frames));
        judged.frames += batch.frames;
        judged.connections += 1;
        judged.answers += batch.exchange(address);
        if let Some(reason) = batch.fatal {
            *judged.reasons.entry(reason).or_default() += 1;
        }
    }
    judged
}

/// What one connection sends, and what that means.
struct Batch {
    stream: BytesMut,
    frames: usize,
    requests: HashSet<u32>,
    fatal: Option<&'static str>,
}

impl Batch {
    /// Frames up to the first that ends the connection.
    fn new(rng: &mut Rng, most: usize) -> Self {
        let mut batch = Self { stream: BytesMut::new(), frames: 0, requests: HashSet::new(), fatal: None };
        let mut decoder = Decoder::new(Limits::default());
        let mut unread = BytesMut::new();
        while batch.frames < most && batch.fatal.is_none() {
            let start = batch.stream.len();
            mutation::append(&mut batch.stream, rng.u32(..=MAX_MSGID), FATAL_IN, rng);
            batch.frames += 1;
            unread.extend_from_slice(&batch.stream[start.min(batch.stream.len())..]);
            batch.judge(&mut decoder, &mut unread);
        }
        if batch.fatal.is_none() {
            batch.fatal = decoder.finish(&unread).err().map(|error| error.reason().name());
        }
        batch
    }

    fn judge(&mut self, decoder: &mut Decoder, unread: &mut BytesMut) {
        loop {
            match decoder.decode(unread) {
                Ok(None) => return,
                Ok(Some(frame)) if frame.status == Status::End => self.fatal = Some("unexpected_status"),
                Ok(Some(frame)) => {
                    let is_request = matches!(frame.body, Body::Values(_));
                    if is_request && !self.requests.insert(frame.msgid) {
                        self.fatal = Some("duplicate_msgid");
                    }
                }
                Err(error) => self.fatal = Some(error.reason().name()),
            }
            if self.fatal.is_some() {
                return;
            }
        }
    }

    /// Sends everything and reads until the server ends the connection. Gives how many requests were answered.
    fn exchange(&self, address: &str) -> usize {
        let mut stream = connect(address);
        let mut answer = Vec::new();
        // A server that has found a violation does not read on, which is an error here if anything was left.
        let sent = stream.write_all(&self.stream).and_then(|()| stream.shutdown(Shutdown::Write));
        let ended = sent.and_then(|()| stream.read_to_end(&mut answer));
        if let Err(error) = ended {
            let cut = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::NotConnected];
            assert!(self.fatal.is_some() && cut.contains(&error.kind()), "{:?}: {error}", self.fatal);
        }
        let answered = terminals(&answer);
        assert!(answered.is_subset(&self.requests), "answers to what was not asked");
        if self.fatal.is_none() {
            assert_eq!(answered.len(), self.requests.len(), "every request before the end is answered");
        }
        answered.len()
    }
}

/// The ids that were answered to the end, each of them once.
fn terminals(answer: &[u8]) -> HashSet<u32> {
    let (mut decoder, mut input) = (Decoder::new(Limits::default()), BytesMut::from(answer));
    let mut ids = HashSet::new();
    while let Some(frame) = decoder.decode(&mut input).expect("answers decode") {
        assert!(!ids.contains(&frame.msgid), "an answer goes on after its end");
        if frame.status != Status::Data {
            ids.insert(frame.msgid);
        }
    }
    ids
}

impl std::ops::Add for Judged {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.frames += other.frames;
        self.connections += other.connections;
        self.answers += other.answers;
        for (reason, count) in other.reasons {
            *self.reasons.entry(reason).or_default() += count;
        }
        self
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>9} changed frames on {} connections", self.frames, self.connections)?;
        writeln!(f, "{:>9} of them answered", self.answers)?;
        let ended: usize = self.reasons.values().sum();
        write!(f, "{ended:>9} connections ended by the server:")?;
        for (reason, count) in &self.reasons {
            write!(f, " {reason} {count}")?;
        }
        Ok(())
    }
}
