//! Under which address a server is found.

use libfast_model::{Address, Error, ErrorKind, Registry, Result};
use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// Where the address comes from if the option is empty, as in containers whose image does not know it.
const VARIABLE: &str = "FAST_ADVERTISE";
/// How the interfaces begin that lead to containers and virtual machines of this machine only.
const BRIDGES: [&str; 8] = ["docker", "br-", "veth", "virbr", "cni", "lxcbr", "lxdbr", "podman"];

/// The address to announce: the option `advertise`, else `$FAST_ADVERTISE`, else the one listened on. A server that listens
/// on all addresses is found on this machine's loopback in a folder registry, and in ZooKeeper under the address from which
/// this machine reaches ZooKeeper. What others cannot call is announced only if it was written out. Asks the resolver for
/// the names of the ZooKeeper servers, which may take seconds.
pub(crate) fn advertised(option: &str, listening: Option<&Address>, registry: &Registry) -> Result<Address> {
    let variable = std::env::var(VARIABLE).unwrap_or_default();
    let told = if option.is_empty() { (format!("${VARIABLE}"), &*variable) } else { (name(), option) };
    choose(told, listening, registry, &Machine::this())
}

/// What is asked of the machine.
struct Machine<'m> {
    /// Its interfaces, by their names.
    interfaces: Vec<(String, IpAddr)>,
    /// The source address of what it sends to a host.
    source: &'m dyn Fn(&str) -> Option<IpAddr>,
}

impl Machine<'_> {
    fn this() -> Self {
        let found = if_addrs::get_if_addrs().unwrap_or_default();
        let interfaces =
            found.into_iter().map(|interface| (interface.name.clone(), interface.ip())).collect();
        Self { interfaces, source: &source_address }
    }

    /// Whether other machines may be able to call it.
    fn is_outward(&self, ip: &IpAddr) -> bool {
        let is_bridge = |name: &str| BRIDGES.iter().any(|bridge| name.starts_with(bridge));
        let is_link_local = match ip {
            IpAddr::V4(ip) => ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        let leads_inward = self.interfaces.iter().any(|(name, its)| its == ip && is_bridge(name));
        !ip.is_loopback() && !is_link_local && !leads_inward
    }
}

fn choose(
    (place, told): (String, &str),
    listening: Option<&Address>,
    registry: &Registry,
    machine: &Machine<'_>,
) -> Result<Address> {
    let wrong = |why: String| Error::new(ErrorKind::Invalid, format!("{place}: {why}"));
    if !told.is_empty() {
        let told: Address = told.parse().map_err(|error| wrong(format!("{error}")))?;
        // Port 0 stands for the port that was found, so that one can advertise another host alone.
        let address = match (told, listening) {
            (Address::Tcp { host, port: 0 }, Some(Address::Tcp { port, .. })) => {
                Address::Tcp { host, port: *port }
            }
            (told, _) => told,
        };
        return match &address {
            Address::Tcp { port: 0, .. } => {
                Err(wrong(format!("{address} has port 0, which nobody can call")))
            }
            _ if ip_of(&address).is_some_and(|ip| ip.is_unspecified()) => {
                Err(wrong(format!("{address} is every address, which nobody can call; name one")))
            }
            _ => Ok(address),
        };
    }
    let wrong = |why: String| Error::new(ErrorKind::Invalid, format!("{}: {why}", name()));
    let Some(listening) = listening else {
        return Err(wrong("is empty; set it to the address that is served".into()));
    };
    let Registry::ZooKeeper { hosts, .. } = registry else {
        return Ok(match (ip_of(listening), listening) {
            (Some(ip), Address::Tcp { port, .. }) if ip.is_unspecified() => {
                tcp(Ipv4Addr::LOCALHOST.into(), *port)
            }
            _ => listening.clone(),
        });
    };
    let sources: Vec<_> = hosts.iter().filter_map(|host| (machine.source)(host)).collect();
    // With ZooKeeper on loopback everybody is on this machine. One member of several says nothing: that is where this machine
    // is one of the ensemble's.
    let is_local = !sources.is_empty() && sources.iter().all(IpAddr::is_loopback);
    let is_far = !is_local && !sources.is_empty();
    match (listening, ip_of(listening)) {
        (Address::Tcp { port, .. }, Some(any)) if any.is_unspecified() => {
            let is_served = |ip: &IpAddr| any.is_ipv6() || ip.is_ipv4();
            if is_local {
                return Ok(tcp(
                    sources.into_iter().find(is_served).unwrap_or(Ipv4Addr::LOCALHOST.into()),
                    *port,
                ));
            }
            let others = machine.interfaces.iter().map(|(_, ip)| *ip);
            let found =
                sources.iter().copied().chain(others).find(|ip| is_served(ip) && machine.is_outward(ip));
            let nothing = || {
                wrong(format!(
                    "is empty, {listening} is every address, and this machine has none on which others can call it; name one"
                ))
            };
            found.map(|ip| tcp(ip, *port)).ok_or_else(nothing)
        }
        (Address::Unix(_), _) if is_far => Err(wrong(only_here(listening))),
        (_, Some(ip)) if ip.is_loopback() && is_far => Err(wrong(only_here(listening))),
        _ => Ok(listening.clone()),
    }
}

