//! What an operator decides about providers, over what they say of themselves.
//!
//! A registry keeps one text per service, apart from the entries, so that it outlives the providers and holds for those
//! that know nothing of it. Clients that resolve the service apply it.

use crate::Resolution;
use libfast_model::{Address, Endpoint, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What is decided about one address, for as long as it is not taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The weight that counts instead of the provider's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// It gets no new calls as long as there is another provider.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draining: bool,
}

/// What is decided about the providers of one service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides {
    #[serde(default)]
    overrides: BTreeMap<String, Override>,
}

/// Longest text that is read or written: a thousand addresses.
pub const MAX_OVERRIDES_BYTES: usize = 64 << 10;

impl Override {
    /// Whether it changes nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Changes an endpoint as decided. A provider that drains by itself goes on draining.
    pub fn apply(&self, endpoint: &mut Endpoint) {
        endpoint.weight = self.weight.unwrap_or(endpoint.weight);
        endpoint.draining |= self.draining;
    }
}

impl Overrides {
    /// Reads what is stored; an empty text decides nothing. The text is not trusted.
    pub fn from_json(text: &[u8]) -> Result<Self> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.len() > MAX_OVERRIDES_BYTES {
            return Err(junk(format!("{} bytes are more than {MAX_OVERRIDES_BYTES}", text.len())));
        }
        serde_json::from_slice(text).map_err(|error| junk(error.to_string()))
    }

    /// Whether nothing is decided.
    pub(crate) fn is_empty(&self) -> bool {
        self.overrides.is_empty()
    }

    /// What is decided about an address.
    pub fn of(&self, address: &str) -> Override {
        self.overrides.get(address).copied().unwrap_or_default()
    }

    /// The text after a `change` of what is decided about `address`. Members that this version does not know are kept; a
    /// text that cannot be read is an error, since somebody may need it. Empty if nothing is left that decides anything.
    pub fn edit(text: &[u8], address: &Address, change: impl FnOnce(&mut Override)) -> Result<Vec<u8>> {
        let mut decided = Self::from_json(text)?.of(&address.to_string());
        change(&mut decided);
        let mut document: Map<String, Value> = match text {
            [] => Map::new(),
            text => serde_json::from_slice(text).map_err(|error| junk(error.to_string()))?,
        };
        document.entry("v").or_insert(1.into());
        let overrides = document.entry("overrides").or_insert_with(|| Value::Object(Map::new()));
        // It was read as an object above.
        let Value::Object(overrides) = overrides else { return Err(junk("`overrides` is no object".into())) };
        match decided.is_none() {
            true => drop(overrides.remove(&address.to_string())),
            false => {
                let decided = serde_json::to_value(decided).expect("an override is plain data");
                overrides.insert(address.to_string(), decided);
            }
        }
        if overrides.is_empty() && document.keys().all(|name| matches!(name.as_str(), "v" | "overrides")) {
            return Ok(Vec::new());
        }
        let text = serde_json::to_vec(&document).expect("JSON was read as JSON");
        if text.len() > MAX_OVERRIDES_BYTES {
            let message =
                format!("no room for one more address in {MAX_OVERRIDES_BYTES} bytes; take some back");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        Ok(text)
    }

    /// What clients see of a list.
    pub fn apply(&self, mut resolution: Resolution) -> Resolution {
        if let Resolution::Bound(providers) = &mut resolution
            && !self.is_empty()
        {
            for provider in providers {
                self.of(&provider.endpoint.address.to_string()).apply(&mut provider.endpoint);
            }
        }
        resolution
    }
}

fn junk(why: String) -> Error {
    Error::new(ErrorKind::Registry, format!("what is decided about a service cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Provider;
    use serde_json::json;

    fn value(text: &[u8]) -> Value {
        serde_json::from_slice(text).unwrap()
    }

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn a_decision_holds_until_it_is_taken_back() {
        let drained = Overrides::edit(b"", &address("h:1"), |o| o.draining = true).unwrap();
        assert_eq!(value(&drained), json!({"v": 1, "overrides": {"h:1": {"draining": true}}}));
        let heavy = Overrides::edit(&drained, &address("h:2"), |o| o.weight = Some(7)).unwrap();
        let read = Overrides::from_json(&heavy).unwrap();
        assert_eq!(read.of("h:1"), Override { weight: None, draining: true });
        assert_eq!(read.of("h:2"), Override { weight: Some(7), draining: false });
        assert!(read.of("h:3").is_none());
        let light = Overrides::edit(&heavy, &address("h:2"), |o| o.weight = None).unwrap();
        assert_eq!(light, drained);
        assert!(Overrides::edit(&light, &address("h:1"), |o| o.draining = false).unwrap().is_empty());
    }

    #[test]
    fn what_later_versions_wrote_is_kept() {
        let text = br#"{"v":2,"limits":{"x":1},"overrides":{"h:1":{"weight":5,"later":1}}}"#;
        let edited = Overrides::edit(text, &address("h:1"), |o| o.weight = None).unwrap();
        assert_eq!(value(&edited), json!({"v": 2, "limits": {"x": 1}, "overrides": {}}));
    }

    #[test]
    fn junk_is_an_error_and_never_written_over() {
        for text in [&b"junk"[..], b"[1]", br#"{"overrides":[]}"#, &[b' '; MAX_OVERRIDES_BYTES + 1]] {
            assert!(Overrides::from_json(text).is_err());
            assert!(Overrides::edit(text, &address("h:1"), |o| o.draining = true).is_err());
        }
    }

    #[test]
    fn clients_see_the_decision_and_not_what_the_provider_says() {
        let provider = |text: &str| Provider { key: text.into(), endpoint: Endpoint::new(address(text)) };
        let overrides =
            Overrides::from_json(br#"{"overrides":{"h:1":{"weight":0,"draining":true}}}"#).unwrap();
        let Resolution::Bound(seen) =
            overrides.apply(Resolution::Bound(vec![provider("h:1"), provider("h:2")]))
        else {
            panic!("a list stays a list");
        };
        assert_eq!((seen[0].endpoint.weight, seen[0].endpoint.draining), (0, true));
        assert_eq!(seen[1], provider("h:2"));
        let mut drains = Endpoint { draining: true, ..Endpoint::new(address("h:1")) };
        Override { weight: Some(3), draining: false }.apply(&mut drains);
        assert!(drains.draining);
    }
}
