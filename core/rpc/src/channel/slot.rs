//! How the connections to one endpoint stand.

use crate::connection::Connection;
use crate::metrics::EndpointMeter;
use libfast_model::Error;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Slot {
    pub state: SlotState,
    /// Tries to connect that began, ever, but for those that add a connection to others.
    pub begun: u64,
    /// The number of the last try that failed.
    pub failed: u64,
    /// Nobody listened at the last try: whoever listens next is a new process.
    pub was_gone: bool,
    pub has_task: bool,
    /// One more connection is being made.
    pub grows: bool,
}

#[derive(Debug)]
pub(super) enum SlotState {
    Idle,
    Connecting,
    /// At least one.
    Ready(Vec<Arc<Connection>>),
    Failed(Error),
}

impl Slot {
    pub fn new(meter: Option<&EndpointMeter>) -> Self {
        let state = SlotState::Idle;
        state.count(1, meter);
        Self { state, begun: 0, failed: 0, was_gone: false, has_task: false, grows: false }
    }

    /// Changes the state, and the gauges with it.
    pub fn enter(&mut self, state: SlotState, meter: Option<&EndpointMeter>) {
        self.state.count(-1, meter);
        self.state = state;
        self.state.count(1, meter);
    }

    /// One more connection is there.
    pub fn add(&mut self, connection: Arc<Connection>, meter: Option<&EndpointMeter>) {
        match &mut self.state {
            SlotState::Ready(all) => {
                all.push(connection);
                if let Some(meter) = meter {
                    meter.connections("ready").inc();
                }
            }
            _ => self.enter(SlotState::Ready(vec![connection]), meter),
        }
    }

    /// Takes one out. True: it was the last one, and is still in place.
    pub fn remove(&mut self, which: impl Fn(&Connection) -> bool, meter: Option<&EndpointMeter>) -> bool {
        let SlotState::Ready(all) = &mut self.state else { return false };
        let Some(at) = all.iter().position(|connection| which(connection)) else { return false };
        if all.len() == 1 {
            return true;
        }
        all.remove(at);
        if let Some(meter) = meter {
            meter.connections("ready").dec();
        }
        false
    }

    /// It is not there any more.
    pub fn forget(&mut self, meter: Option<&EndpointMeter>) {
        self.state.count(-1, meter);
    }
}

impl SlotState {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Ready(_) => "ready",
            Self::Failed(_) => "failed",
        }
    }

    fn count(&self, by: i64, meter: Option<&EndpointMeter>) {
        let connections = if let Self::Ready(all) = self { all.len() as i64 } else { 1 };
        if let Some(meter) = meter {
            meter.connections(self.name()).inc_by(by * connections);
        }
    }
}
