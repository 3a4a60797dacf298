//! Curator's service discovery, which Spring Cloud ZooKeeper and Dubbo 3 (application level) use: `<root>/<service>/<id>`,
//! ephemeral.

use super::{address, json, junk};
use libfast_model::{Address, Endpoint, Error, ErrorKind, Metadata, Result};
use libfast_registry::Record;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The payload of Spring Cloud, and what is in its metadata. Its load balancer reads weight and zone; who is not up is
/// none of its servers.
const CLASS: &str = "org.springframework.cloud.zookeeper.discovery.ZookeeperInstance";
const STATUS: &str = "instance_status";
const UP: &str = "UP";
const WEIGHT: &str = "weight";
const ZONE: &str = "zone";

/// What an instance says beside its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// Nothing.
    None,
    /// All, to Spring Cloud.
    Spring,
}

/// Members in the order in which Curator writes them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'i> {
    name: &'i str,
    id: &'i str,
    address: &'i str,
    port: u16,
    ssl_port: Option<u16>,
    /// Whoever reads a payload must have its class.
    payload: Option<ZookeeperInstance<'i>>,
    #[serde(rename = "registrationTimeUTC")]
    registration_time_utc: u64,
    service_type: &'static str,
    uri_spec: Option<()>,
}

/// The payload of Spring Cloud.
#[derive(Serialize)]
struct ZookeeperInstance<'i> {
    #[serde(rename = "@class")]
    class: &'static str,
    id: &'i str,
    name: &'i str,
    metadata: Metadata,
}

/// What is read of any payload.
#[derive(Default, Deserialize)]
struct Told {
    #[serde(default, deserialize_with = "super::texts")]
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    address: String,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    ssl_port: Option<u16>,
    #[serde(default, deserialize_with = "payload")]
    payload: Option<Told>,
    #[serde(default, rename = "registrationTimeUTC")]
    registration_time_utc: u64,
    #[serde(default)]
    enabled: Option<bool>,
}

/// What Spring Cloud is told about a server, beside its address.
fn spring(record: &Record) -> Metadata {
    let mut metadata = record.metadata.clone();
    // Spring Cloud takes a weight of 0 for 1.
    let is_up = !record.draining && record.weight > 0;
    metadata.insert(STATUS.into(), if is_up { UP } else { "OUT_OF_SERVICE" }.into());
    metadata.insert(WEIGHT.into(), record.weight.to_string());
    metadata.remove(ZONE);
    if !record.zone.is_empty() {
        metadata.insert(ZONE.into(), record.zone.clone());
    }
    metadata
}

/// What the instance `id` of `service` writes. Without payload it has no word for weight or draining: who drains is taken off.
pub fn encode(service: &str, id: &str, record: &Record, payload: Payload) -> Result<Vec<u8>> {
    let parsed = record.address.parse().map_err(|error| junk(format!("{error}")))?;
    let Address::Tcp { host, port } = &parsed else {
        let layout = if payload == Payload::Spring { "spring" } else { "curator" };
        let message = format!("layout {layout}: {} cannot be listed: it is no host and port", record.address);
        return Err(Error::new(ErrorKind::Invalid, message));
    };
    let payload = match payload {
        Payload::None => None,
        Payload::Spring => {
            Some(ZookeeperInstance { class: CLASS, id, name: service, metadata: spring(record) })
        }
    };
    let instance = Written {
        name: service,
        id,
        address: host,
        port: *port,
        ssl_port: None,
        payload,
        registration_time_utc: record.started_ms,
        service_type: "DYNAMIC",
        uri_spec: None,
    };
    Ok(serde_json::to_vec(&instance).expect("an instance is plain data"))
}

/// What was written. Who is disabled, or for Spring Cloud not `UP`, gets no calls.
pub fn decode(text: &[u8]) -> Result<Record> {
    let instance: Instance = json(text)?;
    let Some(port) = instance.port.or(instance.ssl_port) else { return Err(junk("it has no port".into())) };
    let Told { mut metadata } = instance.payload.unwrap_or_default();
    let is_up = metadata.remove(STATUS).is_none_or(|status| status.eq_ignore_ascii_case(UP));
    let weight = metadata.remove(WEIGHT).and_then(|weight| weight.parse().ok());
    Ok(Record {
        address: address(&instance.address, port),
        weight: match is_up && instance.enabled.unwrap_or(true) {
            true => weight.unwrap_or(Endpoint::DEFAULT_WEIGHT),
            false => 0,
        },
        zone: metadata.remove(ZONE).unwrap_or_default(),
        draining: !is_up,
        metadata: super::kept(metadata),
        started_ms: instance.registration_time_utc,
        ..super::unknown()
    })
}

