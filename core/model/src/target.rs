//! Target strings: one grammar for all languages, tools and configuration files.

use crate::{Address, Error, ErrorKind, Result};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The name of a service: 1 to 128 of `A-Z a-z 0-9 . _ -`, not starting with a dot or a dash, so that it is a
/// legal file name and a legal ZooKeeper path segment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServiceName(String);

impl ServiceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.is_empty() || text.len() > 128 || text.starts_with(['.', '-']) || !text.chars().all(legal) {
            return Err(invalid(format!(
                "service name {text:?}: use 1 to 128 letters, digits, '.', '_' or '-', and start with a letter or digit"
            )));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where providers are listed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Registry {
    /// A folder of this machine; `None` is the user's own default folder.
    Dir(Option<PathBuf>),
    /// A ZooKeeper ensemble.
    ZooKeeper {
        /// `host:port` of each server, at least one.
        hosts: Vec<String>,
        /// The path below which services live, such as `/fast`. Starts with a slash, does not end with one.
        root: String,
    },
}

/// Whom to call, or under which name to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Endpoints that are written out.
    Fixed(Vec<Address>),
    /// A service of a registry.
    Service {
        /// Where its providers are listed.
        registry: Registry,
        /// Its name.
        service: ServiceName,
    },
}

/// The environment variable that names the default registry.
const DEFAULT_REGISTRY_VARIABLE: &str = "FAST_REGISTRY";
const DEFAULT_ZOOKEEPER_ROOT: &str = "/fast";
const FORMS: &str = "write a service name, host:port[,host:port…], unix:/path, dir:///folder/service or zk://host:port/root/service";

impl Target {
    /// Parses a target; a bare service name belongs to `$FAST_REGISTRY`, else to `dir:`.
    pub fn parse(text: &str) -> Result<Self> {
        let default = std::env::var(DEFAULT_REGISTRY_VARIABLE).unwrap_or_default();
        Self::parse_in(text, &default)
    }

    /// As [`parse`](Self::parse), with the default registry given; empty means `dir:`.
    pub fn parse_in(text: &str, default_registry: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(invalid(format!("the target is empty; {FORMS}")));
        }
        if let Some(rest) = text.strip_prefix("dir:") {
            let Some(path) = rest.strip_prefix("//").filter(|path| path.starts_with('/')) else {
                return Err(invalid(format!(
                    "target {text:?}: a folder registry needs an absolute path, as in dir:///run/fast/echo"
                )));
            };
            let (folder, service) = split_last(text, path)?;
            return Ok(Self::Service { registry: Registry::Dir(Some(folder.into())), service });
        }
        if let Some(rest) = text.strip_prefix("zk://") {
            refuse_credentials(rest)?;
            let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
            let path = format!("/{path}");
            let (root, service) = split_last(text, &path)?;
            return Ok(Self::Service { registry: zookeeper(text, hosts, root)?, service });
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(invalid(format!("target {text:?}: the scheme {scheme:?} is unknown; {FORMS}")));
        }
        if text.contains(':') {
            let addresses = text.split(',').map(|part| part.trim().parse::<Address>());
            let addresses: Vec<_> = addresses
                .collect::<std::result::Result<_, _>>()
                .map_err(|error| invalid(format!("target {text:?}: {error}")))?;
            if let Some(bad) = addresses.iter().find(|a| matches!(a, Address::Tcp { port: 0, .. })) {
                return Err(invalid(format!(
                    "target {text:?}: {bad} has port 0, which nobody can listen on"
                )));
            }
            return Ok(Self::Fixed(addresses));
        }
        let service = text.parse().map_err(|error: Error| error.context(format!("target {text:?}")))?;
        Ok(Self::Service { registry: default_registry.parse()?, service })
    }
}

impl FromStr for Registry {
    type Err = Error;

    /// Accepts the empty text and `dir:` (the default folder), `dir:///folder` and `zk://hosts[/root]`.
    fn from_str(text: &str) -> Result<Self> {
        if matches!(text, "" | "dir:") {
            return Ok(Self::Dir(None));
        }
        if let Some(path) = text.strip_prefix("dir://").filter(|path| path.starts_with('/')) {
            return Ok(Self::Dir(Some(path.into())));
        }
        if let Some(rest) = text.strip_prefix("zk://") {
            refuse_credentials(rest)?;
            let (hosts, root) = rest.split_once('/').unwrap_or((rest, ""));
            return zookeeper(text, hosts, &format!("/{root}"));
        }
        Err(invalid(format!(
            "registry {text:?}: write dir:, dir:///folder or zk://host:port[,host:port…][/root]"
        )))
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dir(None) => f.write_str("dir:"),
            Self::Dir(Some(folder)) => write!(f, "dir://{}", folder.display()),
            Self::ZooKeeper { hosts, root } => write!(f, "zk://{}{root}", hosts.join(",")),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(addresses) => {
                let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                f.write_str(&texts.join(","))
            }
            Self::Service { registry: Registry::Dir(None), service } => write!(f, "{service} in dir:"),
            Self::Service { registry, service } => write!(f, "{registry}/{service}"),
        }
    }
}

