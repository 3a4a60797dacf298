//! Both ends of one stream in memory, and their events as lines of text.

use bytes::{Bytes, BytesMut};
use libfast_model::RemoteError;
use libfast_protocol::{
    ClientConnection, ClientEvent, ClientWire, Decoder, Frame, Limits, ServerConnection, ServerEvent,
    ServerWire, Status, Version, encode,
};

pub type Client = ClientConnection<&'static str>;
pub type Server = ServerConnection<&'static str>;

pub const UTS: u64 = 1_457_475_515_355_123;

/// Both ends of one stream, with the buffers between them.
pub struct Pair {
    pub client: Client,
    pub server: Server,
    pub to_client: BytesMut,
    pub to_server: BytesMut,
}

impl Pair {
    pub fn new() -> Self {
        Self::with(ClientWire::default(), ServerWire::default())
    }

    pub fn with(client: ClientWire, server: ServerWire) -> Self {
        Self {
            client: Client::new(client),
            server: Server::new(server),
            to_client: BytesMut::new(),
            to_server: BytesMut::new(),
        }
    }

    /// Starts a call and lets the server see it.
    pub fn call(&mut self, method: &str, args: &str) -> u32 {
        let id = self.client.start_call(UTS, method, args.as_bytes(), "call").unwrap();
        let events = self.server_events();
        assert_eq!(events, [format!("request {id} {method} {args}")]);
        id
    }

    pub fn server_events(&mut self) -> Vec<String> {
        self.to_server.unsplit(self.client.transmit().split());
        server_events(&mut self.server, &mut self.to_server)
    }

    pub fn client_events(&mut self) -> Vec<String> {
        self.to_client.unsplit(self.server.transmit().split());
        client_events(&mut self.client, &mut self.to_client)
    }

    /// Answers of the server that are not from the server's machine.
    pub fn inject(&mut self, status: Status, id: u32, payload: &str) {
        encode(&mut self.to_client, Version::V2, status, id, payload.as_bytes());
    }
}

pub fn client_events(client: &mut Client, input: &mut BytesMut) -> Vec<String> {
    let mut shown = Vec::new();
    while let Some(event) = client.next_event(input) {
        shown.push(match event {
            ClientEvent::Values { id, values } => format!("values {id} {}", text(values.text())),
            ClientEvent::Ended { id, call } => format!("ended {id} {call}"),
            ClientEvent::Failed { id, error, .. } => {
                format!("failed {id} {}: {} {}", error.name, error.message, error.info)
            }
            ClientEvent::NullValue { id, call, .. } => format!("null {id} {call}"),
            ClientEvent::Fatal(error) => format!("fatal {} {}", error.reason().name(), error.info()),
        });
    }
    shown
}

pub fn server_events(server: &mut Server, input: &mut BytesMut) -> Vec<String> {
    let mut shown = Vec::new();
    while let Some(event) = server.next_event(input) {
        shown.push(match event {
            ServerEvent::Request { id, method, args, .. } => {
                server.attach(id, "request");
                format!("request {id} {} {}", &*method, text(&args))
            }
            ServerEvent::Fatal(error) => format!("fatal {} {}", error.reason().name(), error.info()),
        });
    }
    shown
}

pub fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

pub fn decoded(bytes: &BytesMut) -> Vec<Frame> {
    let (mut input, mut decoder) = (bytes.clone(), Decoder::new(Limits::default()));
    let frames = std::iter::from_fn(|| decoder.decode(&mut input).unwrap()).collect();
    decoder.finish(&input).unwrap();
    frames
}

pub fn request(input: &mut BytesMut, version: Version, id: u32, method: &str) {
    let payload = format!(r#"{{"m":{{"uts":1,"name":"{method}"}},"d":[]}}"#);
    encode(input, version, Status::Data, id, payload.as_bytes());
}

pub fn boom() -> RemoteError {
    RemoteError::new("Boom", "it \"broke\"").with_info(r#"{"a":1}"#)
}
