//! The endpoints that one client uses, where there are many.

use crate::BalanceOptions;
use crate::hash::{distance, hash, pair};
use libfast_model::{Endpoint, Policy};

/// Leaves out endpoints where there are more than `subset_above`. Every client draws its own `subset_size` of them
/// by rendezvous of its `seed` with the addresses, so that connections spread evenly over the endpoints, and one that comes
/// or goes changes few of them. A heavier endpoint is in more subsets. At most three quarters are of the client's own
/// zone, so that there is a way out of it. Policies that need all endpoints, because a key must have the same owner
/// for everybody, get all. Draining ones are used where there are not enough others.
pub fn subset(
    mut endpoints: Vec<(String, Endpoint)>,
    seed: u64,
    options: &BalanceOptions,
) -> Vec<(String, Endpoint)> {
    let size = options.subset_size;
    if size == 0 || endpoints.len() <= options.subset_above.max(size) || options.policy == Policy::Hash {
        return endpoints;
    }
    endpoints.retain(|(_, endpoint)| endpoint.weight > 0);
    let from_me = |endpoint: &Endpoint| {
        distance(pair(seed, hash(endpoint.address.to_string().as_bytes())), endpoint.weight)
    };
    endpoints.sort_by_cached_key(|(_, endpoint)| (endpoint.draining, from_me(endpoint).to_bits()));
    let mut near_left = if options.zone.is_empty() { 0 } else { (size * 3).div_ceil(4) };
    let (near, far): (Vec<_>, Vec<_>) = endpoints.into_iter().partition(|(_, endpoint)| {
        let is_chosen = near_left > 0 && !endpoint.draining && endpoint.zone == options.zone;
        near_left -= usize::from(is_chosen);
        is_chosen
    });
    near.into_iter().chain(far).take(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn endpoints(n: usize) -> Vec<(String, Endpoint)> {
        let endpoint = |i: usize| {
            let mut endpoint = Endpoint::new(format!("10.0.0.{i}:2030").parse().unwrap());
            endpoint.zone = ["a", "b", "c"][i % 3].to_owned();
            (i.to_string(), endpoint)
        };
        (0..n).map(endpoint).collect()
    }

    fn keys(subset: &[(String, Endpoint)]) -> HashSet<String> {
        subset.iter().map(|(key, _)| key.clone()).collect()
    }

    #[test]
    fn few_endpoints_are_all_used() {
        assert_eq!(subset(endpoints(40), 1, &BalanceOptions::default()).len(), 40);
        assert_eq!(subset(endpoints(41), 1, &BalanceOptions::default()).len(), 20);
        assert_eq!(subset(endpoints(100), 1, &BalanceOptions::with_policy(Policy::Hash)).len(), 100);
    }

    #[test]
    fn one_that_goes_changes_at_most_one() {
        for seed in 0..100 {
            let options = BalanceOptions::default();
            let before = keys(&subset(endpoints(60), seed, &options));
            let after = keys(&subset(endpoints(60).split_off(1), seed, &options));
            assert!(before.difference(&after).count() <= 1);
            assert_eq!(before.contains("0"), before != after);
        }
    }

    #[test]
    fn the_own_zone_fills_three_quarters() {
        let options = BalanceOptions { zone: "b".into(), ..Default::default() };
        let chosen = subset(endpoints(150), 9, &options);
        assert_eq!(chosen.len(), 20);
        assert!(chosen.iter().filter(|(_, endpoint)| endpoint.zone == "b").count() >= 15);
        assert!(chosen.iter().any(|(_, endpoint)| endpoint.zone != "b"));
    }

    /// They serve until they stop, and calls need somebody.
    #[test]
    fn draining_ones_are_used_where_there_are_not_enough_others() {
        let options = BalanceOptions { zone: "b".into(), ..Default::default() };
        for open in [0, 5, 30] {
            let mut listed = endpoints(50);
            listed.iter_mut().skip(open).for_each(|(_, endpoint)| endpoint.draining = true);
            let chosen = subset(listed, 9, &options);
            assert_eq!(chosen.len(), 20);
            assert_eq!(chosen.iter().filter(|(_, endpoint)| !endpoint.draining).count(), open.min(20));
        }
    }
}
