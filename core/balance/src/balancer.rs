//! The endpoints of one service and how they are chosen from.

use crate::{BalanceOptions, Changes, EndpointSet, Load, Member, Moment, Pick, Picker, subset};
use arc_swap::ArcSwap;
use libfast_model::Endpoint;
use std::sync::{Arc, Mutex, PoisonError};

/// The endpoints of one service, kept current by updates, from which many threads pick without locks.
#[derive(Debug)]
pub struct Balancer<T> {
    set: ArcSwap<EndpointSet<T>>,
    picker: Picker,
    seed: u64,
    /// Held by updates only, so that none is lost.
    updating: Mutex<()>,
}

impl<T> Balancer<T> {
    /// A balancer without endpoints. The `seed`, drawn at random once per client, makes clients begin at different endpoints
    /// and use different subsets.
    pub fn new(options: BalanceOptions, seed: u64) -> Self {
        let options = Arc::new(options);
        let set = ArcSwap::from_pointee(EndpointSet::new(options.clone()));
        Self { set, picker: Picker::with_options(options, seed as usize), seed, updating: Mutex::new(()) }
    }

    /// The endpoints as they are listed now. Those that were there before keep what is known about them; `make` makes the
    /// owner of a new one. Of many, only a subset is used. New ones beside old ones begin slowly, and so does a new process
    /// at an old address, against which nothing is held.
    pub fn update(
        &self,
        now: Moment,
        endpoints: impl IntoIterator<Item = (String, Endpoint)>,
        make: impl FnMut(&Endpoint, &Arc<Load>) -> T,
    ) -> Changes {
        let _turn = self.updating.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.set.load_full();
        let used = subset(endpoints.into_iter().collect(), self.seed, &before.options);
        let set = before.updated(used, make);
        if !before.members().is_empty() {
            let is_new = |member: &&Arc<Member<T>>| {
                before.by_slot(member.slot).is_none_or(|old| member.is_another_process_than(old))
            };
            set.members().iter().filter(is_new).for_each(|member| member.load.restart(now));
        }
        set.prepare();
        let changes = set.changes_since(&before);
        self.set.store(Arc::new(set));
        changes
    }

    /// The endpoints at this moment.
    pub fn set(&self) -> Arc<EndpointSet<T>> {
        self.set.load_full()
    }

    /// Chooses the endpoint of the next call and counts it as loaded with it. See [`EndpointSet::pick`].
    pub fn pick(
        &self,
        now: Moment,
        affinity: Option<u64>,
        rng: &mut fastrand::Rng,
        tried: impl Fn(&Member<T>) -> bool,
    ) -> Option<Pick<T>> {
        Some(Pick::begin(self.choose(now, affinity, rng, tried)?, now))
    }

    /// As [`pick`](Self::pick), for who counts the load later, or causes none.
    pub fn choose(
        &self,
        now: Moment,
        affinity: Option<u64>,
        rng: &mut fastrand::Rng,
        tried: impl Fn(&Member<T>) -> bool,
    ) -> Option<Arc<Member<T>>> {
        self.set.load().pick(&self.picker, now, affinity, rng, tried).cloned()
    }

    /// Those that should get a ping, about once a second, because calls to them timed out. Tell the outcome with
    /// [`Load::ping_answered`] or [`Load::ping_failed`].
    pub fn to_ping(&self) -> Vec<Arc<Member<T>>> {
        let set = self.set.load();
        set.members().iter().filter(|member| member.load.wants_ping()).cloned().collect()
    }
}
