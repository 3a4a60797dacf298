//! A snapshot of a service's endpoints.

use crate::copies::Copies;
use crate::owners::Owners;
use crate::pool::Pool;
use crate::{BalanceOptions, Load, Member, hash};
use libfast_model::{Address, Endpoint, Policy};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Endpoints to choose from. Immutable; a change makes a new set, which shares what is known with the one before.
#[derive(Debug)]
pub struct EndpointSet<T> {
    pub(crate) options: Arc<BalanceOptions>,
    /// In the order of their slots, which is the order in which they came.
    pub(crate) members: Vec<Arc<Member<T>>>,
    pub(crate) copies: Copies<T>,
    next_slot: u32,
    /// Different for all sets of the process.
    pub(crate) id: u64,
    /// Those that take calls.
    pub(crate) open: Pool,
    /// Those of them that are near; empty if that makes no difference.
    pub(crate) near: Pool,
    pub(crate) owners: Owners,
    /// Calls under way, if the policy asks for it.
    pub(crate) tally: Option<Arc<AtomicU64>>,
}

/// What an update changed, in numbers of endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    /// With addresses that were not there before.
    pub added: usize,
    /// With another weight, zone, key or drain state.
    pub changed: usize,
    /// That are there no more.
    pub removed: usize,
}

impl<T> Default for EndpointSet<T> {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl<T> EndpointSet<T> {
    /// No endpoints yet.
    pub fn new(options: Arc<BalanceOptions>) -> Self {
        let tally = (options.policy == Policy::Hash).then(Arc::default);
        Self::of(options, Vec::new(), 0, tally)
    }

    fn of(
        options: Arc<BalanceOptions>,
        members: Vec<Arc<Member<T>>>,
        next_slot: u32,
        tally: Option<Arc<AtomicU64>>,
    ) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        let open = Pool::new(&members, Member::is_open);
        let is_near = |member: &Member<T>| {
            member.is_open() && !options.zone.is_empty() && member.endpoint.zone == options.zone
        };
        let mut near = Pool::new(&members, is_near);
        if near.len() == open.len() {
            near = Pool::default();
        }
        let id = IDS.fetch_add(1, Relaxed);
        let (copies, owners) = (Copies::new(members.len()), Owners::default());
        Self { options, members, copies, next_slot, id, open, near, owners, tally }
    }

    /// The set that has these endpoints, one per address. A restarted server may stand in a registry twice for a
    /// while; the last one in `endpoints` counts. Slot, load and owner stay with an address that was there before;
    /// `make` makes the owner of a new one.
    pub fn updated(
        &self,
        endpoints: impl IntoIterator<Item = (String, Endpoint)>,
        mut make: impl FnMut(&Endpoint, &Arc<Load>) -> T,
    ) -> Self {
        let mut newest: HashMap<Address, usize> = HashMap::new();
        let listed: Vec<_> = endpoints.into_iter().collect();
        for (at, (_, endpoint)) in listed.iter().enumerate() {
            newest.insert(endpoint.address.clone(), at);
        }
        let known: HashMap<&Address, &Arc<Member<T>>> =
            self.members.iter().map(|member| (&member.endpoint.address, member)).collect();
        let mut next_slot = self.next_slot;
        let mut members: Vec<Arc<Member<T>>> = Vec::with_capacity(newest.len());
        for (at, (key, endpoint)) in listed.into_iter().enumerate() {
            if newest[&endpoint.address] != at {
                continue;
            }
            let member = match known.get(&endpoint.address) {
                Some(&old) if old.key == key && old.endpoint == endpoint => old.clone(),
                Some(&old) => Arc::new(Member {
                    slot: old.slot,
                    key,
                    endpoint,
                    load: old.load.clone(),
                    owner: old.owner.clone(),
                    hash: old.hash,
                    tally: old.tally.clone(),
                }),
                None => {
                    let load = Arc::new(Load::new(&self.options));
                    let owner = Arc::new(make(&endpoint, &load));
                    let hash = hash::hash(endpoint.address.to_string().as_bytes());
                    let slot = next_slot;
                    // Four billion endpoints from now, slots start again.
                    next_slot = next_slot.wrapping_add(1);
                    Arc::new(Member { slot, key, endpoint, load, owner, hash, tally: self.tally.clone() })
                }
            };
            members.push(member);
        }
        members.sort_by_key(|member| member.slot);
        Self::of(self.options.clone(), members, next_slot, self.tally.clone())
    }

