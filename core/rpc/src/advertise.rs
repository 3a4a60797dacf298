//! Under which address a server is found.

use libfast_model::{Address, Error, ErrorKind, Registry, Result, ServerOptions};
use std::net::{IpAddr, UdpSocket};

/// The address to announce: `advertise` if it is set, else the one listened on. A server that listens on all addresses
/// is found on this machine's loopback in a folder registry, and in ZooKeeper under the address from which this machine
/// reaches ZooKeeper.
pub(crate) fn advertised(
    options: &ServerOptions,
    listening: Option<&Address>,
    registry: &Registry,
) -> Result<Address> {
    let wrong = |why: String| Error::new(ErrorKind::Invalid, format!("option \"advertise\": {why}"));
    let written = match options.advertise.as_str() {
        "" => listening
            .cloned()
            .ok_or_else(|| wrong("is empty; set it to the address that is served".into()))?,
        text => text.parse().map_err(|error| wrong(format!("{error}")))?,
    };
    // Port 0 stands for the port that was found, so that one can advertise another host alone.
    let address = match (written, listening) {
        (Address::Tcp { host, port: 0 }, Some(Address::Tcp { port, .. })) => {
            Address::Tcp { host, port: *port }
        }
        (written, _) => written,
    };
    let Address::Tcp { host, port } = &address else { return Ok(address) };
    if *port == 0 {
        return Err(wrong(format!("{address} has port 0, which nobody can call")));
    }
    let ip: Option<IpAddr> = host.parse().ok();
    if !ip.is_some_and(|ip| ip.is_unspecified()) {
        return Ok(address);
    }
    let host = match registry {
        Registry::Dir(_) => "127.0.0.1".to_owned(),
        Registry::ZooKeeper { hosts, .. } => source_address(hosts).ok_or_else(|| {
            wrong(format!(
                "is empty, {address} is no address to call, and none of {} can be routed to",
                hosts.join(",")
            ))
        })?,
    };
    Ok(Address::Tcp { host, port: *port })
}

/// The source address that the system chooses towards one of the hosts. Connecting a UDP socket sends nothing.
fn source_address(hosts: &[String]) -> Option<String> {
    hosts.iter().find_map(|host| {
        ["0.0.0.0:0", "[::]:0"].iter().find_map(|any| {
            let socket = UdpSocket::bind(any).ok()?;
            socket.connect(host).ok()?;
            Some(socket.local_addr().ok()?.ip().to_string())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(advertise: &str, listening: Option<&str>, registry: &str) -> Result<String> {
        let mut options = ServerOptions::default();
        options.advertise = advertise.into();
        let listening = listening.map(|text| text.parse().unwrap());
        advertised(&options, listening.as_ref(), &registry.parse().unwrap()).map(|a| a.to_string())
    }

    #[test]
    fn the_address_is_one_that_can_be_called() {
        assert_eq!(of("", Some("127.0.0.1:7"), "dir:").unwrap(), "127.0.0.1:7");
        assert_eq!(of("db:0", Some("0.0.0.0:7"), "dir:").unwrap(), "db:7");
        assert_eq!(of("db:9", None, "dir:").unwrap(), "db:9");
        assert_eq!(of("", Some("0.0.0.0:7"), "dir:").unwrap(), "127.0.0.1:7");
        assert_eq!(of("", Some("0.0.0.0:7"), "zk://127.0.0.1:2181").unwrap(), "127.0.0.1:7");
        assert!(of("", None, "dir:").unwrap_err().message().contains("advertise"));
        assert!(of("nonsense", None, "dir:").unwrap_err().message().contains("nonsense"));
    }
}
