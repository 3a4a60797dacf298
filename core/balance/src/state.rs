//! How an endpoint stands.

/// What the owner of an endpoint says about its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing speaks against it.
    Ready,
    /// A connection is being made: it is used only if nothing else is ready. Leave an endpoint that is connected when first
    /// wanted as ready, or it is never wanted.
    Connecting,
    /// It said that it is about to stop: it serves what comes, but gets calls only if nothing better is left.
    Draining,
    /// Its last connection failed; it is tried only if no better endpoint is left.
    Suspended,
}

/// How an endpoint stands in all, the best first: the order in which endpoints are considered before load is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It takes calls.
    Ready,
    /// A connection is being made.
    Connecting,
    /// It is about to stop.
    Draining,
    /// It answers neither calls nor pings.
    Silent,
    /// Its last connection failed.
    Suspended,
    /// Its calls failed too often. It gets one call when its time is over.
    Ejected,
}

impl State {
    /// The word for operators.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Connecting => "connecting",
            Self::Draining => "draining",
            Self::Silent => "silent",
            Self::Suspended => "suspended",
            Self::Ejected => "ejected",
        }
    }
}
