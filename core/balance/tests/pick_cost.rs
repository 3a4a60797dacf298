//! What a pick and its record cost, under two threads (M9), with the random numbers that the policy draws. It prints and asserts
//! nothing: the machine decides.
//!
//! `cargo test --release -p libfast-balance --test pick_cost -- --ignored --nocapture`; `POLICY=P2c` before it for one policy.

use libfast_balance::{BalanceOptions, Balancer, Moment, Outcome, hash};
use libfast_model::{Endpoint, Policy};
use std::sync::Barrier;
use std::time::{Duration, Instant};

const CALLS: u64 = 300_000;
const ROUNDS: usize = 9;

fn balancer(policy: Policy, endpoints: usize) -> Balancer<()> {
    let mut options = BalanceOptions::with_policy(policy);
    options.subset_size = 0;
    let balancer = Balancer::new(options, 1);
    let listed = (0..endpoints).map(|n| {
        let mut endpoint = Endpoint::new(format!("10.{}.{}.1:2030", n / 250, n % 250).parse().unwrap());
        let weighs = matches!(policy, Policy::WeightedRoundRobin | Policy::WeightedRandom);
        endpoint.weight = if weighs { [100, 200, 400][n % 3] } else { 100 };
        (n.to_string(), endpoint)
    });
    balancer.update(Moment(1), listed, |_, _| ());
    balancer
}

/// Nanoseconds of processor time that this thread has used: others may be at work on the machine.
fn used() -> f64 {
    // What is used becomes known when a thread gives way.
    std::thread::yield_now();
    let line =
        std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts the time of threads");
    line.split(' ').next().and_then(|used| used.parse().ok()).expect("it begins with the time")
}

/// Nanoseconds for one pick and its record, by one of so many threads that all do nothing else.
fn cost(balancer: &Balancer<()>, threads: u64, origin: Instant) -> f64 {
    let start = &Barrier::new(threads as usize);
    let run = &|seed: u64| {
        let mut rng = fastrand::Rng::with_seed(seed);
        // What calls belong to and how long they take is the callers' affair.
        let calls: Vec<_> = (0..4096_u64)
            .map(|call| (hash(&call.to_le_bytes()), Duration::from_micros(500 + rng.u64(..500))))
            .collect();
        start.wait();
        let (start, before) = (Instant::now(), used());
        for call in 0..CALLS {
            // The clock is the caller's, who has read it anyway.
            let now = Moment(start.duration_since(origin).as_nanos() as u64 + call * 1000);
            let (key, took) = calls[call as usize % calls.len()];
            let mut pick = balancer.pick(now, Some(key), &mut rng, |_| false).expect("there are endpoints");
            pick.record(Outcome::Answered, now + took);
        }
        (used() - before) / CALLS as f64
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|n| scope.spawn(move || run(n))).collect();
        let mine = run(0);
        others.into_iter().map(|other| other.join().expect("it does not panic")).fold(mine, f64::min)
    })
}

#[test]
#[ignore = "prints measurements; run it alone and in release"]
fn pick_and_record() {
    let sizes = [8, 10, 100, 10_000];
    println!(
        "ns of processor time per pick and record with so many endpoints, alone / under two threads at once"
    );
    println!("{:<22}{}", "", sizes.map(|size| format!("{size:>16}")).concat());
    let origin = Instant::now();
    let only = std::env::var("POLICY").ok();
    let asked = |policy: &Policy| only.as_ref().is_none_or(|only| *only == format!("{policy:?}"));
    for (policy, _) in Policy::NAMES.into_iter().filter(|(policy, _)| asked(policy)) {
        let costs = sizes.map(|endpoints| {
            let balancer = balancer(policy, endpoints);
            let [alone, two] = [1, 2].map(|threads| {
                let mut rounds: Vec<_> = (0..ROUNDS).map(|_| cost(&balancer, threads, origin)).collect();
                *rounds.select_nth_unstable_by(ROUNDS / 2, f64::total_cmp).1
            });
            format!("{:>16}", format!("{alone:.0} / {two:.0}"))
        });
        println!("{:<22}{}", format!("{policy:?}"), costs.concat());
    }
}
