//! How a tool ends: its exit status and what it says about an error.

use libfast::{Error, ErrorKind, Progress};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The exit status of every tool. Scripts rely on the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Ok = 0,
    /// The server answered with an error.
    Remote = 1,
    /// The command line or an option is wrong.
    Usage = 2,
    /// Nothing could be reached: no connection, no endpoint, no registry.
    Unreachable = 3,
    /// The time ran out.
    Timeout = 4,
    /// The conversation broke: the peer does not speak Fast, or the connection was lost.
    Protocol = 5,
    /// An objective that was asked for was missed, or a check failed.
    Slo = 6,
    /// Interrupted by the user.
    Interrupted = 130,
}

/// The table of exit statuses, for help texts.
pub const CODES: &str = "Exit status: 0 ok, 1 the server answered with an error, 2 wrong usage, 3 cannot connect or no \
                         endpoint, 4 timeout, 5 connection broken or not Fast, 6 objective missed or check failed, 130 interrupted.";

impl Exit {
    /// The status for an error.
    pub fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Remote | ErrorKind::Overload => Self::Remote,
            ErrorKind::Connect | ErrorKind::NoEndpoint | ErrorKind::Registry => Self::Unreachable,
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::Protocol | ErrorKind::ConnectionLost | ErrorKind::Panic => Self::Protocol,
            // Too large to be sent is the caller's affair, too large to be received the server's.
            ErrorKind::TooLarge if error.progress() != Progress::NotStarted => Self::Protocol,
            ErrorKind::Interrupted => Self::Interrupted,
            // Only when the user asked for it.
            ErrorKind::Abandoned => Self::Ok,
            _ => Self::Usage,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Says what went wrong and what to do about it; an empty `help` means the remedy of the error's kind. Returns the
/// status to end with.
pub fn fail(error: &Error, help: &str) -> Exit {
    let spec = error.kind().spec();
    let mut text = format!("error[{}]: {}", spec.name, crate::output::printable(error.message()));
    let told = error.endpoint().is_empty() || error.message().contains(error.endpoint());
    if !told {
        text.push_str(&format!(" (from {})", error.endpoint()));
    }
    if let Some(remote) = error.remote().filter(|remote| !matches!(remote.info.as_str(), "" | "{}")) {
        text.push_str(&format!("\n  info: {}", crate::output::printable(&remote.info)));
    }
    let help = if help.is_empty() { spec.remedy } else { help };
    crate::output::say(&format!("{text}\n  help: {help}"));
    Exit::of(error)
}

/// Ends the process at the first SIGINT, whatever it is doing.
#[derive(Debug)]
pub struct Interrupt(Arc<AtomicU8>);

impl Interrupt {
    /// From now on, with that status.
    pub fn ends_with(exit: Exit) -> libfast::Result<Self> {
        let mut interrupts = signal(tokio::signal::unix::SignalKind::interrupt())?;
        let status = Arc::new(AtomicU8::new(exit as u8));
        let current = status.clone();
        tokio::spawn(async move {
            if interrupts.recv().await.is_some() {
                std::process::exit(current.load(Ordering::Acquire).into());
            }
        });
        Ok(Self(status))
    }

    /// From now on with another status.
    pub fn now_with(&self, exit: Exit) {
        self.0.store(exit as u8, Ordering::Release);
    }
}

/// Listens to a signal from now on.
pub fn signal(kind: tokio::signal::unix::SignalKind) -> libfast::Result<tokio::signal::unix::Signal> {
    tokio::signal::unix::signal(kind).map_err(|error| {
        Error::new(ErrorKind::Unsupported, format!("signals cannot be handled on this system: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_a_script_cares_for_has_its_number() {
        for (kind, number) in [
            (ErrorKind::Remote, 1),
            (ErrorKind::Invalid, 2),
            (ErrorKind::TooLarge, 2),
            (ErrorKind::Connect, 3),
            (ErrorKind::NoEndpoint, 3),
            (ErrorKind::Registry, 3),
            (ErrorKind::Timeout, 4),
            (ErrorKind::Protocol, 5),
            (ErrorKind::ConnectionLost, 5),
        ] {
            assert_eq!(Exit::of(&Error::new(kind, "")) as u8, number, "{kind:?}");
        }
        let received = Error::new(ErrorKind::TooLarge, "").with_progress(Progress::Unknown);
        assert_eq!(Exit::of(&received), Exit::Protocol);
    }
}
