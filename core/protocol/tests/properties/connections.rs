//! A client and a server with a stream between them that is cut anywhere, whatever the two do meanwhile.

use crate::config;
use crate::cuts::feed;
use crate::tree::{Tree, tree};
use bytes::BytesMut;
use libfast_model::RemoteError;
use libfast_protocol::{
    ClientConnection, ClientEvent, ClientWire, Limits, ServerConnection, ServerEvent, ServerWire, Version,
};
use proptest::prelude::*;
use proptest::sample::Index;

#[derive(Debug, Clone)]
enum Step {
    Call(String, Vec<Tree>),
    /// Gives up a call.
    Abandon(Index),
    /// The server sends a value for a request, which is not null.
    Send(Index, Tree),
    End(Index, Option<Tree>),
    Fail(Index, String),
    /// Some bytes arrive.
    ToServer(usize),
    ToClient(usize),
    /// One event is taken.
    PollServer,
    PollClient,
}

fn step() -> impl Strategy<Value = Step> {
    let value = || tree().prop_filter("null ends a call", |tree| !matches!(tree, Tree::Plain("null")));
    prop_oneof![
        3 => ("[^\"]{1,8}", prop::collection::vec(tree(), 0..3)).prop_map(|(method, args)| Step::Call(method, args)),
        1 => any::<Index>().prop_map(Step::Abandon),
        3 => (any::<Index>(), value()).prop_map(|(at, value)| Step::Send(at, value)),
        2 => (any::<Index>(), prop::option::of(value())).prop_map(|(at, value)| Step::End(at, value)),
        1 => (any::<Index>(), any::<String>()).prop_map(|(at, message)| Step::Fail(at, message)),
        4 => (0..400_usize).prop_map(Step::ToServer),
        4 => (0..400_usize).prop_map(Step::ToClient),
        4 => Just(Step::PollServer),
        4 => Just(Step::PollClient),
    ]
}

/// What a call has come to, on either side.
#[derive(Debug, Clone, PartialEq, Default)]
struct Story {
    method: String,
    args: String,
    values: Vec<String>,
    /// How it ended: well, or with this message.
    end: Option<Result<(), String>>,
}

#[derive(Default)]
struct Told {
    /// What was asked for and answered, by number of call.
    sent: Vec<Story>,
    /// What the client was given.
    received: Vec<Story>,
    abandoned: Vec<bool>,
}

struct Pair {
    version: Version,
    client: ClientConnection<usize>,
    server: ServerConnection<()>,
    to_server: BytesMut,
    to_client: BytesMut,
    /// All that the server sent and that is on its way or has arrived.
    answered: BytesMut,
    /// The calls that run on the server: id and number.
    running: Vec<(u32, usize)>,
    pending: Vec<(u32, usize)>,
    /// Calls that were made, in the order in which the server sees them.
    announced: std::collections::VecDeque<usize>,
    told: Told,
}

impl Pair {
    fn new(version: Version) -> Self {
        Self {
            version,
            client: ClientConnection::new(ClientWire { version, ..ClientWire::default() }),
            server: ServerConnection::new(ServerWire::default()),
            to_server: BytesMut::new(),
            to_client: BytesMut::new(),
            answered: BytesMut::new(),
            running: Vec::new(),
            pending: Vec::new(),
            announced: Default::default(),
            told: Told::default(),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Call(method, args) => {
                let (number, args) = (self.told.sent.len(), Tree::Array(args.clone()).text(&[0, 0, 1]));
                let id = self.client.start_call(1, method, args.as_bytes(), number).unwrap();
                let args = args.trim().to_owned();
                self.told.sent.push(Story { method: method.clone(), args, ..Story::default() });
                self.told.received.push(Story::default());
                self.told.abandoned.push(false);
                self.pending.push((id, number));
                self.announced.push_back(number);
            }
            Step::Abandon(at) if !self.pending.is_empty() => {
                let (id, number) = self.pending.remove(at.index(self.pending.len()));
                prop_assert_eq!(self.client.abandon(id), Some(number));
                self.told.abandoned[number] = true;
            }
            Step::Send(at, value) if !self.running.is_empty() => {
                let (id, number) = self.running[at.index(self.running.len())];
                let value = value.text(&[]);
                self.server.send(2, id, value.as_bytes()).unwrap();
                self.told.sent[number].values.push(value);
            }
            Step::End(at, value) if !self.running.is_empty() => {
                let (id, number) = self.running.remove(at.index(self.running.len()));
                let value = value.as_ref().map(|value| value.text(&[]));
                self.server.end(3, id, value.as_deref().map(str::as_bytes)).unwrap();
                self.told.sent[number].values.extend(value);
                self.told.sent[number].end = Some(Ok(()));
            }
            Step::Fail(at, message) if !self.running.is_empty() => {
                let (id, number) = self.running.remove(at.index(self.running.len()));
                let error = RemoteError::new("E", message.clone());
                self.server.fail(4, id, &error).unwrap();
                self.told.sent[number].end = Some(Err(message.clone()));
            }
            Step::Abandon(_) | Step::Send(..) | Step::End(..) | Step::Fail(..) => {}
            Step::ToServer(bytes) => pass(self.client.transmit(), &mut self.to_server, *bytes),
            Step::ToClient(bytes) => {
                let before = self.to_client.len();
                pass(self.server.transmit(), &mut self.to_client, *bytes);
                self.answered.extend_from_slice(&self.to_client[before..]);
            }
            Step::PollServer => drop(self.poll_server()?),
            Step::PollClient => drop(self.poll_client()?),
        }
        prop_assert_eq!(self.client.pending(), self.pending.len());
        prop_assert_eq!(self.server.in_flight(), self.running.len());
        Ok(())
    }

