//! Who gets how much.

use super::*;
use libfast_balance::Standing;
use libfast_model::Policy;
use std::sync::Arc;

const MS: Duration = Duration::from_millis(1);

fn with(policy: Policy) -> BalanceOptions {
    let mut options = BalanceOptions::with_policy(policy);
    options.subset_size = 0;
    options
}

#[test]
fn turns_are_exact() {
    assert_eq!(shares(&balancer(with(Policy::RoundRobin), &[100; 3]), NOW, 300), [100; 3]);
    assert_eq!(shares(&balancer(with(Policy::RoundRobin), &[100; 100]), NOW, 500), [5; 100]);
    assert_eq!(
        shares(&balancer(with(Policy::RoundRobin), &[1, 9]), NOW, 10),
        [5, 5],
        "weights are for others"
    );
    let weighted = balancer(with(Policy::WeightedRoundRobin), &[100, 200, 400]);
    assert_eq!(shares(&weighted, NOW, 700), [100, 200, 400]);
    assert_eq!(shares(&weighted, NOW, 7), [1, 2, 4], "in every round");
    let odd = [3, 17, 1, 250];
    assert_eq!(shares(&balancer(with(Policy::WeightedRoundRobin), &odd), NOW, 271), [3, 17, 1, 250]);
}

/// Turns that somebody cannot take go to all others alike, not to the one that comes next.
#[test]
fn turns_stay_even_without_those_that_are_down() {
    let balancer = balancer(with(Policy::RoundRobin), &[100; 10]);
    for down in [3, 4, 9] {
        balancer.set().members()[down].load.set_standing(Standing::Suspended);
    }
    let counts = shares(&balancer, NOW, 700);
    assert_eq!(counts, [100, 100, 100, 0, 0, 100, 100, 100, 100, 0]);
}

#[test]
fn draws_follow_the_weights() {
    let even = shares(&balancer(with(Policy::Random), &[1, 9]), NOW, 100_000);
    assert!(even.iter().all(|&count| (49_000..51_000).contains(&count)), "{even:?}");
    for policy in [Policy::WeightedRandom, Policy::P2c, Policy::LeastLoaded] {
        let few = balancer(with(policy), &[100, 200, 400]);
        let measured = measure(&few, NOW, |_| MS);
        let counts = shares(&few, measured, 70_000);
        for (count, fair) in counts.iter().zip([10_000, 20_000, 40_000]) {
            assert!(count.abs_diff(fair) <= fair / 20, "{policy:?} {counts:?}");
        }
        let weights: Vec<u32> = (0..30).map(|n| [100, 200, 400][n % 3]).collect();
        let many = balancer(with(policy), &weights);
        let measured = measure(&many, NOW, |_| MS);
        let counts = shares(&many, measured, 700_000);
        for (count, weight) in counts.iter().zip(weights) {
            let fair = weight as usize * 100;
            assert!(count.abs_diff(fair) <= fair / 10, "{policy:?} {counts:?}");
        }
    }
}

#[test]
fn p2c_avoids_the_slow_and_the_busy() {
    for n in [4, 20] {
        let balancer = balancer(with(Policy::P2c), &vec![100; n]);
        let now = measure(&balancer, NOW, |n| MS * if n == 0 { 10 } else { 1 });
        let mut rng = fastrand::Rng::with_seed(2);
        let busy = balancer.set().members()[1].clone();
        let _calls: Vec<_> = (0..5).map(|_| libfast_balance::Pick::begin(busy.clone(), now)).collect();
        let mut counts = vec![0; n];
        for _ in 0..1000 * n {
            counts[*balancer.pick(now, None, &mut rng, |_| false).unwrap().member().owner] += 1;
        }
        assert!(counts[0] < 50 && counts[1] < 50, "{counts:?}");
    }
}

#[test]
fn an_unknown_endpoint_is_taken_for_a_typical_one() {
    // Where the typical one is slow, the unknown one is looked at all the same, now and then.
    for (known, unknown) in [(&[5, 50][..], 300..700), (&[5, 50, 50], 1..50)] {
        let balancer = balancer(with(Policy::P2c), &vec![100; known.len() + 1]);
        let set = balancer.set();
        for (member, ms) in set.members().iter().zip(known) {
            libfast_balance::Pick::begin(member.clone(), NOW).record(Outcome::Answered, NOW + MS * *ms);
        }
        let shares = shares(&balancer, NOW + MS * 50, 1000);
        assert!(unknown.contains(shares.last().unwrap()) && shares[1] == 0, "{shares:?}");
    }
}

