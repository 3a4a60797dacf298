//! When a connection that is good is used no more: its server wants that, nobody needs it, or it is old.

use super::Channel;
use crate::connection::Shared;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// Why a connection is used no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retired {
    /// The server asked its clients to leave.
    Left,
    Idle,
    /// Another one has taken its place.
    Old,
}

impl Retired {
    /// The word for the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Idle => "idle",
            Self::Old => "age",
        }
    }
}

/// Looks for calls within the time that a connection may be idle.
const LOOKS: u32 = 4;
/// By how much ages differ, so that connections that were made together are not renewed together.
const JITTER: f64 = 0.1;
/// How long an old connection goes on when no other could be made.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// Waits until it is to be used no more.
pub(super) async fn until_retired(channel: &Weak<Channel>, connection: &Arc<Shared>) -> Retired {
    let Some((idle, age)) = channel.upgrade().map(|channel| channel.limits()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        () = connection.asked_to_leave() => Retired::Left,
        () = until_idle(connection, idle) => Retired::Idle,
        () = until_replaced(channel, age) => Retired::Old,
    }
}

impl Channel {
    /// How long a connection may be without calls, and how old it may get. Zero is no limit.
    fn limits(&self) -> (Duration, Duration) {
        let age = Duration::from_millis(self.options.connection_age_ms);
        let jitter = 1.0 + JITTER * (2.0 * fastrand::f64() - 1.0);
        (Duration::from_millis(self.options.connection_idle_ms), age.mul_f64(jitter))
    }
}

async fn until_idle(connection: &Shared, limit: Duration) {
    if limit.is_zero() {
        return std::future::pending().await;
    }
    let (mut since, mut before) = (Instant::now(), connection.calls_started());
    loop {
        tokio::time::sleep(limit / LOOKS).await;
        let (now, started) = (Instant::now(), connection.calls_started());
        // One that is in doubt is asked whether it is there, over this connection.
        if started != before || connection.calls() > 0 || connection.is_in_doubt() {
            (since, before) = (now, started);
        } else if now.duration_since(since) >= limit {
            return;
        }
    }
}

/// Returns when it has got old and a younger one is there, so that no call waits.
async fn until_replaced(channel: &Weak<Channel>, age: Duration) {
    if age.is_zero() {
        return std::future::pending().await;
    }
    tokio::time::sleep(age).await;
    loop {
        let Some(now) = channel.upgrade() else { return std::future::pending().await };
        if now.take_turn().is_none()
            && let Ok((younger, reader)) = now.connect().await
        {
            return now.add(younger, reader);
        }
        drop(now);
        tokio::time::sleep(TRY_AGAIN).await;
    }
}
