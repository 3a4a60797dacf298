//! How much a connection has carried.

use crate::Status;

/// Messages and their bytes, headers included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Volume {
    /// How many messages.
    pub messages: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

/// What went over one connection since it began: only ever grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    received: [Volume; 3],
    sent: [Volume; 3],
}

impl Traffic {
    /// What was received with this status. What broke the protocol is not in it.
    pub fn received(&self, status: Status) -> Volume {
        self.received[index(status)]
    }

    /// What was handed out for sending with this status.
    pub fn sent(&self, status: Status) -> Volume {
        self.sent[index(status)]
    }

    pub(crate) fn add_received(&mut self, status: Status, bytes: usize) {
        self.received[index(status)].add(bytes);
    }

    pub(crate) fn add_sent(&mut self, status: Status, bytes: usize) {
        self.sent[index(status)].add(bytes);
    }
}

impl Volume {
    fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }
}

/// Statuses are numbered from 1 on the wire.
fn index(status: Status) -> usize {
    status as usize - 1
}
