//! Whether the server is listed, for whoever looks at the terminal or the journal.

use crate::output;
use libfast::{AnnouncementState, Server};

/// Says when the server is not listed although it should be, and when it is again.
pub async fn tell(server: Server) {
    let mut states = server.watch_announcement();
    let mut is_missing = false;
    loop {
        let state = states.borrow_and_update().clone();
        // Why it is tried in vain may be put in other words each time.
        match state.error() {
            Some(error) if !std::mem::replace(&mut is_missing, true) => {
                output::say(&output::printable(&format!("serving, but not announced: {error}")));
            }
            None if matches!(state, AnnouncementState::Registered) && std::mem::take(&mut is_missing) => {
                output::say("announced");
            }
            _ => {}
        }
        if states.changed().await.is_err() {
            return;
        }
    }
}
