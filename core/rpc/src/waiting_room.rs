//! Calls that wait for providers to be listed or for connections, which are only so many at a time.

use libfast_model::{Error, ErrorKind, Result};
use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// So that a client without any server does not gather calls without end, which all come at once when there is one.
#[derive(Debug)]
pub(crate) struct WaitingRoom {
    taken: AtomicU64,
    most: u64,
    gauge: Option<Gauge>,
}

/// One call's place. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<WaitingRoom>);

impl WaitingRoom {
    pub fn new(most: u64, gauge: Option<Gauge>) -> Self {
        Self { taken: AtomicU64::new(0), most, gauge }
    }

    pub fn enter(self: &Arc<Self>) -> Result<Seat> {
        // The seat is taken first and given back if there was none, so two that come at once are not both too many.
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        if let Some(gauge) = &self.gauge {
            gauge.inc();
        }
        let seat = Seat(self.clone());
        if taken < self.most {
            return Ok(seat);
        }
        let message = format!(
            "`connect_wait_calls` of {} calls wait for a connection already; call less, or wait until the client is ready",
            self.most
        );
        Err(Error::new(ErrorKind::Overload, message))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
        if let Some(gauge) = &self.0.gauge {
            gauge.dec();
        }
    }
}
