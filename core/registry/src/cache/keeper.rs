//! Writing down what a registry says.

use super::file::CacheFile;
use super::follow::Times;
use crate::{Overrides, Provider, Resolution};
use libfast_model::{Address, Error, Result};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, spawn_blocking};

/// How long those who said that they stop are written after they left the list, if the file is read all the time. They do both
/// within less than what passes between two readings, and readers that had not heard that they stop would hold on to them.
const LEAVING: Duration = Duration::from_secs(2);

/// Writes lists down, not too often.
pub(super) struct Keeper {
    file: CacheFile,
    /// Others read it all the time.
    lead: bool,
    times: Times,
    list: Vec<Provider>,
    overrides: Overrides,
    /// Who left the list after they had said that they stop, and how long they are written.
    leaving: Vec<(Provider, Instant)>,
    /// When what is not written yet is to be written.
    due: Option<Instant>,
    written: Option<Instant>,
    /// Whether the registry still says so, which is written down now and then.
    confirms: bool,
    writing: Option<JoinHandle<Result<()>>>,
}

impl Keeper {
    pub fn new(file: CacheFile, lead: bool, times: Times) -> Self {
        let (list, overrides, leaving) = Default::default();
        let (due, written, confirms, writing) = Default::default();
        Self { file, lead, times, list, overrides, leaving, due, written, confirms, writing }
    }

    /// Remembers a list. That nobody is there is not written over one, which is the better guess when nothing else is known,
    /// and grows old; those who read the file all the time hear it if they have none.
    pub fn note(&mut self, resolution: &Resolution) {
        let providers = match resolution {
            Resolution::Bound(providers) => providers.clone(),
            Resolution::Absent if self.lead && self.list.is_empty() => Vec::new(),
            Resolution::Absent => {
                self.confirms = false;
                return;
            }
            Resolution::Pending | Resolution::Failed(_) => return,
        };
        self.confirms = true;
        if self.has_list() && self.list == providers {
            return;
        }
        let now = Instant::now();
        let former = std::mem::replace(&mut self.list, providers);
        if self.lead {
            let draining = former.into_iter().filter(|provider| provider.endpoint.draining);
            self.leaving.extend(draining.map(|provider| (provider, now + LEAVING)));
        }
        if !self.leaving.is_empty() {
            let listed: BTreeSet<&Address> = self.list.iter().map(|one| &one.endpoint.address).collect();
            self.leaving.retain(|(provider, _)| !listed.contains(&provider.endpoint.address));
        }
        self.due = Some(self.soonest(now));
    }

    /// Remembers what operators decided; it is written beside a list.
    pub fn decide(&mut self, overrides: &Overrides) {
        if self.overrides != *overrides {
            self.overrides.clone_from(overrides);
            self.due = self.has_list().then(|| self.soonest(Instant::now()));
        }
    }

    fn has_list(&self) -> bool {
        self.due.or(self.written).is_some()
    }

    /// When something new may be written.
    fn soonest(&self, now: Instant) -> Instant {
        self.written.map_or(now, |at| now.max(at + self.times.pause))
    }

    /// Writes it when it is time, if the list `is_fresh`; ends only with a failure. Cancel safe.
    pub async fn keep(&mut self, is_fresh: bool) -> Error {
        loop {
            if self.writing.is_none() {
                match self.next_write().filter(|_| is_fresh) {
                    Some(due) => tokio::time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
                let (file, recent) = (self.file.clone(), self.times.refresh / 2);
                let (list, overrides) = (self.next(Instant::now()), self.overrides.clone());
                self.writing = Some(spawn_blocking(move || match list.is_empty() && file.has_providers() {
                    true => Ok(()),
                    false => file.save(&list, &overrides, recent),
                }));
            }
            if let Some(writing) = &mut self.writing {
                let outcome = writing.await;
                self.writing = None;
                if let Ok(Err(error)) = outcome {
                    return error;
                }
            }
        }
    }

    /// When it is to be written, if that is known.
    fn next_write(&self) -> Option<Instant> {
        let refresh = self.written.filter(|_| self.confirms).map(|at| at + self.times.refresh);
        self.due.into_iter().chain(refresh).min()
    }

    /// What is to be written `now`; notes when that is to be done again.
    fn next(&mut self, now: Instant) -> Vec<Provider> {
        self.leaving.retain(|(_, until)| *until > now);
        self.due = self.leaving.iter().map(|(_, until)| *until).min();
        self.written = Some(now);
        let leaving = self.leaving.iter().map(|(provider, _)| provider);
        let mut list: Vec<Provider> = self.list.iter().chain(leaving).cloned().collect();
        list.sort_by(|a, b| a.key.cmp(&b.key));
        list
    }
}
