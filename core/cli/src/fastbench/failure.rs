//! Why a request failed, and how often which failure came.

use crate::output::printable;
use libfast::{Error, ErrorKind};
use std::collections::BTreeMap;

/// Why a request failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What is counted: the name of the server's error, else the code of the library's.
    pub name: String,
    pub message: String,
    /// The library's error, if it is not the server's answer that is wrong.
    pub error: Option<Error>,
}

impl Failure {
    /// An answer that is not what was expected.
    pub fn answer(message: String) -> Self {
        Self { name: "unexpected answer".into(), message, error: None }
    }

    /// Whether it is the connection that failed, or that there is none.
    pub fn is_of_connection(&self) -> bool {
        let kind = self.error.as_ref().map(Error::kind);
        matches!(kind, Some(ErrorKind::ConnectionLost | ErrorKind::Protocol)) || self.is_unreachable()
    }

    /// Whether nobody was reached.
    pub fn is_unreachable(&self) -> bool {
        let kind = self.error.as_ref().map(Error::kind);
        matches!(kind, Some(ErrorKind::Connect | ErrorKind::NoEndpoint | ErrorKind::Registry))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let name = match error.remote() {
            Some(remote) if !remote.name.is_empty() => remote.name.as_str(),
            _ => error.kind().spec().name,
        };
        Self { name: name.to_owned(), message: error.message().to_owned(), error: Some(error) }
    }
}

/// How often each failure came, by name, with the first message of each.
#[derive(Debug, Clone, Default)]
pub struct Failures(BTreeMap<String, (u64, String)>);

impl Failures {
    /// Counts one.
    pub fn add(&mut self, failure: &Failure) {
        self.count(&failure.name, 1, &failure.message);
    }

    /// Counts all of another.
    pub fn merge(&mut self, other: &Self) {
        for (name, (count, message)) in &other.0 {
            self.count(name, *count, message);
        }
    }

    /// How often each came.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.0.iter().map(|(name, (count, _))| (name.clone(), *count)).collect()
    }

    /// A line for each.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.0
            .iter()
            .map(|(name, (count, message))| format!("{count} x {}: {}", printable(name), printable(message)))
    }

    fn count(&mut self, name: &str, times: u64, message: &str) {
        // A server can make up as many names as it likes.
        let name = if self.0.len() < MOST_NAMES || self.0.contains_key(name) { name } else { OTHERS };
        let entry = self.0.entry(name.to_owned()).or_insert_with(|| (0, message.to_owned()));
        entry.0 += times;
    }
}

const MOST_NAMES: usize = 32;
const OTHERS: &str = "others";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded_and_counts_are_complete() {
        let mut failures = Failures::default();
        for number in 0..1000 {
            failures.add(&Failure { name: format!("Name{number}"), message: String::new(), error: None });
        }
        let mut all = Failures::default();
        all.merge(&failures);
        all.merge(&failures);
        let counts = all.counts();
        assert_eq!(counts.len(), MOST_NAMES + 1);
        assert_eq!(counts.values().sum::<u64>(), 2000);
    }
}
