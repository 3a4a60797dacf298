//! An endpoint that was chosen for a call.

use crate::{Member, Moment};
use std::sync::Arc;
use std::time::Duration;

/// A chosen endpoint, which counts as loaded with one call until this value is dropped. A drop without
/// [`record`](Self::record) says nothing about the endpoint: for calls that were abandoned, or refused by this process
/// itself.
#[derive(Debug)]
pub struct Pick<T> {
    member: Arc<Member<T>>,
    began: Moment,
    recorded: bool,
}

/// How an endpoint did its part of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It answered, whatever the answer says: the handler's error is the handler's.
    Answered,
    /// The connection failed, or what came made no sense.
    Failed,
    /// Nothing came in time.
    TimedOut,
    /// It declined, being overloaded or about to stop, and wants no calls for that long. Zero if it did not say.
    Refused(Duration),
}

impl<T> Pick<T> {
    /// A call to `member` begins. Make it before anything is awaited, or a burst of callers all see the same idle endpoint.
    pub fn begin(member: Arc<Member<T>>, now: Moment) -> Self {
        member.load.begin(now);
        if let Some(tally) = &member.tally {
            tally.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        Self { member, began: now, recorded: false }
    }

    /// The endpoint.
    pub fn member(&self) -> &Arc<Member<T>> {
        &self.member
    }

    /// When the call began.
    pub fn began(&self) -> Moment {
        self.began
    }

    /// Tells how the endpoint did; what is told later does not count. Tell [`Outcome::Answered`] at the first value of a
    /// stream: how long the rest takes is the method's affair. The call goes on as load until this value is dropped.
    pub fn record(&mut self, outcome: Outcome, now: Moment) {
        if std::mem::replace(&mut self.recorded, true) {
            return;
        }
        let load = &self.member.load;
        match outcome {
            Outcome::Answered => load.answer(now, self.began),
            Outcome::Failed => load.fail(now, self.began, false),
            Outcome::TimedOut => load.fail(now, self.began, true),
            Outcome::Refused(for_now) => load.refuse(now, for_now),
        }
    }

    /// As [`record`](Self::record), for a call whose `latency` was measured by somebody else.
    pub fn record_with_latency(&mut self, outcome: Outcome, now: Moment, latency: Duration) {
        self.began = Moment(now.0.saturating_sub(crate::moment::nanos(latency)));
        self.record(outcome, now);
    }
}

impl<T> Drop for Pick<T> {
    fn drop(&mut self) {
        if !self.recorded {
            self.member.load.settle();
        }
        self.member.load.end();
        if let Some(tally) = &self.member.tally {
            tally.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}