/// Payloads of any class, which may be anything but what is looked for.
fn payload<'d, D: Deserializer<'d>>(from: D) -> std::result::Result<Option<Told>, D::Error> {
    let payload = Value::deserialize(from)?;
    Ok(serde_json::from_value(payload).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let record = Record {
            address: "10.0.0.5:2030".into(),
            started_ms: 1_763_702_648_355,
            ..Record::of_this_process("calc")
        };
        let text = br#"{"name":"calc","id":"7e5a71bb46794e9f9d9bf1df0b384258","address":"10.0.0.5","port":2030,"sslPort":null,"payload":null,"registrationTimeUTC":1763702648355,"serviceType":"DYNAMIC","uriSpec":null}"#;
        assert_eq!(encode("calc", "7e5a71bb46794e9f9d9bf1df0b384258", &record, Payload::None).unwrap(), text);
        let read = decode(text).unwrap();
        assert_eq!(
            (read.address.as_str(), read.weight, read.started_ms),
            ("10.0.0.5:2030", 100, 1_763_702_648_355)
        );
    }

    #[test]
    fn golden_for_spring() {
        let record = Record {
            address: "10.0.0.5:2030".into(),
            started_ms: 1_763_702_648_355,
            weight: 7,
            zone: "a".into(),
            metadata: [("version".into(), "1.2".into()), ("zone".into(), "x".into())].into(),
            ..Record::of_this_process("calc")
        };
        let written = |record: &Record| {
            String::from_utf8(encode("calc", "7e5a", record, Payload::Spring).unwrap()).unwrap()
        };
        let text = r#"{"name":"calc","id":"7e5a","address":"10.0.0.5","port":2030,"sslPort":null,"payload":{"@class":"org.springframework.cloud.zookeeper.discovery.ZookeeperInstance","id":"7e5a","name":"calc","metadata":{"instance_status":"UP","version":"1.2","weight":"7","zone":"a"}},"registrationTimeUTC":1763702648355,"serviceType":"DYNAMIC","uriSpec":null}"#;
        assert_eq!(written(&record), text);
        let read = decode(text.as_bytes()).unwrap();
        assert_eq!((read.weight, read.zone.as_str(), read.draining), (7, "a", false));
        assert_eq!(read.metadata.into_iter().collect::<Vec<_>>(), [("version".into(), "1.2".into())]);

        for out in [Record { draining: true, ..record.clone() }, Record { weight: 0, ..record }] {
            let text = written(&out);
            assert!(text.contains(r#""instance_status":"OUT_OF_SERVICE""#), "{text}");
            let read = decode(text.as_bytes()).unwrap();
            assert_eq!((read.weight, read.draining), (0, true));
        }
    }

    #[test]
    fn instances_of_spring_cloud_and_dubbo_are_understood() {
        let spring = |status: &str| {
            format!(
                r#"{{"name":"app","id":"1","address":"host1","port":8080,"sslPort":null,"payload":{{"@class":"org.springframework.cloud.zookeeper.discovery.ZookeeperInstance","id":"app-1","name":"app","metadata":{{"instance_status":"{status}","weight":"7","zone":"a"}}}},"registrationTimeUTC":1700000000000,"serviceType":"DYNAMIC","uriSpec":{{"parts":[{{"value":"scheme","variable":true}}]}}}}"#
            )
        };
        let up = decode(spring("UP").as_bytes()).unwrap();
        assert_eq!((up.address.as_str(), up.weight, up.zone.as_str()), ("host1:8080", 7, "a"));
        assert!(up.metadata.is_empty() && !up.draining);
        assert_eq!(decode(spring("OUT_OF_SERVICE").as_bytes()).unwrap().weight, 0);
        let dubbo = br#"{"name":"demo-provider","id":"192.168.1.5:20880","address":"192.168.1.5","port":20880,"sslPort":null,"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"192.168.1.5:20880","name":"demo-provider","metadata":{"dubbo.endpoints":"[{\"port\":20880,\"protocol\":\"dubbo\"}]","dubbo.metadata.revision":"b13fd44a9b22a3bd1f4a2d4a7c9b4d55","dubbo.metadata.storage-type":"local"}},"registrationTimeUTC":1700000000000,"serviceType":"DYNAMIC","uriSpec":null}"#;
        let read = decode(dubbo).unwrap();
        assert_eq!((read.address.as_str(), read.weight), ("192.168.1.5:20880", 100));
        assert_eq!(read.metadata["dubbo.metadata.storage-type"], "local");
        // The status counts, however much there is beside it.
        let much = "x".repeat(3_000);
        let text = format!(
            r#"{{"address":"h","port":1,"payload":{{"metadata":{{"a":"{much}","b":"{much}","c":"3","instance_status":"DOWN"}}}}}}"#
        );
        let read = decode(text.as_bytes()).unwrap();
        assert_eq!(
            (read.weight, read.metadata.into_keys().collect::<Vec<_>>()),
            (0, vec!["a".into(), "c".into()])
        );
        for payload in ["null", "7", r#""x""#, "{}", r#"{"metadata":[]}"#, r#"{"metadata":{"weight":[]}}"#] {
            let text = format!(r#"{{"address":"h","port":1,"payload":{payload}}}"#);
            assert_eq!(decode(text.as_bytes()).unwrap().weight, 100, "{payload}");
        }
        assert_eq!(decode(br#"{"address":"h","sslPort":443,"enabled":false}"#).unwrap().weight, 0);
    }

    #[test]
    fn junk_is_refused() {
        for text in [&b"junk"[..], b"{}", br#"{"address":"h"}"#, br#"{"address":"h","port":"x"}"#] {
            assert!(decode(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }
}
