//! Servers fail or stand still.

use super::records::{End, median};
use super::server::Fault;
use super::world::{Change, Setup};
use super::*;

/// 1 of 10 fails each call in half a millisecond, which makes it look fast: at most 0.1 % of the calls go there.
#[test]
fn one_that_fails_fast_attracts_nobody() {
    for policy in KEYLESS {
        let share = |seed| {
            let setup = Setup::new(policy, 10, 2000.0, SECOND * 11);
            let failing = Fault::Failing(Duration::from_micros(500));
            setup.at(Duration::ZERO, Change::Fault(0, failing)).run(seed).after(SECOND).share(0)
        };
        let shares: Vec<f64> = seeds(0.03).map(share).collect();
        let (worst, usual) = (shares.iter().copied().fold(0.0, f64::max), median(shares));
        println!(
            "failing fast {policy:?}: {:.3} % of the calls, at most {:.3} %",
            usual * 100.0,
            worst * 100.0
        );
        assert!(usual <= 0.001 && worst <= 0.002);
    }
}

/// 1 of 5 stands still for 20 s: besides the calls that it was at work on, two on average, hardly any is lost to it.
#[test]
fn one_that_freezes_loses_few_calls() {
    let lost = |policy| {
        move |seed| {
            let mut setup = Setup::new(policy, 5, 2000.0, SECOND * 30);
            setup.deadline = Some(SECOND);
            setup.servers.iter_mut().for_each(|server| server.workers = 16);
            let frozen = Change::Fault(0, Fault::Frozen);
            let setup = setup.at(SECOND * 5, frozen).at(SECOND * 25, Change::Fault(0, Fault::None));
            setup.run(seed).count(|call| call.end == End::TimedOut) as f64
        }
    };
    let p2c: Vec<f64> = seeds(0.05).map(lost(Policy::P2c)).collect();
    let turns = median(seeds(0.01).map(lost(Policy::RoundRobin)).collect());
    let (worst, usual) = (p2c.iter().copied().fold(0.0, f64::max), median(p2c));
    println!("frozen for 20 s: p2c loses {usual} calls, at most {worst}; round_robin {turns}");
    assert!(usual <= 4.0 && worst <= 12.0 && usual < turns);
}

/// All fail: everybody is still tried, and nobody is left without an endpoint.
#[test]
fn when_all_fail_all_are_tried() {
    for policy in KEYLESS {
        for seed in seeds(0.02) {
            let mut setup = Setup::new(policy, 6, 500.0, SECOND * 5);
            for server in 0..6 {
                setup = setup.at(Duration::ZERO, Change::Fault(server, Fault::Failing(MS)));
            }
            let records = setup.run(seed);
            assert_eq!(records.count(|call| call.end == End::Unsent), 0);
            let late = records.after(SECOND).per_server(6);
            assert!(late.iter().all(|&count| count > 0.0), "{policy:?}: {late:?}");
        }
    }
}
