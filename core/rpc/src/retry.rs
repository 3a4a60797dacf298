//! Repeating a call: whether that is safe, what it costs, and what the failure says about the endpoint.

use libfast_balance::Outcome;
use libfast_model::{Error, ErrorKind, Progress};
use std::time::Duration;

/// Longest pause before the first repetition; each further one doubles it.
const PAUSE: Duration = Duration::from_millis(25);

/// Whether a call that failed so may be made again.
pub(crate) fn is_safe(error: &Error, idempotent: bool) -> bool {
    error.is_retriable() || idempotent && may_have_run(error)
}

/// Whether its endpoint may be at work on the call, and others like it.
fn may_have_run(error: &Error) -> bool {
    error.kind() == ErrorKind::ConnectionLost && error.progress() == Progress::Unknown
}

/// Whether it was the connection that failed, with nothing of the call sent: the endpoint may take it over another one.
pub(crate) fn is_of_connection(error: &Error) -> bool {
    error.kind() == ErrorKind::ConnectionLost && error.progress() == Progress::NotStarted
}

/// Whether a call that failed so, with nothing sent, would go through if only an endpoint were there.
pub(crate) fn could_be_ready_later(error: &Error) -> bool {
    use ErrorKind::*;
    error.progress() == Progress::NotStarted
        && matches!(error.kind(), Connect | ConnectionLost | NoEndpoint | Registry)
}

/// Whether nobody took the call: it was refused, or nobody was there.
pub(crate) fn is_refusal(error: &Error) -> bool {
    error.is_retriable()
}

/// Whether the attempt was a burden to anybody, so that one more has to be paid for. What never left this process was none.
pub(crate) fn is_charged(error: &Error) -> bool {
    error.remote().is_some() || error.progress() != Progress::NotStarted
}

/// How long to wait before the attempt after `attempts` others, the last of which failed so. Where the call cannot have run there is
/// nothing to wait for; otherwise full jitter, or all calls of a lost connection come down on the others at once.
pub(crate) fn pause(error: &Error, attempts: u32) -> Duration {
    if !may_have_run(error) {
        return Duration::ZERO;
    }
    let doubled = 1 << attempts.saturating_sub(1).min(10);
    (PAUSE * doubled).mul_f64(fastrand::f64())
}

/// What the failure says about the endpoint. `None`: nothing, since the reason is on this side.
pub(crate) fn outcome(error: &Error) -> Option<Outcome> {
    match (error.kind(), error.remote()) {
        // Those whose requests were under way say what there is to say.
        _ if is_of_connection(error) => None,
        (ErrorKind::Connect | ErrorKind::ConnectionLost, _) => Some(Outcome::Failed),
        (ErrorKind::Overload, Some(remote)) => Some(Outcome::Refused(retry_after(&remote.info))),
        (ErrorKind::Remote, _) => Some(Outcome::Answered),
        _ => None,
    }
}

/// For how long a server that refused wants no calls: the member `retryAfterMs` of its error's info.
fn retry_after(info: &str) -> Duration {
    #[derive(serde::Deserialize)]
    struct Info {
        #[serde(rename = "retryAfterMs")]
        retry_after_ms: f64,
    }
    let ms = serde_json::from_str(info).map_or(0.0, |info: Info| info.retry_after_ms);
    // A server that says something absurd has said nothing.
    Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use libfast_model::RemoteError;

    fn refused(info: &str) -> Error {
        let remote = RemoteError::new("FastOverloaded", "full").with_info(info);
        Error::new(ErrorKind::Overload, "full").with_remote(remote)
    }

    #[test]
    fn a_refusal_says_for_how_long_unless_that_is_absurd() {
        for (info, ms) in [
            (r#"{"retryAfterMs":250}"#, 250),
            (r#"{"retryAfterMs":1.5e3,"processed":false}"#, 1500),
            (r#"{"retryAfterMs":-1}"#, 0),
            (r#"{"retryAfterMs":1e300}"#, 0),
            (r#"{"retryAfterMs":"soon"}"#, 0),
            (r#"{}"#, 0),
            ("", 0),
        ] {
            let wanted = Some(Outcome::Refused(Duration::from_millis(ms)));
            assert_eq!(outcome(&refused(info)), wanted, "{info}");
        }
    }

    #[test]
    fn what_is_local_says_nothing_about_the_endpoint() {
        use ErrorKind::*;
        for kind in [Overload, Abandoned, Closed, TooLarge, Timeout, Invalid] {
            assert_eq!(outcome(&Error::new(kind, "x")), None, "{kind:?}");
        }
    }

    #[test]
    fn only_what_may_have_run_waits_and_only_what_was_sent_costs() {
        let lost = Error::new(ErrorKind::ConnectionLost, "x");
        let broken = lost.clone().with_progress(Progress::Unknown);
        let longest = |error| (0..200).map(|_| pause(error, 1)).max().unwrap();
        assert!(longest(&broken) <= PAUSE && longest(&broken) > PAUSE / 2);
        assert!((0..200).any(|_| pause(&broken, 3) > PAUSE));
        assert_eq!((longest(&lost), longest(&refused(""))), (Duration::ZERO, Duration::ZERO));
        assert_eq!([&lost, &refused(""), &broken].map(is_charged), [false, true, true]);
        assert_eq!([&lost, &refused(""), &broken].map(|error| is_safe(error, false)), [true, true, false]);
        assert!(is_safe(&broken, true) && !is_safe(&broken.with_progress(Progress::Finished), true));
    }
}