    fn poll_server(&mut self) -> Result<bool, TestCaseError> {
        match self.server.next_event(&mut self.to_server) {
            None => return Ok(false),
            Some(ServerEvent::Request { id, method, args, .. }) => {
                let number = self.announced.pop_front().unwrap();
                let story = &self.told.sent[number];
                prop_assert_eq!((&*method, &args[..]), (&*story.method, story.args.as_bytes()));
                self.running.push((id, number));
            }
            Some(ServerEvent::Fatal(error)) => prop_assert!(false, "{}", error),
        }
        Ok(true)
    }

    fn poll_client(&mut self) -> Result<bool, TestCaseError> {
        let Some(event) = self.client.next_event(&mut self.to_client) else { return Ok(false) };
        let (call, end) = match event {
            ClientEvent::Values { id, values } => {
                let number = *self.client.call_mut(id).unwrap();
                let values = values.iter().map(|value| String::from_utf8(value.to_vec()).unwrap());
                self.told.received[number].values.extend(values);
                return Ok(true);
            }
            ClientEvent::Ended { call, .. } => (call, Ok(())),
            ClientEvent::Failed { call, error, .. } => (call, Err(error.message)),
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        };
        self.pending.retain(|(_, number)| *number != call);
        prop_assert_eq!(self.told.received[call].end.replace(end), None, "a call ends once");
        Ok(true)
    }

    /// Lets everything arrive, ends every request and compares what was sent with what came.
    fn finish(mut self) -> Result<(), TestCaseError> {
        self.step(&Step::ToServer(usize::MAX))?;
        while self.poll_server()? {}
        for (id, number) in std::mem::take(&mut self.running) {
            self.server.end(5, id, None).unwrap();
            self.told.sent[number].end = Some(Ok(()));
        }
        self.step(&Step::ToClient(usize::MAX))?;
        while self.poll_client()? {}
        prop_assert_eq!((self.client.pending(), self.client.abandoned()), (0, 0));
        let (frames, end) = feed(Limits::default(), &[&self.answered]);
        prop_assert_eq!(end, Ok(()));
        prop_assert!(
            frames.iter().all(|frame| frame.version == self.version),
            "answers speak as requests do"
        );
        prop_assert_eq!(self.client.handle_end_of_stream(&self.to_client), Ok(()));
        prop_assert_eq!(self.server.handle_end_of_stream(&self.to_server), Ok(()));
        for ((sent, received), abandoned) in
            self.told.sent.iter().zip(&self.told.received).zip(&self.told.abandoned)
        {
            if *abandoned {
                prop_assert_eq!(&received.end, &None);
                prop_assert!(sent.values.starts_with(&received.values));
            } else {
                prop_assert_eq!((&received.values, &received.end), (&sent.values, &sent.end));
            }
        }
        Ok(())
    }
}

fn pass(from: &mut BytesMut, to: &mut BytesMut, bytes: usize) {
    let bytes = bytes.min(from.len());
    to.extend_from_slice(&from.split_to(bytes));
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn every_call_comes_to_what_the_server_made_of_it(
        steps in prop::collection::vec(step(), 0..60),
        version in prop_oneof![Just(Version::V1), Just(Version::V2)],
    ) {
        let mut pair = Pair::new(version);
        for step in &steps {
            pair.step(step)?;
        }
        pair.finish()?;
    }
}
