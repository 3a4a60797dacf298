//! What servers say of themselves beside what a balancer wants to know.

use crate::{Error, ErrorKind, Result};
use std::collections::BTreeMap;

/// Values by name, as a server announces them: its version, the shard that it has. The library makes nothing of them.
pub type Metadata = BTreeMap<String, String>;

/// Reads the option `metadata`: `name=value`, separated by commas. A value may have a `=`, neither part a comma.
pub fn parse_metadata(text: &str) -> Result<Metadata> {
    let mut metadata = Metadata::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let wrong = |why: &str| {
            let message = format!("option \"metadata\": {pair:?} {why}; write name=value,name=value");
            Err(Error::new(ErrorKind::Invalid, message))
        };
        match pair.split_once('=') {
            None => return wrong("has no ="),
            Some(("", _)) => return wrong("has no name"),
            Some((name, value)) => {
                if metadata.insert(name.to_owned(), value.to_owned()).is_some() {
                    return wrong("has a name that came before");
                }
            }
        }
    }
    Ok(metadata)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_what_is_none_is_refused() {
        let read = parse_metadata("version=1.2, shard=a=b,empty=,").unwrap();
        let pairs: Vec<_> = read.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("empty", ""), ("shard", "a=b"), ("version", "1.2")]);
        assert!(parse_metadata(" ").unwrap().is_empty());
        for (text, why) in [("version", "no ="), ("=1", "no name"), ("a=1,a=2", "before")] {
            let error = parse_metadata(text).unwrap_err();
            assert!(error.message().contains("metadata") && error.message().contains(why), "{error}");
        }
    }
}
