//! A timer that is exact to some microseconds, where the runtime's own is to a millisecond.

use libfast::{Error, ErrorKind, Result};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use std::io;
use std::time::{Duration, Instant};
use tokio::net::unix::pipe::Receiver;

/// One timer of the kernel.
///
/// To tokio it is the reading end of a pipe, which it resembles in all that is used here; `AsyncFd`, the more obvious
/// choice, can be made only in unsafe code.
pub struct Timer {
    fd: Receiver,
    armed: Option<Instant>,
}

impl Timer {
    /// In a tokio runtime.
    pub fn new() -> Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let fd = timerfd_create(TimerfdClockId::Monotonic, flags).map_err(|error| refused(error.into()))?;
        Ok(Self { fd: Receiver::from_owned_fd_unchecked(fd).map_err(refused)?, armed: None })
    }

    /// Waits until that time; for ever without one. Cancel safe.
    pub async fn until(&mut self, time: Option<Instant>) -> Result<()> {
        let Some(time) = time else { return std::future::pending().await };
        let wait = time.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            return Ok(());
        }
        if self.armed != Some(time) {
            let value = timespec(wait);
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            let once = Itimerspec { it_interval: zero, it_value: value };
            // Setting it also takes back that it has run out.
            timerfd_settime(&self.fd, TimerfdTimerFlags::empty(), &once)
                .map_err(|error| refused(error.into()))?;
            self.armed = Some(time);
        }
        loop {
            self.fd.readable().await.map_err(refused)?;
            match self.fd.try_read(&mut [0; 8]) {
                // An earlier time made it readable; the one that counts has not come yet.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(refused(error)),
                Ok(_) => {
                    self.armed = None;
                    return Ok(());
                }
            }
        }
    }
}

fn timespec(wait: Duration) -> Timespec {
    // The clock cannot hold more than some centuries, nor does anybody wait for them.
    Timespec { tv_sec: wait.as_secs().min(MOST_SECONDS) as i64, tv_nsec: i64::from(wait.subsec_nanos()) }
}

fn refused(error: io::Error) -> Error {
    Error::new(ErrorKind::NoMemory, format!("the system refuses a timer: {error}"))
}

const MOST_SECONDS: u64 = 1 << 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_are_never_too_short_and_can_be_moved() {
        let mut timer = Timer::new().unwrap();
        let start = Instant::now();
        tokio::select! {
            biased;
            _ = timer.until(Some(start + Duration::from_secs(3600))) => panic!("too early"),
            () = tokio::task::yield_now() => {}
        }
        for ms in [1, 2, 3] {
            let time = start + Duration::from_millis(ms);
            timer.until(Some(time)).await.unwrap();
            assert!(Instant::now() >= time);
        }
        timer.until(Some(start)).await.unwrap();
    }
}
