//! The connections that a client has open, whatever became of the endpoints they belong to.

use crate::connection::Connection;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

/// Does not keep them open.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<Vec<Weak<Connection>>>);

impl Connections {
    pub fn add(&self, connection: &Arc<Connection>) {
        let mut connections = self.lock();
        connections.retain(|connection| connection.strong_count() > 0);
        connections.push(Arc::downgrade(connection));
    }

    /// Those that are open now.
    pub fn open(&self) -> Vec<Arc<Connection>> {
        self.lock().iter().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<Connection>>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
