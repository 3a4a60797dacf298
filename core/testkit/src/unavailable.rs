//! Why a real peer cannot be had on this machine.

use std::fmt;

/// Why a real peer could not be started, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unavailable {
    /// There is no `java` to run it.
    NoJava,
    /// Its packages are not here and could not be fetched; the text is what the tool said.
    NoPackages(String),
    /// It was started but never answered; the text ends with the last lines of its log.
    NoAnswer(String),
    /// The operating system refused something.
    Refused(String),
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoJava => f.write_str("java is missing; install a runtime, such as default-jre-headless"),
            Self::NoPackages(why) => write!(
                f,
                "ZooKeeper's Debian packages could not be fetched: {why}; on a machine with apt run `apt-get update`, \
                 or copy the folder zookeeper from a .build folder that has it and set FAST_BUILD_DIR to the latter"
            ),
            Self::NoAnswer(why) => write!(f, "ZooKeeper was started but does not answer: {why}"),
            Self::Refused(why) => {
                write!(f, "ZooKeeper could not be started: {why}; check the folder and its permissions")
            }
        }
    }
}

impl std::error::Error for Unavailable {}

impl From<std::io::Error> for Unavailable {
    fn from(error: std::io::Error) -> Self {
        Self::Refused(error.to_string())
    }
}
