//! What a target on the command line is about: a registry or a service of one.

use libfast::{Error, ErrorKind, Registry, Result, ServiceName, Target};
use std::fmt;

/// What is to be listed.
#[derive(Debug, PartialEq, Eq)]
pub enum Subject {
    /// All services of a registry.
    Registry(Registry),
    /// One service.
    Service(Registry, ServiceName),
    /// One of the two, which only the registries can tell: a service of the first, or all of the second.
    Either(Registry, ServiceName, Registry),
}

impl Subject {
    /// Reads a target; without one it is the default registry.
    pub fn parse(text: Option<&str>) -> Result<Self> {
        let default = std::env::var("FAST_REGISTRY").unwrap_or_default();
        match text {
            Some(text) => Self::parse_in(text, &default),
            None => Ok(Self::Registry(default.parse()?)),
        }
    }

    fn parse_in(text: &str, default_registry: &str) -> Result<Self> {
        let names_registry = text.starts_with("dir:") || text.starts_with("zk://");
        match Target::parse_in(text, default_registry) {
            Ok(Target::Fixed(_)) => Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "target {text:?} is an address, which no registry is asked about; name a service or a registry"
                ),
            )),
            Ok(Target::Service { registry, service }) => Ok(match text.parse() {
                Ok(whole) if names_registry => Self::Either(registry, service, whole),
                _ => Self::Service(registry, service),
            }),
            Err(_) if names_registry => Ok(Self::Registry(text.parse()?)),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(registry) | Self::Service(registry, _) | Self::Either(registry, ..) => {
                write!(f, "the registry {registry}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Subject {
        Subject::parse_in(text, "").unwrap()
    }

    fn registry(text: &str) -> Registry {
        text.parse().unwrap()
    }

    #[test]
    fn a_target_can_mean_a_registry_a_service_or_either() {
        let echo: ServiceName = "echo".parse().unwrap();
        assert_eq!(of("echo"), Subject::Service(registry("dir:"), echo.clone()));
        for whole in ["dir:", "dir:///run/fast/", "zk://h:1", "zk://h:1/fast/"] {
            assert_eq!(of(whole), Subject::Registry(registry(whole)));
        }
        let either = |of, whole| Subject::Either(registry(of), echo.clone(), registry(whole));
        assert_eq!(of("dir:///run/echo"), either("dir:///run", "dir:///run/echo"));
        assert_eq!(of("zk://h/a/echo"), either("zk://h/a", "zk://h/a/echo"));
        assert_eq!(of("zk://h/echo"), either("zk://h/fast", "zk://h/echo"));
        // A folder whose name no service can have.
        assert_eq!(of("dir:///run/.fast"), Subject::Registry(registry("dir:///run/.fast")));
    }

    #[test]
    fn addresses_and_nonsense_are_refused() {
        for (text, why) in
            [("h:1", "is an address"), ("a b", "service name"), ("dir:relative", "dir:///folder")]
        {
            let error = Subject::parse_in(text, "").unwrap_err();
            assert!(error.message().contains(why), "{error}");
        }
    }
}
