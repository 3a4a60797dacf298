//! What a connection has of the requests that may run on its server.

use crate::server::{SHARES, Shared};
use std::sync::atomic::Ordering;

/// Taken from the server for several requests at a time, and given back likewise, as all connections write its count.
#[derive(Debug, Default)]
pub(super) struct Admitted {
    /// Counted by the server, but for no request.
    spare: u64,
    /// Requests since they were last given back.
    used: u64,
}

impl Admitted {
    /// Counts a request in, unless too many run already.
    pub fn take(&mut self, server: &Shared) -> bool {
        if self.spare == 0 {
            // As many again: how many came is not known before all are read.
            self.spare = server.admit(self.used.max(1));
        }
        let Some(spare) = self.spare.checked_sub(1) else { return false };
        self.spare = spare;
        self.used += 1;
        true
    }

    /// So many requests have ended, or do not run after all. If there is little room in all, others may need it now.
    pub fn ended(&mut self, requests: usize, server: &Shared) {
        self.spare += requests as u64;
        if self.spare > server.options.max_inflight / SHARES {
            self.give_back(server);
        }
    }

    /// Gives back what is not used.
    pub fn give_back(&mut self, server: &Shared) {
        if self.used > 0 {
            server.taken.fetch_add(std::mem::take(&mut self.used), Ordering::Relaxed);
        }
        if self.spare > 0 {
            server.give_back(std::mem::take(&mut self.spare));
        }
    }
}