    /// The members, in the order in which they came.
    pub fn members(&self) -> &[Arc<Member<T>>] {
        &self.members
    }

    /// The member with that slot.
    pub fn by_slot(&self, slot: u32) -> Option<&Arc<Member<T>>> {
        self.position_of(slot).map(|position| &self.members[position])
    }

    pub(crate) fn position_of(&self, slot: u32) -> Option<usize> {
        self.members.binary_search_by_key(&slot, |member| member.slot).ok()
    }

    /// What differs from the set `before`.
    pub fn changes_since(&self, before: &Self) -> Changes {
        let mut changes = Changes::default();
        for member in &self.members {
            match before.by_slot(member.slot) {
                None => changes.added += 1,
                Some(old) if !Arc::ptr_eq(old, member) => changes.changed += 1,
                Some(_) => {}
            }
        }
        let slots: HashSet<u32> = self.members.iter().map(|member| member.slot).collect();
        changes.removed = before.members.iter().filter(|member| !slots.contains(&member.slot)).count();
        changes
    }

    /// Makes what the policy needs and would be made on first use otherwise.
    pub(crate) fn prepare(&self) {
        let policy = self.options.policy;
        for pool in [&self.open, &self.near] {
            pool.prepare(policy != Policy::WeightedRoundRobin, policy == Policy::WeightedRoundRobin);
        }
        if policy == Policy::Hash {
            self.owners.prepare();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;

    fn endpoint(address: &str) -> (String, Endpoint) {
        (format!("key of {address}"), Endpoint::new(address.parse().unwrap()))
    }

    #[test]
    fn what_is_known_about_an_address_survives_an_update() {
        let first =
            EndpointSet::default().updated([endpoint("a:1"), endpoint("b:1")], |e, _| e.address.to_string());
        first.members[0].load.begin(Moment(0));
        let second = first.updated([endpoint("c:1"), endpoint("a:1")], |e, _| e.address.to_string());
        let owners: Vec<_> = second.members.iter().map(|m| (m.slot, m.owner.as_str())).collect();
        assert_eq!(owners, [(0, "a:1"), (2, "c:1")]);
        assert_eq!(second.members[0].load.in_flight(), 1);
        assert_eq!(second.changes_since(&first), Changes { added: 1, changed: 0, removed: 1 });
        let mut heavy = endpoint("c:1");
        heavy.1.weight = 7;
        let third = second.updated([endpoint("a:1"), heavy], |_, _| unreachable!("nobody is new"));
        assert_eq!(third.changes_since(&second), Changes { added: 0, changed: 1, removed: 0 });
        assert_eq!(third.by_slot(2).unwrap().endpoint.weight, 7);
        assert!(third.by_slot(1).is_none());
    }

    /// They would wait for each other where they count.
    #[test]
    fn threads_hold_an_endpoint_in_different_places() {
        let set = EndpointSet::default().updated([endpoint("a:1")], |_, _| ());
        let picker = crate::Picker::new(Policy::P2c, 0);
        let pick =
            || set.pick(&picker, Moment(1), None, &mut fastrand::Rng::with_seed(1), |_| false).unwrap();
        let (mine, again) = (pick(), pick());
        // Other tests may have begun threads in between, so that this one has the same place by chance.
        let others: Vec<_> =
            (0..2).map(|_| std::thread::scope(|scope| scope.spawn(pick).join().unwrap())).collect();
        assert!(Arc::ptr_eq(mine, again));
        assert!(others.iter().any(|other| !Arc::ptr_eq(mine, other)));
        assert!(others.iter().all(|other| Arc::ptr_eq(&mine.owner, &other.owner)));
    }

    #[test]
    fn one_address_is_one_member() {
        let twice = [endpoint("a:1"), ("newer".to_owned(), endpoint("a:1").1)];
        let set = EndpointSet::default().updated(twice, |_, _| ());
        assert_eq!(set.members.len(), 1);
        assert_eq!(set.members[0].key, "newer");
    }
}
