//! A snapshot of a service's endpoints.

use crate::Load;
use libfast_model::Endpoint;
use std::sync::Arc;

/// One endpoint of a set, with what is known about it and what the owner of the set keeps per endpoint.
#[derive(Debug)]
pub struct Member<T> {
    /// Unique to the registration it came from.
    pub key: String,
    /// Address, weight and place.
    pub endpoint: Endpoint,
    /// Shared by all members that ever had this address without a gap.
    pub load: Arc<Load>,
    /// The owner's part, such as a connection. Shared likewise.
    pub owner: Arc<T>,
}

/// Endpoints to choose from. Immutable; a change makes a new set.
#[derive(Debug)]
pub struct EndpointSet<T> {
    pub(crate) members: Vec<Arc<Member<T>>>,
}

impl<T> Default for EndpointSet<T> {
    fn default() -> Self {
        Self { members: Vec::new() }
    }
}

impl<T> EndpointSet<T> {
    /// The set that has these endpoints, one per address. A restarted server may stand in a registry twice for a
    /// while; the last one in `endpoints` counts. Load and owner stay with an address that was there before;
    /// `make` makes the owner of a new one.
    pub fn updated(
        &self,
        endpoints: impl IntoIterator<Item = (String, Endpoint)>,
        mut make: impl FnMut(&Endpoint, &Arc<Load>) -> T,
    ) -> Self {
        let mut members: Vec<Arc<Member<T>>> = Vec::new();
        for (key, endpoint) in endpoints {
            let same_address = |member: &&Arc<Member<T>>| member.endpoint.address == endpoint.address;
            let (load, owner) = match self.members.iter().find(same_address) {
                Some(old) => (old.load.clone(), old.owner.clone()),
                None => {
                    let load = Arc::<Load>::default();
                    let owner = Arc::new(make(&endpoint, &load));
                    (load, owner)
                }
            };
            members.retain(|member| member.endpoint.address != endpoint.address);
            members.push(Arc::new(Member { key, endpoint, load, owner }));
        }
        Self { members }
    }

    /// The members.
    pub fn members(&self) -> &[Arc<Member<T>>] {
        &self.members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(address: &str) -> (String, Endpoint) {
        (format!("key of {address}"), Endpoint::new(address.parse().unwrap()))
    }

    #[test]
    fn what_is_known_about_an_address_survives_an_update() {
        let first =
            EndpointSet::default().updated([endpoint("a:1"), endpoint("b:1")], |e, _| e.address.to_string());
        first.members[0].load.begin();
        let second = first.updated([endpoint("c:1"), endpoint("a:1")], |e, _| e.address.to_string());
        let owners: Vec<_> = second.members.iter().map(|m| m.owner.as_str()).collect();
        assert_eq!(owners, ["c:1", "a:1"]);
        assert_eq!(second.members[1].load.in_flight(), 1);
    }

    #[test]
    fn one_address_is_one_member() {
        let twice = [endpoint("a:1"), ("newer".to_owned(), endpoint("a:1").1)];
        let set = EndpointSet::default().updated(twice, |_, _| ());
        assert_eq!(set.members.len(), 1);
        assert_eq!(set.members[0].key, "newer");
    }
}
