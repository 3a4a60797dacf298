//! What one entry of a registry says, as JSON. The `dir:` registry and ZooKeeper keep the same text.

use libfast_model::{Address, Endpoint, Error, ErrorKind, Metadata, Result};
use serde::{Deserialize, Serialize};

/// On which list of a service an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It serves.
    Provider,
    /// It calls.
    Consumer,
}

impl Role {
    /// The name of the list, a path segment.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Provider => "providers",
            Self::Consumer => "consumers",
        }
    }
}

/// One entry. `address` comes first, where readers of older layouts look for it; unknown members are passed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// `host:port` or `unix:/path` of a provider; empty for a consumer.
    #[serde(default)]
    pub address: String,
    /// Version of this shape, 1.
    #[serde(default = "one")]
    pub v: u32,
    /// Name of the program.
    #[serde(default)]
    pub name: String,
    /// Its process id, for operators.
    #[serde(default)]
    pub pid: u32,
    /// Share of calls.
    #[serde(default = "default_weight")]
    pub weight: u32,
    /// Failure domain.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub zone: String,
    /// It asks for no new calls.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draining: bool,
    /// What it says of itself beside that.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// `host:port` where its metrics are scraped, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub metrics: String,
    /// Milliseconds since 1970 when it was made.
    #[serde(default)]
    pub started_ms: u64,
}

/// Longest JSON text of an entry that is read.
pub const MAX_RECORD_BYTES: usize = 4096;

impl Record {
    /// The entry of this process, now.
    pub fn of_this_process(name: &str) -> Self {
        let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            address: String::new(),
            v: 1,
            name: if name.is_empty() { program_name() } else { name.to_owned() },
            pid: std::process::id(),
            weight: Endpoint::DEFAULT_WEIGHT,
            zone: String::new(),
            draining: false,
            metadata: Metadata::new(),
            metrics: String::new(),
            started_ms: started.map_or(0, |d| d.as_millis() as u64),
        }
    }

    /// The JSON text that is stored.
    pub fn to_json(&self) -> String {
        // Strings, numbers and flags always serialise.
        serde_json::to_string(self).expect("a record is plain data")
    }

    /// The same, unless it is longer than what is read.
    pub fn to_stored(&self) -> Result<String> {
        let text = self.to_json();
        check_length(&text)?;
        Ok(text)
    }

    /// Reads what somebody stored. The text is not trusted.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        if text.len() > MAX_RECORD_BYTES {
            return Err(Error::new(
                ErrorKind::Registry,
                format!("a record of {} bytes is larger than {MAX_RECORD_BYTES}", text.len()),
            ));
        }
        serde_json::from_slice(text)
            .map_err(|error| Error::new(ErrorKind::Registry, format!("a record is no valid JSON: {error}")))
    }

    /// The endpoint of a provider's record.
    pub fn endpoint(&self) -> Result<Endpoint> {
        let address: Address = self
            .address
            .parse()
            .map_err(|error| Error::new(ErrorKind::Registry, format!("a provider's record: {error}")))?;
        if matches!(address, Address::Tcp { port: 0, .. }) {
            return Err(Error::new(
                ErrorKind::Registry,
                format!("a provider's record has port 0: {address}"),
            ));
        }
        Ok(Endpoint {
            address,
            weight: self.weight,
            zone: self.zone.clone(),
            draining: self.draining,
            metadata: self.metadata.clone(),
        })
    }
}

/// Refuses the text of a record that nobody would read.
pub(crate) fn check_length(text: &str) -> Result<()> {
    if text.len() <= MAX_RECORD_BYTES {
        return Ok(());
    }
    let message = format!(
        "the record has {} bytes, more than the {MAX_RECORD_BYTES} that are read; shorten its metadata, name or zone",
        text.len()
    );
    Err(Error::new(ErrorKind::Invalid, message))
}

fn one() -> u32 {
    1
}

fn default_weight() -> u32 {
    Endpoint::DEFAULT_WEIGHT
}

fn program_name() -> String {
    let program = std::env::args_os().next().unwrap_or_default();
    let name = std::path::Path::new(&program).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_comes_first_and_unknown_members_are_passed_over() {
        let record = Record { address: "10.0.0.5:2030".into(), ..Record::of_this_process("calc") };
        assert!(record.to_json().starts_with(r#"{"address":"10.0.0.5:2030""#));
        let read = Record::from_json(br#"{"address":"h:1","weight":5,"later":{"x":1}}"#).unwrap();
        assert_eq!((read.endpoint().unwrap().weight, read.v), (5, 1));
        assert!(read.endpoint().unwrap().metadata.is_empty());
        let record = Record { metadata: [("shard".into(), "7".into())].into(), ..record };
        let read = Record::from_json(record.to_json().as_bytes()).unwrap();
        assert_eq!(read.endpoint().unwrap().metadata["shard"], "7");
    }

    #[test]
    fn junk_is_refused_with_a_reason() {
        assert!(Record::from_json(b"not json").unwrap_err().message().contains("JSON"));
        assert!(Record::from_json(&[b' '; 5000]).unwrap_err().message().contains("5000"));
        let no_port = Record::from_json(br#"{"address":"h"}"#).unwrap();
        assert!(no_port.endpoint().unwrap_err().message().contains("port"));
    }
}
