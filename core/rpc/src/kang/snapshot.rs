//! The document.

use super::client::{ClientRequest, FastClient};
use super::server::{FastConnection, ServerRequest};
use crate::{Client, Server, clock};
use libfast_model::VERSION;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value as Json, json};

/// The document at `/kang/snapshot`: who the program is, its counters, and its connections and requests.
///
/// Ids are unique within a document. One that shows several servers, or servers and clients, has `server0/`, `server1/`,
/// … and `client/` before them.
#[derive(Debug)]
pub struct KangSnapshot {
    name: String,
    version: String,
    stats: Vec<(&'static str, Json)>,
    objects: Vec<Object>,
    servers: usize,
    has_clients: bool,
    /// Bytes of arguments that may still be shown.
    room: usize,
}

#[derive(Debug)]
struct Object {
    kind: &'static str,
    /// What it belongs to, shown if there is more than one.
    owner: Owner,
    id: String,
    /// `None` if it could not be written, which valid arguments do not cause.
    json: Option<Box<RawValue>>,
}

#[derive(Debug, Clone, Copy)]
enum Owner {
    Server(usize),
    Clients,
}

/// Bytes of arguments that a document shows; what is longer is named by its size.
const MOST_ARGUMENTS: usize = 4 << 20;
/// The types of objects, in the order in which they are shown.
const KINDS: [&str; 3] = ["fastconnection", "fastclient", "fastrequest"];

impl KangSnapshot {
    /// A document of the program `name` that shows nothing yet. Its version is the library's.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            version: VERSION.into(),
            stats: Vec::new(),
            objects: Vec::new(),
            servers: 0,
            has_clients: false,
            room: MOST_ARGUMENTS,
        }
    }

    /// The same with the version of the program.
    pub fn version(mut self, version: &str) -> Self {
        self.version = version.into();
        self
    }

    /// Adds a server with its connections and running requests.
    pub fn server(mut self, server: &Server) -> Self {
        let owner = Owner::Server(self.servers);
        self.servers += 1;
        let seen = server.seen();
        self.count("nConnectionsActive", seen.open.len() as u64);
        // A connection that is gone or failed is not read, so there is nothing to ignore.
        self.count("nIgnoredMessagesNoConn", 0);
        self.count("nIgnoredMessagesBadConn", 0);
        self.count("nIgnoredMessagesAborts", seen.tally.aborts);
        self.count("nConnectionsCreated", seen.created);
        self.count("nRequestsStarted", seen.tally.started);
        self.count("nRequestsCompleted", seen.tally.completed);
        self.count("nRequestsFailed", seen.tally.failed);
        for mut connection in seen.open {
            let id = connection.id;
            self.add(owner, "fastconnection", id.to_string(), &FastConnection::new(&connection));
            connection.running.sort_unstable_by_key(|running| running.id);
            for running in &connection.running {
                let is_waiting = seen.is_limited && running.place.is_awaited();
                let shown = ServerRequest::new(id, running, is_waiting, &mut self.room);
                self.add(owner, "fastrequest", format!("{id}/{}", running.id), &shown);
            }
        }
        self
    }

    /// Adds a client with its connections and their requests: first those that wait, then those that were given up.
    pub fn client(mut self, client: &Client) -> Self {
        self.has_clients = true;
        let owner = Owner::Clients;
        let mut seen: Vec<_> =
            client.shared().connections.open().iter().map(|connection| connection.seen()).collect();
        seen.sort_unstable_by_key(|connection| connection.id);
        let sum = |count: fn(&crate::client_account::SeenConnection) -> u64| seen.iter().map(count).sum();
        self.count("nRpcStarted", sum(|connection| connection.started));
        self.count("nRpcDone", sum(|connection| connection.done));
        self.count("nErrors", sum(|connection| connection.errors));
        for mut connection in seen {
            let client = connection.id;
            self.add(owner, "fastclient", client.to_string(), &FastClient::new(&connection));
            connection.pending.sort_unstable_by_key(|(id, _)| *id);
            for (id, asked) in &connection.pending {
                let shown = ClientRequest::pending(client, *id, asked);
                self.add(owner, "fastrequest", format!("{client}/{id}"), &shown);
            }
            connection.given_up.sort_unstable_by_key(|(id, ..)| *id);
            for (id, given_up, ignored) in &connection.given_up {
                let shown = ClientRequest::given_up(client, *id, given_up, *ignored);
                self.add(owner, "fastrequest", format!("{client}/{id}"), &shown);
            }
        }
        self
    }

    /// Adds a counter of the program's own.
    pub fn stat(mut self, name: &'static str, value: u64) -> Self {
        self.count(name, value);
        self
    }

    /// The document as JSON text.
    pub fn to_json(self) -> String {
        let service = [("name", self.name.clone()), ("ident", identity()), ("version", self.version.clone())];
        self.write(Some(service))
    }

    /// The document without its head, for those who put it into one of their own.
    pub(crate) fn without_service(self) -> String {
        self.write(None)
    }

    fn write(mut self, service: Option<Service>) -> String {
        self.stats.push(("started", clock::first_use().to_string().into()));
        self.stats.push(("memory", json!({ "rss": resident_bytes() })));
        let owners = self.servers + usize::from(self.has_clients);
        let document = Document { service, snapshot: &self, prefixed: owners > 1 };
        // Cannot fail: all of it is text and numbers.
        serde_json::to_string(&document).unwrap_or_default()
    }

    /// Adds to a counter.
    fn count(&mut self, name: &'static str, value: u64) {
        match self.stats.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum = (sum.as_u64().unwrap_or(0) + value).into(),
            None => self.stats.push((name, value.into())),
        }
    }

    fn add(&mut self, owner: Owner, kind: &'static str, id: String, object: &impl Serialize) {
        self.objects.push(Object { kind, owner, id, json: to_raw_value(object).ok() });
    }
}

