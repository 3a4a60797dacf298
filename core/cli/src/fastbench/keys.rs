//! The keys that a user presses during a run.

use rustix::process::getpgrp;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use std::io::{self, IsTerminal, Read, Stdin};
use tokio::sync::mpsc;

/// Keys are heard one by one while this lives; then the terminal is as before.
pub struct Keys {
    before: Option<Termios>,
    pressed: mpsc::UnboundedReceiver<u8>,
}

impl Keys {
    /// Listens, if standard input is a terminal that this process may use.
    pub fn listen() -> Self {
        let (sender, pressed) = mpsc::unbounded_channel();
        let before = take_over(&io::stdin()).ok().flatten();
        if before.is_some() {
            // Reading cannot be called off; the thread ends with the process.
            std::thread::spawn(move || {
                let keys = io::stdin().lock().bytes().map_while(Result::ok);
                keys.map(|key| sender.send(key)).find(Result::is_err);
            });
        }
        Self { before, pressed }
    }

    /// Waits for that key; for ever if none can be heard. Cancel safe.
    pub async fn pressed(&mut self, key: u8) {
        while let Some(pressed) = self.pressed.recv().await {
            if pressed.eq_ignore_ascii_case(&key) {
                return;
            }
        }
        std::future::pending().await
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

/// Makes the terminal hand out keys at once and unseen. Ctrl-C stays the signal that it is.
fn take_over(input: &Stdin) -> io::Result<Option<Termios>> {
    // A job in the background that touches its terminal is stopped.
    if !input.is_terminal() || tcgetpgrp(input)? != getpgrp() {
        return Ok(None);
    }
    let before = tcgetattr(input)?;
    let mut modes = before.clone();
    modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
    tcsetattr(input, OptionalActions::Now, &modes)?;
    Ok(Some(before))
}
