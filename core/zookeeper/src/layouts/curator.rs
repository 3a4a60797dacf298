//! Curator's service discovery, which Spring Cloud ZooKeeper and Dubbo 3 (application level) use: `<root>/<service>/<id>`,
//! ephemeral.

use super::{address, json, junk};
use libfast_model::{Address, Endpoint, Error, ErrorKind, Result};
use libfast_registry::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Members in the order in which Curator writes them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'i> {
    name: &'i str,
    id: &'i str,
    address: &'i str,
    port: u16,
    ssl_port: Option<u16>,
    /// Whoever reads a payload must know its class, and nobody needs this.
    payload: Option<()>,
    #[serde(rename = "registrationTimeUTC")]
    registration_time_utc: u64,
    service_type: &'static str,
    uri_spec: Option<()>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    address: String,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    ssl_port: Option<u16>,
    #[serde(default)]
    payload: Option<Value>,
    #[serde(default, rename = "registrationTimeUTC")]
    registration_time_utc: u64,
    #[serde(default)]
    enabled: Option<bool>,
}

/// What the instance `id` of `service` writes. It has no word for weight or draining: who drains is taken off.
pub fn encode(service: &str, id: &str, record: &Record) -> Result<Vec<u8>> {
    let parsed = record.address.parse().map_err(|error| junk(format!("{error}")))?;
    let Address::Tcp { host, port } = &parsed else {
        let message = format!("layout curator: {} cannot be listed: it is no host and port", record.address);
        return Err(Error::new(ErrorKind::Invalid, message));
    };
    let instance = Written {
        name: service,
        id,
        address: host,
        port: *port,
        ssl_port: None,
        payload: None,
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
    let metadata = |name: &str| instance.payload.as_ref()?.get("metadata")?.get(name)?.as_str();
    let is_up = metadata("instance_status").is_none_or(|status| status.eq_ignore_ascii_case("UP"));
    let weight = metadata("weight").and_then(|weight| weight.parse().ok());
    Ok(Record {
        address: address(&instance.address, port),
        weight: match is_up && instance.enabled.unwrap_or(true) {
            true => weight.unwrap_or(Endpoint::DEFAULT_WEIGHT),
            false => 0,
        },
        zone: metadata("zone").unwrap_or_default().to_owned(),
        started_ms: instance.registration_time_utc,
        ..super::unknown()
    })
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
        assert_eq!(encode("calc", "7e5a71bb46794e9f9d9bf1df0b384258", &record).unwrap(), text);
        let read = decode(text).unwrap();
        assert_eq!(
            (read.address.as_str(), read.weight, read.started_ms),
            ("10.0.0.5:2030", 100, 1_763_702_648_355)
        );
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
        assert_eq!(decode(spring("OUT_OF_SERVICE").as_bytes()).unwrap().weight, 0);
        let dubbo = br#"{"name":"demo-provider","id":"192.168.1.5:20880","address":"192.168.1.5","port":20880,"sslPort":null,"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"192.168.1.5:20880","name":"demo-provider","metadata":{"dubbo.endpoints":"[{\"port\":20880,\"protocol\":\"dubbo\"}]","dubbo.metadata.revision":"b13fd44a9b22a3bd1f4a2d4a7c9b4d55","dubbo.metadata.storage-type":"local"}},"registrationTimeUTC":1700000000000,"serviceType":"DYNAMIC","uriSpec":null}"#;
        let read = decode(dubbo).unwrap();
        assert_eq!((read.address.as_str(), read.weight), ("192.168.1.5:20880", 100));
        assert_eq!(decode(br#"{"address":"h","sslPort":443,"enabled":false}"#).unwrap().weight, 0);
    }

    #[test]
    fn junk_is_refused() {
        for text in [&b"junk"[..], b"{}", br#"{"address":"h"}"#, br#"{"address":"h","port":"x"}"#] {
            assert!(decode(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }
}
