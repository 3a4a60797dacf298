//! Looks after the servers of a client: whether those that say nothing are there.

use crate::client::Shared;
use crate::connection::Patience;
use libfast_model::ClientOptions;
use std::sync::Weak;
use std::time::{Duration, Instant};

/// Looks are so far apart at most, and so close at least.
const LONGEST: Duration = Duration::from_millis(500);
const SHORTEST: Duration = Duration::from_millis(5);
/// As long as any answer is awaited: what a server that stands still costs a call depends on it.
const SOON: Duration = Duration::from_millis(50);

/// Runs as long as the client lives. One timer for all of its connections, and nothing for each call.
pub(crate) async fn look_after(client: Weak<Shared>, options: &ClientOptions) {
    let silence = Duration::from_millis(options.ping_after_ms);
    let answer = Duration::from_millis(options.ping_timeout_ms);
    if silence.is_zero() {
        return;
    }
    let rest = (silence.min(answer) / 4).clamp(SHORTEST, LONGEST);
    let soon = rest.min(SOON);
    let patience = Patience { silence, answer, odd: soon * 2 };
    let mut pause = rest;
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(pause).await;
        let Some(client) = client.upgrade() else { return };
        let now = Instant::now();
        let stood_still = now.duration_since(last) > pause * 2 + LONGEST;
        last = now;
        let mut any_awaited = false;
        for connection in client.connections.open() {
            any_awaited |= connection.look_after(now, patience, stood_still);
        }
        pause = if any_awaited { soon } else { rest };
    }
}
