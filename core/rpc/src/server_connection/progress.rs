//! Clients that get on with nothing: those that do not send the rest of a message, and those that take nothing.

use super::ServerConnection;
use crate::server_account::Stalled;
use crate::socket::Reader;
use bytes::BytesMut;
use std::io;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;

/// The part of a message that has come.
#[derive(Debug, Default)]
pub(super) struct Part {
    since: Option<Instant>,
}

/// A message may take longer than `receive_timeout_ms` if it comes at this rate: a large one on a narrow path.
const LEAST_BYTES_PER_SECOND: u32 = 1024;
/// How often it is looked, in `send_timeout_ms`, whether a client takes anything.
const LOOKS: u32 = 10;
/// What a client must take at least. The system of one that reads nothing takes a little as well, when it is asked whether it has
/// room.
const LEAST_TAKEN_PER_SECOND: u32 = 128;

impl Part {
    /// Bytes were taken from the front: what is left begins another message.
    pub fn completed(&mut self) {
        self.since = None;
    }

    /// Until when more must have come; `None` if nothing has begun.
    fn deadline(&mut self, bytes: usize, limit: Duration) -> Option<Instant> {
        if bytes == 0 || limit.is_zero() {
            self.since = None;
            return None;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let earned = Duration::from_secs(bytes as u64) / LEAST_BYTES_PER_SECOND;
        Some(since + limit.max(earned))
    }
}

impl ServerConnection {
    /// Reads, but does not wait for the rest of a message for ever.
    pub(super) async fn read(
        &self,
        reader: &mut Reader,
        input: &mut BytesMut,
        part: &mut Part,
    ) -> io::Result<usize> {
        let limit = self.server.options.receive_timeout_ms;
        let Some(deadline) = part.deadline(input.len(), Duration::from_millis(limit)) else {
            return reader.read(input).await;
        };
        let read = timeout_at(deadline.into(), reader.read(input)).await;
        read.unwrap_or_else(|_| {
            let why = format!("the rest of a message did not come for `receive_timeout_ms` of {limit}");
            Err(self.stalled(Stalled::Received, why))
        })
    }

    /// Waits until the kernel takes more, but not for ever.
    pub(super) async fn taken(&self) -> io::Result<()> {
        let limit_ms = self.server.options.send_timeout_ms;
        if limit_ms == 0 {
            return self.socket.writable().await;
        }
        let limit = Duration::from_millis(limit_ms);
        let least = (limit * LEAST_TAKEN_PER_SECOND).as_secs().max(1);
        // What is unsent is asked only of clients that do not read at once.
        if let Ok(writable) = tokio::time::timeout(limit / LOOKS, self.socket.writable()).await {
            return writable;
        }
        let (mut since, mut unsent, mut taken) = (Instant::now(), self.socket.unsent(), 0);
        loop {
            let Some(offered) = self.push_all().await? else { return Ok(()) };
            // Nobody else writes meanwhile.
            let before = std::mem::replace(&mut unsent, self.socket.unsent());
            taken += (before + offered).saturating_sub(unsent);
            if taken >= least {
                (since, taken) = (Instant::now(), 0);
            } else if since.elapsed() >= limit {
                self.socket.reset_when_closed();
                let why = format!("the client took next to nothing for `send_timeout_ms` of {limit_ms}");
                return Err(self.stalled(Stalled::Sent, why));
            }
            if let Ok(writable) = tokio::time::timeout(limit / LOOKS, self.socket.writable()).await {
                return writable;
            }
        }
    }

    /// Offers output to a kernel that does not call itself writable, which it does only when a third of its buffer is free: a client
    /// that reads slowly may take long for that. Returns how many bytes it took; `None` if that was all.
    async fn push_all(&self) -> io::Result<Option<u64>> {
        let mut offered = 0;
        loop {
            let (taken, waiting) = self.push()?;
            offered += taken as u64;
            match (taken, waiting) {
                (_, 0) => return Ok(None),
                (0, _) => return Ok(Some(offered)),
                // Those who write more may do so now.
                _ => tokio::task::yield_now().await,
            }
        }
    }

    /// Returns how many bytes it took, and how many wait.
    fn push(&self) -> io::Result<(usize, usize)> {
        let mut state = self.lock();
        let taken = self.socket.push(state.wire.transmit())?;
        Ok((taken, self.wake_writers(state)))
    }

    fn stalled(&self, what: Stalled, why: String) -> io::Error {
        self.lock().account.stalled(what, &why);
        io::Error::new(io::ErrorKind::TimedOut, why)
    }
}
