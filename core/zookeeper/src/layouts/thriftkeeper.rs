//! Thriftkeeper: `<root>/<service>/providers|consumers/<name>`, ephemeral, `{"address":"host:port","weight":100}`.

use super::json;
use libfast_model::{Endpoint, Result};
use libfast_registry::Record;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    address: String,
    /// Nobody has to say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weight: Option<u32>,
}

/// What a provider or consumer writes. It has no word for draining: who drains is taken off.
pub fn encode(record: &Record) -> Vec<u8> {
    // Consumers have no address, and are `{}` as those of Thriftkeeper.
    let weight = (!record.address.is_empty()).then_some(record.weight);
    serde_json::to_vec(&Entry { address: record.address.clone(), weight }).expect("an entry is plain data")
}

/// What was written.
pub fn decode(text: &[u8]) -> Result<Record> {
    let Entry { address, weight } = json(text)?;
    Ok(Record { address, weight: weight.unwrap_or(Endpoint::DEFAULT_WEIGHT), ..super::unknown() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let record = Record { address: "10.0.0.5:9090".into(), weight: 7, ..Record::of_this_process("calc") };
        let text = br#"{"address":"10.0.0.5:9090","weight":7}"#;
        assert_eq!(encode(&record), text);
        let read = decode(text).unwrap();
        assert_eq!((read.address.as_str(), read.weight), ("10.0.0.5:9090", 7));
        assert_eq!(decode(br#"{"address":"h:1"}"#).unwrap().weight, 100);
        assert_eq!(encode(&Record::of_this_process("consumer")), b"{}");
    }

    #[test]
    fn junk_is_refused() {
        for text in [&b""[..], b"10.0.0.5:9090", br#"{"address":7}"#, br#"{"address":"h:1","weight":-1}"#] {
            assert!(decode(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }
}
