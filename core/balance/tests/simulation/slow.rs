//! Some servers are slow (M1, M2, M3).

use super::records::{Latencies, median};
use super::server::Fault;
use super::world::{Change, Setup};
use super::*;

/// The p99 over all seeds, and the part of the calls that the first server got.
fn measure(setup: impl Fn() -> Setup, warm: Duration, part: f64) -> (f64, f64) {
    let (mut latencies, mut shares) = (Latencies::new(), Vec::new());
    for seed in seeds(part) {
        let records = setup().run(seed).after(warm);
        shares.push(records.share(0));
        latencies.add(&records);
    }
    (latencies.quantile(0.99), shares.iter().sum::<f64>() / shares.len() as f64)
}

/// M1: 1 of 10 takes ten times as long; p99 at most 1.10 of healthy.
#[test]
fn one_of_ten_slow() {
    for (clients, most, part) in [(1, 0.001, 1.0), (20, 0.005, 0.3)] {
        let setup = |policy, slow: bool| {
            move || {
                let mut setup = Setup::new(policy, 10, 500.0, SECOND * 8);
                setup.clients = clients;
                if slow { setup.at(Duration::ZERO, Change::Fault(0, Fault::Slow(10.0))) } else { setup }
            }
        };
        let (healthy, _) = measure(setup(Policy::P2c, false), SECOND * 4, part);
        let (p99, share) = measure(setup(Policy::P2c, true), SECOND * 4, part);
        let (least_loaded, its_share) = measure(setup(Policy::LeastLoaded, true), SECOND * 4, 0.02);
        let (turns, _) = measure(setup(Policy::RoundRobin, true), SECOND * 4, 0.02);
        println!(
            "M1, {clients} clients: p99 {p99:.1} ms of healthy {healthy:.1}, share {:.3} %; least_loaded {least_loaded:.1} ms, \
             {:.1} %; round_robin {turns:.0} ms",
            share * 100.0,
            its_share * 100.0
        );
        assert!(p99 <= 1.10 * healthy && share <= most);
        assert!(p99 < least_loaded && least_loaded < turns);
    }
}

/// M2: 2 of 4 take ten times as long; p99 at most 1.3 of healthy.
#[test]
fn two_of_four_slow() {
    let setup = |policy, slow: bool| {
        move || {
            let setup = Setup::new(policy, 4, 400.0, SECOND * 10);
            if !slow {
                return setup;
            }
            let fault = |server| Change::Fault(server, Fault::Slow(10.0));
            setup.at(Duration::ZERO, fault(0)).at(Duration::ZERO, fault(1))
        }
    };
    let (healthy, _) = measure(setup(Policy::P2c, false), SECOND * 4, 1.0);
    let (p99, share) = measure(setup(Policy::P2c, true), SECOND * 4, 1.0);
    println!("M2: p99 {p99:.1} ms of healthy {healthy:.1}, share of one of the slow {:.3} %", share * 100.0);
    assert!(p99 <= 1.3 * healthy);
}

/// M3, the experiment that Linkerd published: 11 servers, one of which takes 2 s for half of the time.
#[test]
fn one_of_eleven_takes_two_seconds_for_a_while() {
    let within = |policy, part| {
        let run = |seed| {
            let mut setup = Setup::new(policy, 11, 200.0, SECOND * 60);
            setup.servers.iter_mut().for_each(|server| server.workers = 1000);
            let slow = Change::Fault(0, Fault::Slow(400.0));
            let setup = setup.at(SECOND * 15, slow).at(SECOND * 45, Change::Fault(0, Fault::None));
            let records = setup.run(seed);
            records.count(|call| call.took <= SECOND) as f64 / records.0.len() as f64
        };
        median(seeds(part).map(run).collect())
    };
    let (p2c, least_loaded, turns) =
        (within(Policy::P2c, 0.1), within(Policy::LeastLoaded, 0.02), within(Policy::RoundRobin, 0.02));
    println!("M3, within 1 s: p2c {p2c:.4}, least_loaded {least_loaded:.4}, round_robin {turns:.4}");
    assert!(p2c >= 0.9985 && p2c > least_loaded && least_loaded > turns);
}
