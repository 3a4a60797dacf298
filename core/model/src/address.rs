//! Where an endpoint listens: `host:port` or `unix:/path`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// An address that can be connected to. Its text form is the one users write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A host name or IP address (IPv6 without brackets) and a port, which may be 0 when binding.
    Tcp {
        /// Host name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A Unix socket at an absolute path.
    Unix(PathBuf),
}

/// Why a text is no [`Address`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressError(String);

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    /// Accepts `host:port`, `[v6]:port`, `:port` (meaning 127.0.0.1) and `unix:/path`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fail = |why: &str| Err(AddressError(format!("address {text:?}: {why}")));
        if let Some(path) = text.strip_prefix("unix:") {
            if !path.starts_with('/') {
                return fail("a Unix socket needs an absolute path, as in unix:/run/echo.sock");
            }
            if path.contains('\0') {
                return fail("the path contains a NUL byte");
            }
            // sockaddr_un holds 108 bytes with the closing NUL; a longer path fails later with less to go on.
            if path.len() > 107 {
                return fail("the path is longer than the 107 bytes that a Unix socket address can hold");
            }
            return Ok(Self::Unix(path.into()));
        }
        let Some((host, port)) = text.rsplit_once(':') else {
            return fail("the port is missing; write host:port");
        };
        let Ok(port) = port.parse::<u16>() else {
            return fail("the port must be a number from 0 to 65535");
        };
        let host = match host.strip_prefix('[') {
            Some(inner) => match inner.strip_suffix(']') {
                Some(v6) if v6.parse::<std::net::Ipv6Addr>().is_ok() => v6,
                _ => return fail("what is in brackets must be an IPv6 address"),
            },
            None if host.is_empty() => "127.0.0.1",
            None if host.contains(':') => return fail("an IPv6 address needs brackets, as in [::1]:2030"),
            None => host,
        };
        if host.len() > 255 || host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
            return fail("the host name has a character that no host name has, or is too long");
        }
        Ok(Self::Tcp { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_forms_keep_their_meaning() {
        for (text, shown) in [
            ("10.0.0.5:2030", "10.0.0.5:2030"),
            (":2030", "127.0.0.1:2030"),
            ("[::1]:0", "[::1]:0"),
            ("db.example:1", "db.example:1"),
            ("unix:/run/x.sock", "unix:/run/x.sock"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn refused_forms_say_why() {
        for (text, why) in [
            ("localhost", "port is missing"),
            ("h:70000", "number from 0 to 65535"),
            ("::1:2030", "needs brackets"),
            ("[x]:1", "IPv6"),
            ("unix:rel", "absolute path"),
            ("a b:1", "host name"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains(text), "{error}");
        }
    }
}
