//! What each policy promises, on sets whose every call is known.

mod health;
mod ownership;
mod shares;

use libfast_balance::{BalanceOptions, Balancer, Moment, Outcome};
use libfast_model::Endpoint;
use std::time::Duration;

/// The start of each test.
const NOW: Moment = Moment(1_000_000_000);

/// An endpoint that is known by the number of its port.
fn endpoint(port: usize, weight: u32, zone: &str) -> (String, Endpoint) {
    let mut endpoint = Endpoint::new(format!("h:{port}").parse().unwrap());
    (endpoint.weight, endpoint.zone) = (weight, zone.to_owned());
    (port.to_string(), endpoint)
}

/// A balancer over endpoints of these weights, whose owner is their number.
fn balancer(options: BalanceOptions, weights: &[u32]) -> Balancer<usize> {
    let balancer = Balancer::new(options, 7);
    update(&balancer, NOW, weights);
    balancer
}

fn update(balancer: &Balancer<usize>, now: Moment, weights: &[u32]) {
    let endpoints = weights.iter().enumerate().map(|(n, &weight)| endpoint(n + 1, weight, ""));
    balancer.update(now, endpoints, |endpoint, _| number(endpoint));
}

fn number(endpoint: &Endpoint) -> usize {
    endpoint.address.to_string()[2..].parse::<usize>().unwrap() - 1
}

/// One call to each endpoint, so that all have a latency.
fn measure(balancer: &Balancer<usize>, now: Moment, latency: impl Fn(usize) -> Duration) -> Moment {
    let mut last = now;
    for member in balancer.set().members() {
        let mut pick = libfast_balance::Pick::begin(member.clone(), now);
        let answered = now + latency(*member.owner);
        pick.record(Outcome::Answered, answered);
        last = last.max(answered);
    }
    last
}

/// How many of so many picks go where, each over before the next.
fn shares(balancer: &Balancer<usize>, now: Moment, picks: usize) -> Vec<usize> {
    let mut rng = fastrand::Rng::with_seed(1);
    let mut counts = vec![0; balancer.set().members().len()];
    for _ in 0..picks {
        counts[*balancer.pick(now, None, &mut rng, |_| false).unwrap().member().owner] += 1;
    }
    counts
}

/// Fails so many calls to one endpoint.
fn fail(balancer: &Balancer<usize>, at: Moment, who: usize, calls: usize) {
    let set = balancer.set();
    let member = set.members().iter().find(|member| *member.owner == who).unwrap();
    for _ in 0..calls {
        libfast_balance::Pick::begin(member.clone(), at).record(Outcome::Failed, at);
    }
}
