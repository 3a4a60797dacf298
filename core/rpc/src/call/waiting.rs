//! A call that waits: for providers to be listed, for a connection, or for any endpoint to be there.

use super::{Call, Phase};
use crate::retry;
use crate::waiting_room::Seat;
use libfast_model::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// There while a call waits, and until its request leaves.
pub(super) struct Patience {
    _seat: Seat,
    /// When it gives up on the endpoint whose connection it waits for.
    until: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Why it did not go through so far.
    last: Option<Error>,
}

/// Longest between two looks of a call that waits until an endpoint is ready. It is told of most that happens, and looks sooner.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

impl Call {
    /// Waits for providers to be listed, if there is room for one more.
    pub(super) fn wait(&mut self) -> Result<()> {
        if self.patience.is_none() {
            let seat = self.client.shared().allowance.waiting_room().enter()?;
            self.patience = Some(Box::new(Patience { _seat: seat, until: None, last: None }));
        }
        Ok(())
    }

    /// Waits for the connection to the endpoint that was chosen. Fails when that takes too long.
    pub(super) fn wait_for_connection(&mut self, now: Instant) -> Result<()> {
        self.wait()?;
        let limit = self.client.shared().allowance.connect_wait;
        let until = match &self.patience.as_ref().expect("it waits").until {
            Some((until, _)) => *until,
            None => {
                let Some(until) = now.checked_add(limit) else { return Ok(()) };
                let sleep = self.sleep_until(until);
                self.patience.as_mut().expect("it waits").until = Some((until, sleep));
                until
            }
        };
        if now < until {
            return Ok(());
        }
        let message = format!("no connection within `connect_wait_ms` of {} ms", limit.as_millis());
        Err(Error::new(ErrorKind::Connect, message))
    }

    /// Another endpoint was chosen, which has all the time again.
    pub(super) fn wait_anew(&mut self) {
        if let Some(patience) = &mut self.patience {
            patience.until = None;
        }
    }

    /// Why a call that waits for an endpoint to be ready did not go through so far.
    pub(super) fn last_failure(&self) -> Option<&Error> {
        self.patience.as_ref()?.last.as_ref()
    }

    /// Ready when it has waited for a connection for long enough.
    pub(super) fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.patience.as_mut().and_then(|patience| patience.until.as_mut()) {
            Some((_, sleep)) if matches!(self.phase, Phase::Connecting { .. }) => sleep.as_mut().poll(cx),
            _ => Poll::Pending,
        }
    }

    /// The call cannot go anywhere at present. Waits until that changes, if it shall; otherwise this is its end.
    #[cold]
    pub(super) fn wait_or_fail(&mut self, error: Error) -> Result<()> {
        if !self.options.wait_for_ready || self.delivered || !retry::could_be_ready_later(&error) {
            return Err(self.describe(error, None));
        }
        if let Err(full) = self.wait() {
            return Err(self.describe(full, None));
        }
        // As if nothing had been tried.
        (self.attempts, self.vain_connections, self.channel) = (0, 0, None);
        self.tried.clear();
        self.patience.as_mut().expect("it waits").last = Some(error);
        let pause = LOOK_AGAIN.mul_f64(0.5 + 0.5 * fastrand::f64());
        self.phase = Phase::Awaiting { pause: self.sleep_until(Instant::now() + pause), told: false };
        Ok(())
    }
}
