//! Commands with all that they started, so that none of it is left behind.

use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};
use tokio::process::Child;

/// The groups that run.
#[derive(Debug, Default)]
pub struct ProcessGroups(Mutex<HashSet<Pid>>);

/// One of them. It is killed when this is dropped.
#[derive(Debug)]
pub struct ProcessGroup<'g> {
    groups: &'g ProcessGroups,
    id: Option<Pid>,
}

impl ProcessGroups {
    /// The group of a process that leads one.
    pub fn add(&self, leader: &Child) -> ProcessGroup<'_> {
        let id = leader.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        self.lock().extend(id);
        ProcessGroup { groups: self, id }
    }

    /// Kills all groups.
    pub fn kill_all(&self) {
        self.lock().drain().for_each(kill);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Pid>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl ProcessGroup<'_> {
    /// Its leader has ended by itself, and its number may belong to others soon.
    pub fn ended(mut self) {
        if let Some(id) = self.id.take() {
            self.groups.lock().remove(&id);
        }
    }
}

impl Drop for ProcessGroup<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id.filter(|id| self.groups.lock().remove(id)) {
            kill(id);
        }
    }
}

fn kill(group: Pid) {
    // It may have ended this moment.
    let _ = kill_process_group(group, Signal::KILL);
}
