//! Options by name, as foreign languages set them.

use libfast_model::{ClientOptions, Result, ServerOptions, find_option};

/// Options by name. Names and values are checked when they are set; that a client gets no options of servers, and the
/// reverse, when it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    pairs: Vec<(String, String)>,
}

impl Config {
    /// Sets an option; setting it again replaces the value. On error nothing is changed.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        // An option that clients and servers have has the same bounds for both.
        find_option(name)?.read::<String>(value)?;
        match self.pairs.iter_mut().find(|(known, _)| known == name) {
            Some(pair) => pair.1 = value.to_owned(),
            None => self.pairs.push((name.to_owned(), value.to_owned())),
        }
        Ok(())
    }

    /// The options of a client.
    pub fn client(&self) -> Result<ClientOptions> {
        ClientOptions::from_pairs(self.pairs())
    }

    /// The options of a server or an announcement.
    pub fn server(&self) -> Result<ServerOptions> {
        ServerOptions::from_pairs(self.pairs())
    }

    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_option_is_refused_when_it_is_set() {
        let mut config = Config::default();
        config.set("timeout_ms", "70").unwrap();
        assert!(config.set("timeout_ms", "soon").is_err());
        assert!(config.set("max_inflight", "0").is_err());
        assert!(config.set("nonsense", "1").is_err());
        assert_eq!(config.client().unwrap().timeout_ms, 70);
    }
}