/// Who the program is, in the order in which it is shown.
type Service = [(&'static str, String); 3];

struct Document<'d> {
    service: Option<Service>,
    snapshot: &'d KangSnapshot,
    prefixed: bool,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = |kind| match kind {
            "fastconnection" => self.snapshot.servers > 0,
            "fastclient" => self.snapshot.has_clients,
            _ => true,
        };
        let kinds: Vec<_> = KINDS.into_iter().filter(|kind| shown(kind)).collect();
        let mut map = serializer.serialize_map(None)?;
        if let Some(service) = &self.service {
            map.serialize_entry("service", &Pairs(|| service.iter().map(|(name, value)| (*name, value))))?;
        }
        map.serialize_entry(
            "stats",
            &Pairs(|| self.snapshot.stats.iter().map(|(name, value)| (*name, value))),
        )?;
        map.serialize_entry("types", &kinds)?;
        for kind in kinds {
            let of_kind = || self.snapshot.objects.iter().filter(move |object| object.kind == kind);
            map.serialize_entry(
                kind,
                &Pairs(|| of_kind().map(|object| (object.full_id(self.prefixed), &object.json))),
            )?;
        }
        map.end()
    }
}

impl Object {
    fn full_id(&self, prefixed: bool) -> String {
        match self.owner {
            Owner::Server(number) if prefixed => format!("server{number}/{}", self.id),
            Owner::Clients if prefixed => format!("client/{}", self.id),
            _ => self.id.clone(),
        }
    }
}

/// What a function gives, as an object whose members keep their order.
struct Pairs<F>(F);

impl<F, I, K, V> Serialize for Pairs<F>
where
    F: Fn() -> I,
    I: Iterator<Item = (K, V)>,
    K: Serialize,
    V: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0())
    }
}

/// The machine and the process.
fn identity() -> String {
    let system = rustix::system::uname();
    format!("{}/{}", system.nodename().to_string_lossy(), std::process::id())
}

/// Memory of the process that is in use, if the system tells.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}
