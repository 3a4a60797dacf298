//! How fleets list themselves: below which nodes, under which names and in which words. One module per layout, pure: bytes
//! in, a [`Record`] out, and back.

mod curator;
mod dubbo;
mod serverset;
mod thriftkeeper;

use crate::path::CONFIG;
use curator::Payload;
use libfast_model::{Endpoint, Error, ErrorKind, Metadata, Result};
use libfast_registry::{MAX_RECORD_BYTES, Record, Role};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest text of an entry of another fleet that is read. Dubbo's can have some kilobytes.
const MOST_BYTES: usize = 64 << 10;

/// The words of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// libfast's own.
    Fast,
    /// Thriftkeeper's.
    Thriftkeeper,
    /// Server sets of Finagle and Aurora.
    Serverset,
    /// Curator's service discovery, as of Spring Cloud and Dubbo 3.
    Curator,
    /// The same, with the payload that Spring Cloud reads.
    Spring,
    /// Dubbo's interface level, read only.
    Dubbo,
}

/// How the nodes of new entries are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By an id that nobody else has.
    Id,
    /// By ZooKeeper, which appends a number.
    Sequential(&'static str),
}

impl Codec {
    const ALL: [(&'static str, Self); 6] = [
        ("fast", Self::Fast),
        ("thriftkeeper", Self::Thriftkeeper),
        ("serverset", Self::Serverset),
        ("curator", Self::Curator),
        ("spring", Self::Spring),
        ("dubbo", Self::Dubbo),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, codec)| *codec)
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, codec)| *codec == self).map_or("", |(name, _)| name)
    }

    /// Where the entries of a service are, below its own node; none if the layout has no such list.
    pub fn list(self, role: Role) -> Option<&'static str> {
        match (self, role) {
            (Self::Fast | Self::Thriftkeeper, role) => Some(role.folder()),
            (Self::Serverset | Self::Curator | Self::Spring, Role::Provider) => Some(""),
            (Self::Dubbo, Role::Provider) => Some(role.folder()),
            (Self::Serverset | Self::Curator | Self::Spring | Self::Dubbo, Role::Consumer) => None,
        }
    }

    /// Whether a child of the list is meant to be an entry.
    pub fn is_entry(self, name: &str) -> bool {
        match self {
            Self::Serverset => name.starts_with(serverset::PREFIX),
            // What an operator decided is beside the instances, if they are below the target's root.
            Self::Curator | Self::Spring => name != CONFIG,
            Self::Fast | Self::Thriftkeeper | Self::Dubbo => true,
        }
    }

    /// Whether both can be below one root, so that neither takes the nodes of the other for entries.
    fn tolerates(self, other: Self) -> bool {
        // Members of a server set have names of their own; the instances of Curator may have any.
        let one_has_names = (self == Self::Serverset) != (other == Self::Serverset);
        one_has_names && ![self, other].iter().any(|one| matches!(one, Self::Curator | Self::Spring))
    }

    /// Whether servers list themselves in it, and are not only found.
    pub fn is_written(self) -> bool {
        self != Self::Dubbo
    }

    /// How often a list is read although no watch fired.
    pub fn audit(self) -> Duration {
        // Others change what an entry says in place, which a watch of the list does not report.
        Duration::from_secs(if self.is_immutable() { 300 } else { 30 })
    }

    /// Whether an entry says the same as long as it is there, so that it is read once.
    pub fn is_immutable(self) -> bool {
        matches!(self, Self::Fast | Self::Dubbo)
    }

    /// How new entries are named.
    pub fn naming(self) -> Naming {
        match self {
            Self::Serverset => Naming::Sequential(serverset::PREFIX),
            _ => Naming::Id,
        }
    }

    /// What is written for a record; nothing if it is not to be listed, because it drains and the layout cannot say so.
    pub fn encode(self, service: &str, id: &str, record: &Record) -> Result<Option<Vec<u8>>> {
        match self {
            Self::Fast => Ok(Some(record.to_json().into_bytes())),
            Self::Thriftkeeper | Self::Curator if record.draining => Ok(None),
            Self::Thriftkeeper => Ok(Some(thriftkeeper::encode(record))),
            Self::Serverset => serverset::encode(record).map(Some),
            Self::Curator => curator::encode(service, id, record, Payload::None).map(Some),
            Self::Spring => curator::encode(service, id, record, Payload::Spring).map(Some),
            Self::Dubbo => {
                let message = "layout dubbo is read only: such an entry promises Dubbo's own protocol";
                Err(Error::new(ErrorKind::Invalid, message))
            }
        }
    }

    /// The name of a node for those who read logs, files and lists: without the password that it may hold.
    pub fn shown(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Dubbo => dubbo::shown(name),
            _ => name.into(),
        }
    }

    /// What the entry `name` says. Neither its name nor its text is trusted.
    pub fn decode(self, name: &str, text: &[u8]) -> Result<Record> {
        match self {
            Self::Fast => Record::from_json(text),
            Self::Thriftkeeper => thriftkeeper::decode(text),
            Self::Serverset => serverset::decode(text),
            Self::Curator | Self::Spring => curator::decode(text),
            Self::Dubbo => dubbo::decode(name),
        }
    }
}

/// One or several layouts, each below a root, in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layouts(pub Vec<(Codec, String)>);

