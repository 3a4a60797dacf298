//! How often clients may ask, as it is written in options.

use crate::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;

/// One rate limit of a server, written as `client=* method=echo rate=100 burst=20`. `rate` must be there.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    /// Whose requests it counts.
    pub whose: Whose,
    /// The method whose requests it counts. `None` counts those of all methods together.
    pub method: Option<String>,
    /// Requests a second. 0 lets nothing through once `burst` is used up.
    pub per_second: f64,
    /// Requests that may come at once after a pause. Default a second's, at least 1.
    pub burst: u32,
}

/// Whose requests a [`RateLimit`] counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// All clients together.
    All,
    /// Each client by itself, written as `client=*`: by the name that it gives itself (`client_name`), or by its address if it
    /// gives none.
    EachClient,
    /// Each address by itself, written as `address=*`: what clients cannot choose.
    EachAddress,
    /// The clients with this name or IP address, together; `unix` are all without a name on a Unix socket.
    Client(String),
}

impl RateLimit {
    /// Those in `text`, with semicolons between them.
    pub fn parse_all(text: &str) -> Result<Vec<Self>> {
        text.split(';').filter(|one| !one.trim().is_empty()).map(str::parse).collect()
    }

    /// Which requests it counts, as it is written, without how many it lets through: `client=* method=echo`. Empty: all of them.
    pub fn counted(&self) -> String {
        let whose = match &self.whose {
            Whose::All => None,
            Whose::EachClient => Some("client=*".to_owned()),
            Whose::EachAddress => Some("address=*".to_owned()),
            Whose::Client(client) => Some(format!("client={client}")),
        };
        let method = self.method.as_ref().map(|method| format!("method={method}"));
        whose.into_iter().chain(method).collect::<Vec<_>>().join(" ")
    }
}

impl FromStr for RateLimit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = |why: String| {
            let example = "write it as in \"client=* method=echo rate=100 burst=20\"";
            Error::new(ErrorKind::Invalid, format!("rate limit {:?}: {why}; {example}", text.trim()))
        };
        let (mut client, mut address, mut method, mut rate, mut burst) = (None, None, None, None, None);
        for word in text.split_whitespace() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let place = match name {
                "client" => &mut client,
                "address" => &mut address,
                "method" => &mut method,
                "rate" => &mut rate,
                "burst" => &mut burst,
                _ => {
                    return Err(invalid(format!(
                        "{name:?} is none of client, address, method, rate and burst"
                    )));
                }
            };
            if value.is_empty() || place.replace(value.to_owned()).is_some() {
                return Err(invalid(format!("{name:?} needs one value")));
            }
        }
        let whose = match (client, address) {
            (None, None) => Whose::All,
            (Some(client), None) if client == "*" => Whose::EachClient,
            (Some(client), None) => Whose::Client(client),
            (None, Some(address)) if address == "*" => Whose::EachAddress,
            _ => return Err(invalid("\"address\" is for \"*\" alone, and not beside \"client\"".into())),
        };
        let per_second = rate.ok_or_else(|| invalid("there is no rate".into()))?;
        let valid_rate = per_second.parse().ok().filter(|rate: &f64| (0.0..=1e9).contains(rate));
        let per_second =
            valid_rate.ok_or_else(|| invalid(format!("rate {per_second:?} is no number up to 1e9")))?;
        let burst = match burst {
            None => (per_second.ceil() as u32).max(1),
            Some(burst) => {
                burst.parse().map_err(|_| invalid(format!("burst {burst:?} is no whole number")))?
            }
        };
        Ok(Self { whose, method, per_second, burst })
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = self.counted();
        if !counted.is_empty() {
            write!(f, "{counted} ")?;
        }
        write!(f, "rate={} burst={}", self.per_second, self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_back() {
        let text = "client=* method=echo rate=0.5 burst=20; rate=100 ; address=* rate=2;method=m rate=0 burst=0; client=10.0.0.1 rate=1;";
        let limits = RateLimit::parse_all(text).unwrap();
        let written: Vec<_> = limits.iter().map(ToString::to_string).collect();
        let expected = [
            "client=* method=echo rate=0.5 burst=20",
            "rate=100 burst=100",
            "address=* rate=2 burst=2",
            "method=m rate=0 burst=0",
            "client=10.0.0.1 rate=1 burst=1",
        ];
        assert_eq!(written, expected);
        assert_eq!(RateLimit::parse_all(&written.join(";")).unwrap(), limits);
        assert_eq!("rate=0.1".parse::<RateLimit>().unwrap().burst, 1);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, why) in [
            ("client=*", "there is no rate"),
            ("rate=fast", "\"fast\" is no number"),
            ("rate=-1", "\"-1\" is no number"),
            ("rate=NaN", "\"NaN\" is no number"),
            ("rate=1 burst=-1", "burst \"-1\" is no whole number"),
            ("rate=1 rate=2", "\"rate\" needs one value"),
            ("rate=1 method=", "\"method\" needs one value"),
            ("rate=1 peer=x", "\"peer\" is none of"),
            ("rate=1 address=10.0.0.1", "\"address\" is for \"*\" alone"),
            ("rate=1 address=* client=*", "\"address\" is for \"*\" alone"),
        ] {
            let error = RateLimit::parse_all(text).unwrap_err();
            assert!(error.message().contains(why) && error.message().contains(text), "{error}");
        }
    }
}
