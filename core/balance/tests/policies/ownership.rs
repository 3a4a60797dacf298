//! Who owns a key.

use super::*;
use libfast_balance::{Standing, hash};
use libfast_model::Policy;

const KEYS: usize = 100_000;

fn ring(weights: &[u32]) -> Balancer<usize> {
    balancer(BalanceOptions::with_policy(Policy::Hash), weights)
}

fn key(n: usize) -> u64 {
    hash(format!("user-{n}").as_bytes())
}

fn owners(balancer: &Balancer<usize>) -> Vec<usize> {
    let set = balancer.set();
    (0..KEYS).map(|n| *set.owner(key(n)).unwrap().owner).collect()
}

/// The same in every process, language and version: other implementations are checked against these.
#[test]
fn owners_are_fixed() {
    let first = |weights: &[u32]| owners(&ring(weights))[..20].to_vec();
    assert_eq!(first(&[100; 10]), EVEN);
    assert_eq!(first(&[100, 200, 400]), WEIGHTED);
}

const EVEN: [usize; 20] = [2, 3, 9, 8, 9, 9, 6, 5, 2, 6, 7, 8, 8, 1, 2, 2, 2, 4, 7, 0];
const WEIGHTED: [usize; 20] = [2, 2, 2, 1, 0, 1, 2, 1, 2, 2, 1, 1, 2, 1, 2, 2, 2, 2, 2, 0];

#[test]
fn the_order_of_the_list_does_not_matter() {
    let listed = |ports: Vec<usize>| {
        let balancer = Balancer::new(BalanceOptions::with_policy(Policy::Hash), ports[0] as u64);
        balancer.update(NOW, ports.into_iter().map(|n| endpoint(n, 100, "")), |e, _| number(e));
        owners(&balancer)
    };
    assert_eq!(listed((1..=50).collect()), listed((1..=50).rev().collect()));
}

#[test]
fn shares_are_even_and_follow_the_weights() {
    let count = |owners: &[usize], who| owners.iter().filter(|&&owner| owner == who).count();
    let even = owners(&ring(&[100; 10]));
    for who in 0..10 {
        assert!(count(&even, who).abs_diff(KEYS / 10) < KEYS / 200, "{who}: {}", count(&even, who));
    }
    let weighted = owners(&ring(&[100, 200, 400]));
    for (who, fair) in [KEYS / 7, KEYS * 2 / 7, KEYS * 4 / 7].into_iter().enumerate() {
        assert!(count(&weighted, who).abs_diff(fair) < fair / 20, "{who}: {}", count(&weighted, who));
    }
}

#[test]
fn only_the_keys_of_one_that_goes_are_moved() {
    for gone in 0..10 {
        let balancer = ring(&[100; 10]);
        let before = owners(&balancer);
        let rest = (1..=10).filter(|n| *n != gone + 1).map(|n| endpoint(n, 100, ""));
        balancer.update(NOW, rest, |endpoint, _| number(endpoint));
        let after = owners(&balancer);
        let moved = before.iter().zip(&after).filter(|(before, after)| before != after);
        assert!(moved.clone().all(|(before, _)| *before == gone));
        let part = moved.count() as f64 / KEYS as f64;
        assert!(part <= 0.105, "{part} of the keys moved with endpoint {gone}");
    }
}

#[test]
fn no_owner_takes_more_than_its_bound() {
    let balancer = ring(&[100; 10]);
    let mut rng = fastrand::Rng::with_seed(1);
    let mut calls: Vec<_> = Vec::new();
    for _ in 0..1000 {
        calls.push(balancer.pick(NOW, Some(key(1)), &mut rng, |_| false).unwrap());
        let most = balancer.set().members().iter().map(|member| member.load.in_flight()).max().unwrap();
        assert!(f64::from(most) <= (1.25 * calls.len() as f64 / 10.0).ceil(), "{most} of {}", calls.len());
    }
    drop(calls);
    let owner = *balancer.set().owner(key(1)).unwrap().owner;
    assert_eq!(*balancer.pick(NOW, Some(key(1)), &mut rng, |_| false).unwrap().member().owner, owner);
}

/// A key whose owner is away has a stand-in, the same one each time.
#[test]
fn keys_of_one_that_is_down_go_to_others_and_come_back() {
    let balancer = ring(&[100; 10]);
    let mut rng = fastrand::Rng::with_seed(1);
    let mut at = |n| *balancer.pick(NOW, Some(key(n)), &mut rng, |_| false).unwrap().member().owner;
    let before: Vec<usize> = (0..1000).map(&mut at).collect();
    balancer.set().members()[4].load.set_standing(Standing::Suspended);
    let during: Vec<usize> = (0..1000).map(&mut at).collect();
    let stand_ins = before.iter().zip(&during).filter(|(owner, now)| **owner == 4 || owner == now);
    assert_eq!(stand_ins.count(), 1000);
    assert!(!during.contains(&4));
    assert_eq!((0..1000).map(&mut at).collect::<Vec<_>>(), during);
    balancer.set().members()[4].load.set_standing(Standing::Ready);
    assert_eq!((0..1000).map(&mut at).collect::<Vec<_>>(), before);
}