impl Layouts {
    /// Reads `fast,serverset:/aurora,…`. A layout without a path is below `root`.
    pub fn parse(text: &str, root: &str) -> Result<Self> {
        let invalid = |why: String| {
            let known: Vec<_> = Codec::ALL.iter().map(|(name, _)| *name).collect();
            let known = known.join(", ");
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "option \"layouts\": {text:?}: {why}; write one or several of {known}, each with :/PATH if it is elsewhere"
                ),
            )
        };
        let mut layouts = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (name, path) = part.split_once(':').unwrap_or((part, root));
            let codec = Codec::named(name).ok_or_else(|| invalid(format!("there is no layout {name:?}")))?;
            let legal = |segment: &str| {
                !matches!(segment, "" | "." | ".." | "zookeeper")
                    && !segment.chars().any(|c| c.is_control() || c == ' ')
            };
            let inner = path.trim_end_matches('/').strip_prefix('/');
            if path != "/" && !inner.is_some_and(|inner| inner.split('/').all(legal)) {
                return Err(invalid(format!("{path:?} is no path for ZooKeeper")));
            }
            let path = if path == "/" { path } else { path.trim_end_matches('/') };
            if layouts.contains(&(codec, path.to_owned())) {
                return Err(invalid(format!("{part:?} is there twice")));
            }
            if let Some((other, _)) = layouts.iter().find(|(one, at)| at == path && !codec.tolerates(*one)) {
                let other = other.name();
                let why =
                    format!("{other} and {name} are both below {path} and would read each other's nodes");
                return Err(invalid(why));
            }
            layouts.push((codec, path.to_owned()));
        }
        Ok(Self(layouts))
    }
}

/// A record about which nothing is known.
fn unknown() -> Record {
    Record {
        address: String::new(),
        v: 1,
        name: String::new(),
        pid: 0,
        weight: Endpoint::DEFAULT_WEIGHT,
        zone: String::new(),
        draining: false,
        metadata: Default::default(),
        metrics: String::new(),
        started_ms: 0,
    }
}

fn json<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    if text.len() > MOST_BYTES {
        return Err(junk(format!("{} bytes are more than {MOST_BYTES}", text.len())));
    }
    serde_json::from_slice(text).map_err(|error| junk(error.to_string()))
}

/// As addresses are written.
fn address(host: &str, port: u16) -> String {
    libfast_model::Address::Tcp { host: host.to_owned(), port }.to_string()
}

/// Texts by name, out of what another program wrote: what is no text is passed over.
fn texts<'d, D: Deserializer<'d>>(from: D) -> std::result::Result<Metadata, D::Error> {
    let written = Option::<BTreeMap<String, Value>>::deserialize(from)?.unwrap_or_default();
    let texts = written.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, text)),
        _ => None,
    });
    Ok(texts.collect())
}

/// As much of it as an own entry could say; others write more than is kept for thousands of them.
fn kept(metadata: Metadata) -> Metadata {
    let mut room = MAX_RECORD_BYTES;
    let fits = |(name, text): &(String, String)| {
        let left = room.checked_sub(name.len() + text.len());
        room = left.unwrap_or(room);
        left.is_some()
    };
    metadata.into_iter().filter(fits).collect()
}

fn junk(why: String) -> Error {
    Error::new(ErrorKind::Registry, format!("an entry cannot be understood: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_below_the_root_or_where_they_say() {
        let parsed = Layouts::parse("fast, serverset:/aurora/prod,curator:/services", "/fast").unwrap();
        let expected = [
            (Codec::Fast, "/fast".to_owned()),
            (Codec::Serverset, "/aurora/prod".to_owned()),
            (Codec::Curator, "/services".to_owned()),
        ];
        assert_eq!(parsed.0, expected);
        for (text, why) in [
            ("", "no layout"),
            ("etcd", "no layout \"etcd\""),
            ("serverset:aurora", "no path"),
            ("serverset:/a//b", "no path"),
            ("fast,fast", "twice"),
            ("fast,fast:/fast/", "twice"),
        ] {
            assert!(Layouts::parse(text, "/fast").unwrap_err().message().contains(why), "{text}");
        }
    }

    #[test]
    fn layouts_that_would_read_each_others_nodes_are_not_below_one_root() {
        let names = Codec::ALL.map(|(name, _)| name);
        for (at, one) in names.iter().enumerate() {
            for other in &names[at + 1..] {
                // They are told apart by the names of their nodes.
                let is_legal =
                    *other == "serverset" || *one == "serverset" && !matches!(*other, "curator" | "spring");
                for text in [format!("{one},{other}"), format!("{other}:/fast/,{one}")] {
                    let parsed = Layouts::parse(&text, "/fast");
                    assert_eq!(parsed.is_ok(), is_legal, "{text}");
                    if let Err(error) = parsed {
                        let message = error.message();
                        assert!(
                            message.contains("both below /fast") && message.contains(":/PATH"),
                            "{error}"
                        );
                    }
                }
                assert!(Layouts::parse(&format!("{one},{other}:/elsewhere"), "/fast").is_ok());
            }
        }
    }

    #[test]
    fn who_drains_is_not_listed_where_that_cannot_be_said() {
        let record = Record { address: "h:1".into(), draining: true, ..unknown() };
        let listed = |codec: Codec| codec.encode("calc", "id", &record).unwrap().is_some();
        let codecs = [Codec::Fast, Codec::Serverset, Codec::Spring, Codec::Thriftkeeper, Codec::Curator];
        assert_eq!(codecs.map(listed), [true, true, true, false, false]);
        assert_eq!(Codec::Dubbo.encode("calc", "id", &record).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
