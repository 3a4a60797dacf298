//! Server sets of Finagle and Aurora: `<root>/<service>/member_0000000042`, ephemeral and sequential. Prometheus reads them,
//! too, and scrapes the additional endpoint `metrics` with a relabelling rule.

use super::{address, json, junk};
use libfast_model::{Address, Endpoint, Error, Metadata, Result};
use libfast_registry::Record;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the names of members begin. Other children, as those with weights (`vector_`), are no members.
pub const PREFIX: &str = "member_";
/// The additional endpoint that Prometheus scrapes.
const METRICS: &str = "metrics";
const WEIGHT: &str = "weight";
const ZONE: &str = "zone";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    service_endpoint: Place,
    #[serde(default)]
    additional_endpoints: BTreeMap<String, Place>,
    #[serde(default = "alive")]
    status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<i64>,
    /// Finagle gives it to its programs; Prometheus and others pass over it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "super::texts")]
    metadata: Metadata,
}

#[derive(Serialize, Deserialize)]
struct Place {
    host: String,
    port: u16,
}

/// What a member writes. An error if it listens on a Unix socket, which no other machine could reach.
pub fn encode(record: &Record) -> Result<Vec<u8>> {
    let mut metadata = record.metadata.clone();
    // Under these names readers look for nothing else.
    metadata.retain(|name, _| name != WEIGHT && name != ZONE);
    if record.weight != Endpoint::DEFAULT_WEIGHT {
        metadata.insert(WEIGHT.to_owned(), record.weight.to_string());
    }
    if !record.zone.is_empty() {
        metadata.insert(ZONE.to_owned(), record.zone.clone());
    }
    let mut additional_endpoints = BTreeMap::new();
    if !record.metrics.is_empty() {
        additional_endpoints.insert(METRICS.to_owned(), Place::of(&record.metrics)?);
    }
    let member = Member {
        service_endpoint: Place::of(&record.address)?,
        additional_endpoints,
        status: if record.draining { "STOPPING" } else { "ALIVE" }.into(),
        shard: None,
        metadata,
    };
    Ok(serde_json::to_vec(&member).expect("a member is plain data"))
}

/// What was written. Who is not alive gets no calls.
pub fn decode(text: &[u8]) -> Result<Record> {
    let mut member: Member = json(text)?;
    let weight = match member.metadata.remove(WEIGHT) {
        Some(weight) => weight.parse().map_err(|_| junk(format!("the weight {weight:?} is no number")))?,
        None => Endpoint::DEFAULT_WEIGHT,
    };
    let metrics = member.additional_endpoints.get(METRICS);
    let metrics = metrics.map_or(String::new(), |place| address(&place.host, place.port));
    let record = Record {
        address: address(&member.service_endpoint.host, member.service_endpoint.port),
        zone: member.metadata.remove(ZONE).unwrap_or_default(),
        weight,
        metadata: super::kept(member.metadata),
        metrics,
        ..super::unknown()
    };
    Ok(match member.status.as_str() {
        "ALIVE" => record,
        "STOPPING" => Record { draining: true, ..record },
        _ => Record { weight: 0, ..record },
    })
}

impl Place {
    fn of(text: &str) -> Result<Self> {
        let parsed = text.parse().map_err(|error| junk(format!("{error}")))?;
        match parsed {
            Address::Tcp { host, port } => Ok(Self { host, port }),
            Address::Unix(_) => {
                let message = format!("layout serverset: {text} cannot be listed: it is no host and port");
                Err(Error::new(libfast_model::ErrorKind::Invalid, message))
            }
        }
    }
}

fn alive() -> String {
    "ALIVE".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let plain = Record { address: "10.0.0.5:2030".into(), ..Record::of_this_process("calc") };
        let text = br#"{"serviceEndpoint":{"host":"10.0.0.5","port":2030},"additionalEndpoints":{},"status":"ALIVE"}"#;
        assert_eq!(encode(&plain).unwrap(), text);
        let metadata = [("shard", "7"), ("version", "1.2"), ("weight", "heavy")];
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let full = Record {
            weight: 7,
            zone: "a".into(),
            metrics: "10.0.0.5:2830".into(),
            draining: true,
            metadata,
            ..plain
        };
        let text = br#"{"serviceEndpoint":{"host":"10.0.0.5","port":2030},"additionalEndpoints":{"metrics":{"host":"10.0.0.5","port":2830}},"status":"STOPPING","metadata":{"shard":"7","version":"1.2","weight":"7","zone":"a"}}"#;
        assert_eq!(encode(&full).unwrap(), text);
        let read = decode(text).unwrap();
        let seen = |r: &Record| (r.address.clone(), r.weight, r.zone.clone(), r.metrics.clone(), r.draining);
        assert_eq!(seen(&read), seen(&full));
        let metadata: Vec<_> =
            read.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(metadata, [("shard", "7"), ("version", "1.2")]);
    }

    /// As Aurora writes it.
    #[test]
    fn members_of_others_are_understood() {
        let text = br#"{"serviceEndpoint":{"host":"host1","port":31000},"additionalEndpoints":{"http":{"host":"host1","port":31001}},"status":"ALIVE","shard":3}"#;
        let read = decode(text).unwrap();
        assert_eq!((read.address.as_str(), read.weight, read.draining), ("host1:31000", 100, false));
        let odd = br#"{"serviceEndpoint":{"host":"h","port":1},"metadata":{"a":"1","b":2,"c":null}}"#;
        assert_eq!(decode(odd).unwrap().metadata.into_iter().collect::<Vec<_>>(), [("a".into(), "1".into())]);
        let none = br#"{"serviceEndpoint":{"host":"h","port":1},"metadata":null}"#;
        assert!(decode(none).unwrap().metadata.is_empty());
        let six = br#"{"serviceEndpoint":{"host":"::1","port":1},"status":"DEAD"}"#;
        let read = decode(six).unwrap();
        assert_eq!((read.address.as_str(), read.weight), ("[::1]:1", 0));
    }

    #[test]
    fn junk_is_refused() {
        for text in [
            &b"junk"[..],
            b"{}",
            br#"{"serviceEndpoint":{"host":"h","port":70000}}"#,
            br#"{"serviceEndpoint":{"host":"h","port":1},"metadata":{"weight":"x"}}"#,
        ] {
            assert!(decode(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
        let unix = Record { address: "unix:/run/x".into(), ..Record::of_this_process("calc") };
        assert!(encode(&unix).unwrap_err().message().contains("serverset"));
    }
}
