//! Whether the server is listed, for whoever looks at the terminal or the journal.

use crate::output;
use libfast::{AnnouncementState, Server};

/// Says when the server is not listed although it should be, and when it is again.
pub async fn tell(server: Server) {
    let mut states = server.watch_announcement();
    // The state that was complained of: why it is tried in vain may be put in other words each time.
    let mut told = None;
    loop {
        let state = states.borrow_and_update().clone();
        if let Some(error) = state.error() {
            if told.replace(state.name()) != Some(state.name()) {
                output::say(&output::printable(&format!("serving, but not announced: {error}")));
            }
        } else if matches!(state, AnnouncementState::Registered) && told.take().is_some() {
            output::say("announced");
        }
        if states.changed().await.is_err() {
            return;
        }
    }
}
