//! Looks after the servers of a client: whether those that say nothing are there.

use crate::client::Shared;
use crate::connection::Patience;
use libfast_model::ClientOptions;
use std::sync::Weak;
use std::time::{Duration, Instant};

/// Looks are so far apart at most, and so close at least.
const LONGEST: Duration = Duration::from_millis(500);
const SHORTEST: Duration = Duration::from_millis(5);

/// Runs as long as the client lives. One timer for all of its connections, and nothing for each call.
pub(crate) async fn look_after(client: Weak<Shared>, options: &ClientOptions) {
    let patience = Patience {
        silence: Duration::from_millis(options.ping_after_ms),
        answer: Duration::from_millis(options.ping_timeout_ms),
    };
    if patience.silence.is_zero() {
        return;
    }
    let pause = (patience.silence.min(patience.answer) / 4).clamp(SHORTEST, LONGEST);
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(pause).await;
        let Some(client) = client.upgrade() else { return };
        let now = Instant::now();
        let stood_still = now.duration_since(last) > pause * 2 + LONGEST;
        last = now;
        for connection in client.connections.open() {
            connection.look_after(now, patience, stood_still);
        }
    }
}