/// Splits `/folder/service` into the folder and the service.
fn split_last<'p>(text: &str, path: &'p str) -> Result<(&'p str, ServiceName)> {
    let (folder, service) = path.rsplit_once('/').unwrap_or(("", path));
    if service.is_empty() {
        return Err(invalid(format!(
            "target {text:?}: the service is missing; it is the last part of the path"
        )));
    }
    let service = service.parse().map_err(|error: Error| error.context(format!("target {text:?}")))?;
    Ok((if folder.is_empty() { "/" } else { folder }, service))
}

/// Targets are shown in logs and statistics. What may hold a secret is not even shown in the error.
fn refuse_credentials(rest: &str) -> Result<()> {
    if !rest.contains('@') {
        return Ok(());
    }
    let message = "a zk:// target has no credentials in it; put them into a file and name it with the option zookeeper_auth_file";
    Err(invalid(message.into()))
}

fn zookeeper(text: &str, hosts: &str, root: &str) -> Result<Registry> {
    let hosts: Vec<String> = hosts
        .split(',')
        .map(|host| {
            // The port may be left out, as everywhere in ZooKeeper's own tools.
            let full = if host.contains(':') { host.to_owned() } else { format!("{host}:2181") };
            match full.parse::<Address>() {
                Ok(Address::Tcp { port, .. }) if port != 0 && !host.is_empty() => Ok(full),
                _ => {
                    Err(invalid(format!("target {text:?}: {host:?} is no ZooKeeper server; write host:port")))
                }
            }
        })
        .collect::<Result<_>>()?;
    let root = root.trim_end_matches('/');
    let legal_segment = |segment: &str| {
        !matches!(segment, "" | "." | ".." | "zookeeper")
            && !segment.chars().any(|c| c.is_control() || c == ' ')
    };
    if !root.is_empty() && !root[1..].split('/').all(legal_segment) {
        return Err(invalid(format!("target {text:?}: {root:?} is no path for ZooKeeper")));
    }
    let root = if root.is_empty() { DEFAULT_ZOOKEEPER_ROOT } else { root };
    Ok(Registry::ZooKeeper { hosts, root: root.to_owned() })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Target::parse_in(text, "").unwrap().to_string()
    }

    #[test]
    fn each_form_is_understood() {
        assert_eq!(shown("echo"), "echo in dir:");
        assert_eq!(shown("10.0.0.5:2030,[::1]:2031"), "10.0.0.5:2030,[::1]:2031");
        assert_eq!(shown("unix:/run/echo.sock"), "unix:/run/echo.sock");
        assert_eq!(shown("dir:///run/fast/echo"), "dir:///run/fast/echo");
        assert_eq!(shown("zk://h1:2181,h2/prod/svc/echo"), "zk://h1:2181,h2:2181/prod/svc/echo");
        assert_eq!(shown("zk://h1/echo"), "zk://h1:2181/fast/echo");
    }

    #[test]
    fn a_bare_service_takes_the_default_registry() {
        let target = Target::parse_in("echo", "zk://h1:2181").unwrap();
        assert_eq!(target.to_string(), "zk://h1:2181/fast/echo");
        let target = Target::parse_in("echo", "dir:///tmp/r").unwrap();
        assert_eq!(target.to_string(), "dir:///tmp/r/echo");
        assert!(Target::parse_in("echo", "etcd://x").is_err());
    }

    #[test]
    fn a_password_in_a_target_is_refused_and_not_repeated() {
        for text in ["zk://fleet:hunter2@h:1/root/calc", "zk://fleet:hun/ter2@h/calc", "zk://hunter2@h"] {
            let errors = [Target::parse_in(text, "").unwrap_err(), text.parse::<Registry>().unwrap_err()];
            for error in errors {
                let message = error.message();
                assert!(message.contains("zookeeper_auth_file") && !message.contains("ter2"), "{error}");
            }
        }
    }

    #[test]
    fn refused_forms_say_what_and_how() {
        for (text, why) in [
            ("", "empty"),
            ("dir:relative/echo", "absolute"),
            ("dir:///", "service is missing"),
            ("zk://h1:2181", "service is missing"),
            ("zk://:x/echo", "no ZooKeeper server"),
            ("zk:///echo", "no ZooKeeper server"),
            ("zk://h/a//b/echo", "no path"),
            ("http://h/echo", "unknown"),
            ("h:0", "port 0"),
            ("h:1,", "address"),
            ("a b", "service name"),
            (".hidden", "service name"),
        ] {
            let error = Target::parse_in(text, "").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.message().contains(why), "{text}: {error}");
        }
    }
}
