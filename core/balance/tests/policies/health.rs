//! Ejection as the one who picks sees it.

use super::*;
use libfast_balance::{Standing, State};
use libfast_model::Policy;

const SECOND: Duration = Duration::from_secs(1);

fn turns(n: usize) -> Balancer<usize> {
    balancer(BalanceOptions::with_policy(Policy::RoundRobin), &vec![100; n])
}

fn states(balancer: &Balancer<usize>) -> Vec<State> {
    balancer.set().members().iter().map(|member| member.load.state()).collect()
}

fn ejected(balancer: &Balancer<usize>) -> usize {
    states(balancer).into_iter().filter(|state| *state == State::Ejected).count()
}

#[test]
fn one_that_fails_is_out_gets_one_call_and_comes_back_slowly() {
    let balancer = turns(4);
    fail(&balancer, NOW, 2, 5);
    assert_eq!(shares(&balancer, NOW, 301)[2], 0);
    let mut rng = fastrand::Rng::with_seed(3);
    let due = NOW + SECOND;
    let picks: Vec<_> = (0..40).map(|_| balancer.pick(due, None, &mut rng, |_| false).unwrap()).collect();
    let mut trials = picks.into_iter().filter(|pick| *pick.member().owner == 2);
    let mut trial = trials.next().expect("one call is risked");
    assert!(trials.next().is_none(), "and only one");
    trial.record(Outcome::Answered, due);
    drop(trial);
    let slow = shares(&balancer, due, 4000)[2];
    assert!((50..200).contains(&slow), "a tenth of its thousand: {slow}");
    assert_eq!(shares(&balancer, due + SECOND, 4000)[2], 1000, "it was out for a second only");
}

/// A server that crashed and was started again at its address was ejected as the old one.
#[test]
fn a_server_that_is_registered_anew_begins_clean() {
    let balancer = turns(4);
    let register = |key: &str, draining: bool| {
        let endpoints = (1..=4).map(|n| {
            let (number, mut endpoint) = endpoint(n, 100, "");
            endpoint.draining = draining && n == 3;
            (if n == 3 { key.to_owned() } else { number }, endpoint)
        });
        balancer.update(NOW, endpoints, |_, _| unreachable!("nobody is new"));
    };
    let eject = || {
        fail(&balancer, NOW, 2, 5);
        shares(&balancer, NOW, 300);
    };
    register("first.0", false);
    eject();
    register("first.1", false);
    assert_eq!(states(&balancer)[2], State::Ejected, "it is the same one, that changed its entry");
    register("drains", true);
    assert_eq!(states(&balancer)[2], State::Ejected, "nobody starts in order to drain");
    register("second.0", false);
    assert_eq!(states(&balancer)[2], State::Ready);
    let share = shares(&balancer, NOW, 4000)[2];
    assert!((50..200).contains(&share), "it gets warm first: {share}");
}

#[test]
fn at_most_half_are_ejected_and_never_the_last() {
    for (n, most) in [(1, 0), (2, 1), (3, 1), (4, 2), (9, 4)] {
        let balancer = turns(n);
        for who in 0..n {
            fail(&balancer, NOW, who, 5);
            shares(&balancer, NOW, 3 * n);
        }
        assert_eq!(ejected(&balancer), most, "of {n}");
    }
    let balancer = turns(2);
    balancer.set().members()[0].load.set_standing(Standing::Suspended);
    fail(&balancer, NOW, 1, 50);
    shares(&balancer, NOW, 10);
    assert_eq!(ejected(&balancer), 0, "the other one is not ready");
}

#[test]
fn with_too_few_ready_ejection_is_ignored() {
    let balancer = turns(10);
    for who in 0..5 {
        fail(&balancer, NOW, who, 5);
        shares(&balancer, NOW, 20);
    }
    assert_eq!(ejected(&balancer), 5);
    assert_eq!(shares(&balancer, NOW, 500), [0, 0, 0, 0, 0, 100, 100, 100, 100, 100]);
    balancer.set().members()[9].load.set_standing(Standing::Suspended);
    let later = NOW + Duration::from_millis(100);
    assert_eq!(shares(&balancer, later, 900), [100, 100, 100, 100, 100, 100, 100, 100, 100, 0]);
}

#[test]
fn what_this_process_does_itself_counts_for_nothing() {
    let balancer = turns(2);
    let mut rng = fastrand::Rng::with_seed(3);
    for _ in 0..1000 {
        drop(balancer.pick(NOW, None, &mut rng, |_| false));
    }
    let set = balancer.set();
    assert!(set.members().iter().all(|member| member.load.latency_ns(NOW).is_none()));
    assert!(set.members().iter().all(|member| member.load.in_flight() == 0));
    assert_eq!(states(&balancer), [State::Ready; 2]);
}

#[test]
fn one_that_comes_later_begins_slowly_and_the_first_ones_do_not() {
    let balancer = turns(9);
    assert_eq!(shares(&balancer, NOW, 900), [100; 9]);
    update(&balancer, NOW, &[100; 10]);
    let slow = shares(&balancer, NOW, 10_000)[9];
    assert!((60..150).contains(&slow), "{slow}");
    let half = shares(&balancer, NOW + SECOND * 5, 10_000)[9];
    assert!((450..580).contains(&half), "{half}");
    assert_eq!(shares(&balancer, NOW + SECOND * 10, 10_000)[9], 1000);
}

#[test]
fn of_many_a_subset_is_used_and_no_owner_is_made_of_the_rest() {
    let balancer = Balancer::new(BalanceOptions::default(), 5);
    let mut made = 0;
    balancer.update(NOW, (1..=50).map(|n| endpoint(n, 100, "")), |_, _| made += 1);
    assert_eq!((made, balancer.set().members().len()), (20, 20));
}

#[test]
fn those_whose_calls_time_out_want_a_ping() {
    let balancer = turns(2);
    let frozen = balancer.set().members()[1].clone();
    libfast_balance::Pick::begin(frozen.clone(), NOW).record(Outcome::TimedOut, NOW + SECOND);
    let slots = |list: Vec<std::sync::Arc<libfast_balance::Member<usize>>>| {
        list.iter().map(|member| member.slot).collect::<Vec<_>>()
    };
    assert_eq!(slots(balancer.to_ping()), [1]);
    frozen.load.ping_failed();
    assert_eq!(shares(&balancer, NOW + SECOND, 10), [10, 0]);
    frozen.load.ping_answered(NOW + SECOND * 2);
    assert!(balancer.to_ping().is_empty());
    assert_eq!(shares(&balancer, NOW + SECOND * 2, 10), [5, 5]);
}
