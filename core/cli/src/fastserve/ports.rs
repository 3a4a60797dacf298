//! Where to listen: one address for calls, another one for monitoring.

use libfast::Address;

/// The two addresses. Port 0 takes a free one.
#[derive(Debug, PartialEq, Eq)]
pub struct Ports {
    /// For calls.
    pub fast: Address,
    /// For monitoring; always TCP.
    pub monitoring: Address,
}

impl Ports {
    /// Reads what was given of `--port` and `--listen`, of which the latter counts, and of `--mon-port`. The error is
    /// worded as node-fast words it, for scripts that look for it.
    pub fn read(port: &str, listen: Option<&str>, monitoring: Option<&str>) -> Result<Self, String> {
        let fast = match listen {
            Some(address) => address.parse::<Address>().map_err(|error| format!("--listen: {error}"))?,
            None => local(read_port(port).map_err(|found| format!("invalid fast TCP port: {found}"))?),
        };
        let invalid = |found: String| format!("invalid monitoring TCP port: {found}");
        let monitoring = match (monitoring, &fast) {
            (Some(address), _) if address.contains(':') => {
                match address.parse().map_err(|error| invalid(format!("{error}")))? {
                    Address::Unix(_) => return Err(invalid(format!("{address} is no TCP address"))),
                    address => address,
                }
            }
            (Some(port), _) => local(read_port(port).map_err(invalid)?),
            (None, Address::Unix(_) | Address::Tcp { port: 0, .. }) => local(0),
            (None, Address::Tcp { port, .. }) => {
                let far = u32::from(*port) + APART;
                local(u16::try_from(far).map_err(|_| {
                    invalid(format!("{far}, which is {APART} above {port}; choose one with -m"))
                })?)
            }
        };
        match (&fast, &monitoring) {
            (Address::Tcp { port, .. }, Address::Tcp { port: other, .. }) if port == other && *port != 0 => {
                Err(format!("fast and monitoring TCP ports must differ: {port}"))
            }
            _ => Ok(Self { fast, monitoring }),
        }
    }
}

/// The monitoring port is this much above the other one, unless it is given.
const APART: u32 = 800;

fn local(port: u16) -> Address {
    Address::Tcp { host: "127.0.0.1".into(), port }
}

/// A port in digits and nothing else. The error is what node-fast says of what it found.
fn read_port(text: &str) -> Result<u16, String> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = unsigned.len() - unsigned.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    match unsigned.split_at(digits) {
        ("", _) => Err(format!("Error: invalid number: {text:?}")),
        (_, "") => text.parse().map_err(|_| text.to_owned()),
        (_, rest) => Err(format!("Error: trailing characters after number: {rest:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monitoring_port_follows_the_other_unless_it_is_given() {
        for (port, listen, monitoring, expected) in [
            ("2030", None, None, ["127.0.0.1:2030", "127.0.0.1:2830"]),
            ("2030", None, Some("9"), ["127.0.0.1:2030", "127.0.0.1:9"]),
            ("64736", None, Some("0.0.0.0:64735"), ["127.0.0.1:64736", "0.0.0.0:64735"]),
            ("0", None, None, ["127.0.0.1:0", "127.0.0.1:0"]),
            ("2030", Some("[::]:7"), None, ["[::]:7", "127.0.0.1:807"]),
            ("2030", Some("unix:/s"), None, ["unix:/s", "127.0.0.1:0"]),
        ] {
            let ports = Ports::read(port, listen, monitoring).unwrap();
            assert_eq!([ports.fast.to_string(), ports.monitoring.to_string()], expected);
        }
    }

    #[test]
    fn what_is_wrong_is_said_as_in_node_fast() {
        for (port, listen, monitoring, message) in [
            ("abc", None, None, r#"invalid fast TCP port: Error: invalid number: "abc""#),
            ("", None, None, r#"invalid fast TCP port: Error: invalid number: """#),
            ("2e3", None, None, r#"invalid fast TCP port: Error: trailing characters after number: "e3""#),
            ("65536", None, None, "invalid fast TCP port: 65536"),
            ("-1", None, None, "invalid fast TCP port: -1"),
            ("1", None, Some("x"), r#"invalid monitoring TCP port: Error: invalid number: "x""#),
            ("1", None, Some("70000"), "invalid monitoring TCP port: 70000"),
            ("1", None, Some("unix:/m"), "invalid monitoring TCP port: unix:/m is no TCP address"),
            (
                "64736",
                None,
                None,
                "invalid monitoring TCP port: 65536, which is 800 above 64736; choose one with -m",
            ),
            ("2030", None, Some("2030"), "fast and monitoring TCP ports must differ: 2030"),
            ("2030", Some(":1"), Some("1"), "fast and monitoring TCP ports must differ: 1"),
        ] {
            assert_eq!(Ports::read(port, listen, monitoring).unwrap_err(), message);
        }
    }
}