fn name() -> String {
    "option \"advertise\"".into()
}

fn only_here(listening: &Address) -> String {
    format!(
        "is empty, and {listening} can be called from this machine only, while ZooKeeper is on another; listen on 0.0.0.0:0, \
         or name the address to announce"
    )
}

fn tcp(ip: IpAddr, port: u16) -> Address {
    Address::Tcp { host: ip.to_string(), port }
}

fn ip_of(address: &Address) -> Option<IpAddr> {
    match address {
        Address::Tcp { host, .. } if host == "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        Address::Tcp { host, .. } => host.parse().ok(),
        Address::Unix(_) => None,
    }
}

/// The source address that the system chooses towards a host. Connecting a UDP socket sends nothing.
fn source_address(host: &str) -> Option<IpAddr> {
    ["0.0.0.0:0", "[::]:0"].iter().find_map(|any| {
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect(host).ok()?;
        Some(socket.local_addr().ok()?.ip())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with a loopback, a bridge to its containers, and one way out, from which it reaches these hosts.
    fn of(told: &str, listening: &str, registry: &str) -> Result<String> {
        let source = |host: &str| {
            let source = match host {
                "127.0.0.1:2181" | "localhost:2181" => "127.0.0.1",
                "[::1]:2181" => "::1",
                "far:2181" => "10.0.0.5",
                "far6:2181" => "2001:db8::5",
                "container:2181" => "172.17.0.1",
                _ => return None,
            };
            source.parse().ok()
        };
        let interfaces = [
            ("lo", "127.0.0.1"),
            ("lo", "::1"),
            ("docker0", "172.17.0.1"),
            ("eth0", "fe80::1"),
            ("eth0", "10.0.0.5"),
            ("eth0", "2001:db8::5"),
        ];
        let interfaces = interfaces.map(|(name, ip)| (name.to_owned(), ip.parse().unwrap())).to_vec();
        let machine = Machine { interfaces, source: &source };
        let listening: Option<Address> = (!listening.is_empty()).then(|| listening.parse().unwrap());
        choose((name(), told), listening.as_ref(), &registry.parse().unwrap(), &machine)
            .map(|a| a.to_string())
    }

    #[test]
    fn the_address_is_one_that_can_be_called() {
        let far = "zk://far:2181";
        for (told, listening, registry, announced) in [
            // What is written out counts, wherever it leads.
            ("db:0", "0.0.0.0:7", "dir:", "db:7"),
            ("db:9", "", far, "db:9"),
            ("127.0.0.1:0", "127.0.0.1:7", far, "127.0.0.1:7"),
            ("[2001:db8::9]:0", "[::]:7", far, "[2001:db8::9]:7"),
            ("unix:/run/x", "0.0.0.0:7", far, "unix:/run/x"),
            // So does the one address that is listened on, if others can call it.
            ("", "10.0.0.5:7", far, "10.0.0.5:7"),
            ("", "[2001:db8::5]:7", far, "[2001:db8::5]:7"),
            ("", "myhost:7", far, "myhost:7"),
            ("", "127.0.0.1:7", "dir:", "127.0.0.1:7"),
            ("", "unix:/run/x", "dir:", "unix:/run/x"),
            // Of all addresses, the one towards ZooKeeper.
            ("", "0.0.0.0:7", far, "10.0.0.5:7"),
            ("", "[::]:7", far, "10.0.0.5:7"),
            ("", "[::]:7", "zk://far6:2181", "[2001:db8::5]:7"),
            ("", "0.0.0.0:7", "zk://unknown:2181,far:2181", "10.0.0.5:7"),
            // It must be of the kind that is listened on.
            ("", "0.0.0.0:7", "zk://far6:2181", "10.0.0.5:7"),
            // ZooKeeper in a container of this machine does not mean that its clients are there, too.
            ("", "0.0.0.0:7", "zk://container:2181", "10.0.0.5:7"),
            // Nor does one member of the ensemble.
            ("", "0.0.0.0:7", "zk://localhost:2181,far:2181", "10.0.0.5:7"),
            ("", "[::]:7", "zk://far6:2181,[::1]:2181", "[2001:db8::5]:7"),
            // With all of ZooKeeper on loopback, all are on this machine.
            ("", "0.0.0.0:7", "zk://127.0.0.1:2181", "127.0.0.1:7"),
            ("", "0.0.0.0:7", "zk://localhost:2181,127.0.0.1:2181", "127.0.0.1:7"),
            ("", "[::]:7", "zk://[::1]:2181", "[::1]:7"),
            ("", "0.0.0.0:7", "zk://[::1]:2181", "127.0.0.1:7"),
            ("", "[::1]:7", "zk://[::1]:2181", "[::1]:7"),
            ("", "unix:/run/x", "zk://localhost:2181", "unix:/run/x"),
            ("", "0.0.0.0:7", "dir:", "127.0.0.1:7"),
            // Nothing is known of where ZooKeeper is: announcing will tell.
            ("", "127.0.0.1:7", "zk://unknown:2181", "127.0.0.1:7"),
        ] {
            let found = of(told, listening, registry);
            assert_eq!(
                found.as_deref().ok(),
                Some(announced),
                "{told:?} {listening:?} {registry}: {found:?}"
            );
        }
    }

    #[test]
    fn what_nobody_can_call_is_refused_with_a_remedy() {
        let far = "zk://far:2181";
        for (told, listening, registry, why) in [
            ("", "", far, "is empty"),
            ("nonsense", "0.0.0.0:7", far, "nonsense"),
            ("db:0", "", far, "port 0"),
            ("0.0.0.0:9", "0.0.0.0:9", far, "every address"),
            ("[::]:0", "[::]:9", far, "every address"),
            ("", "127.0.0.1:7", far, "from this machine only"),
            ("", "localhost:7", far, "from this machine only"),
            ("", "[::1]:7", far, "from this machine only"),
            ("", "unix:/run/x", far, "from this machine only"),
            ("", "127.0.0.1:7", "zk://localhost:2181,far:2181", "from this machine only"),
        ] {
            let error = of(told, listening, registry).unwrap_err();
            let names = error.message().contains("advertise") && error.message().contains(why);
            assert!(names && error.kind() == ErrorKind::Invalid, "{told:?} {listening:?}: {error}");
        }
    }

    #[test]
    fn this_machine_has_a_loopback_that_is_not_announced() {
        let machine = Machine::this();
        let loopback = machine.interfaces.iter().find(|(_, ip)| ip.is_loopback());
        assert!(!machine.is_outward(&loopback.expect("it has one").1));
    }
}