#[test]
fn suspended_draining_weightless_and_tried_ones_come_last_or_never() {
    for (policy, _) in Policy::NAMES {
        let balancer = Balancer::new(with(policy), 0);
        let mut endpoints: Vec<_> = (1..=5).map(|n| endpoint(n, 100, "")).collect();
        endpoints[0].1.weight = 0;
        endpoints[1].1.draining = true;
        balancer.update(NOW, endpoints, |endpoint, _| number(endpoint));
        balancer.set().members()[2].load.set_standing(Standing::Suspended);
        balancer.set().members()[3].load.set_standing(Standing::Connecting);
        let mut rng = fastrand::Rng::with_seed(1);
        let mut tried = Vec::new();
        while let Some(pick) = balancer.pick(NOW, Some(1), &mut rng, |m| tried.contains(&m.slot)) {
            tried.push(pick.member().slot);
        }
        assert_eq!(tried, [4, 3, 2, 1], "{policy:?}");
    }
}

#[test]
fn sticky_stays_as_long_as_it_can() {
    let balancer = balancer(with(Policy::Sticky), &[100; 5]);
    let mut rng = fastrand::Rng::with_seed(1);
    let mut at = |key: u64| *balancer.pick(NOW, Some(key << 54), &mut rng, |_| false).unwrap().member().owner;
    let homes: Vec<usize> = (0..100).map(&mut at).collect();
    assert!((0..5).all(|who| homes.contains(&who)), "keys are spread: {homes:?}");
    assert_eq!((0..100).map(&mut at).collect::<Vec<_>>(), homes);
    balancer.set().members()[homes[0]].load.set_standing(Standing::Suspended);
    let moved = at(0);
    assert_ne!(moved, homes[0]);
    balancer.set().members()[homes[0]].load.set_standing(Standing::Ready);
    assert_eq!(at(0), moved, "it does not go back");
}

#[test]
fn the_own_zone_comes_first_while_it_can_serve() {
    let options = {
        let mut options = with(Policy::RoundRobin);
        options.zone = "a".into();
        options
    };
    let balancer = Balancer::new(options, 0);
    let endpoints = (1..=9).map(|n| endpoint(n, 100, ["a", "b", "c"][n % 3]));
    balancer.update(NOW, endpoints, |endpoint, _| number(endpoint));
    assert_eq!(shares(&balancer, NOW, 90), [0, 0, 30, 0, 0, 30, 0, 0, 30]);
    balancer.set().members()[2].load.set_standing(Standing::Suspended);
    let later = NOW + Duration::from_secs(1);
    assert_eq!(
        shares(&balancer, later, 80),
        [10, 10, 0, 10, 10, 10, 10, 10, 10],
        "two of three are less than 70 %"
    );
}

#[test]
fn p2c_leaves_the_zone_when_that_is_much_cheaper() {
    let mut options = with(Policy::P2c);
    options.zone = "a".into();
    let balancer = Balancer::new(options, 0);
    let endpoints = (1..=4).map(|n| endpoint(n, 100, if n <= 2 { "a" } else { "b" }));
    balancer.update(NOW, endpoints, |endpoint, _| number(endpoint));
    let now = measure(&balancer, NOW, |n| MS * if n < 2 { 10 } else { 6 });
    let near = shares(&balancer, now, 1000);
    assert_eq!(near[2] + near[3], 0, "{near:?}");
    let set = balancer.set();
    let _busy: Vec<_> =
        (0..6).map(|n| libfast_balance::Pick::begin(set.members()[n % 2].clone(), now)).collect();
    let far = shares(&balancer, now, 1000);
    assert!(far[2] + far[3] > 300, "{far:?}");
}

/// They would wait for each other where they count.
#[test]
fn threads_hold_an_endpoint_in_different_places() {
    let balancer = balancer(with(Policy::P2c), &[100]);
    let pick = || balancer.choose(NOW, None, &mut fastrand::Rng::with_seed(1), |_| false).unwrap();
    let (mine, again) = (pick(), pick());
    // Other tests may have begun threads in between, so that this one has the same place by chance.
    let others: Vec<_> =
        (0..2).map(|_| std::thread::scope(|scope| scope.spawn(pick).join().unwrap())).collect();
    assert!(Arc::ptr_eq(&mine, &again));
    assert!(others.iter().any(|other| !Arc::ptr_eq(&mine, other)));
    assert!(others.iter().all(|other| Arc::ptr_eq(&mine.owner, &other.owner)));
}
