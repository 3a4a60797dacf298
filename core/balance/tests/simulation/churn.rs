//! Servers come and go (M6), and are restarted.

use super::records::{End, max_to_mean, median};
use super::server::{Fault, Server, Service};
use super::world::{Change, Setup};
use super::*;

/// M6: a tenth server has about its share after 15 s and is never flooded; when it goes, no other one is.
#[test]
fn one_more_and_one_less() {
    for policy in KEYLESS {
        let (mut shares, mut floods, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for seed in seeds(0.03) {
            let added = Server::new(100, 4, Service::USUAL);
            let setup = Setup::new(policy, 9, 1000.0, SECOND * 32);
            let setup = setup.at(SECOND * 5, Change::Add(added)).at(SECOND * 26, Change::Remove(9));
            let records = setup.run(seed);
            shares.push(records.between(SECOND * 20, SECOND * 26).share(9) / 0.1);
            let each = (5..25).map(|second| records.between(SECOND * second, SECOND * (second + 1)));
            floods.push(each.map(|second| second.share(9) / 0.1).fold(0.0, f64::max));
            rest.push(max_to_mean(&records.between(SECOND * 26, SECOND * 31).per_server(9)));
        }
        let flood = floods.iter().copied().fold(0.0, f64::max);
        let (share, rest) = (median(shares), median(rest));
        println!(
            "M6 {policy:?}: share {share:.2} of fair, at most {flood:.2} in a second; others at most {rest:.2}"
        );
        assert!((share - 1.0).abs() <= 0.2 && median(floods) <= 1.5 && rest <= 1.3);
    }
}

/// Each server is restarted in turn: only calls that were under way on it fail, and the first one that finds it gone.
#[test]
fn rolling_restart() {
    let mut failed = Vec::new();
    for seed in seeds(0.1) {
        let mut setup = Setup::new(Policy::P2c, 5, 1000.0, SECOND * 12);
        for server in 0..5 {
            let down = SECOND * (1 + 2 * server as u32);
            setup = setup
                .at(down, Change::Fault(server, Fault::Down))
                .at(down + SECOND, Change::Fault(server, Fault::None));
        }
        let records = setup.run(seed);
        failed.push(records.count(|call| call.end == End::Failed) as f64 / 5.0);
        assert_eq!(records.count(|call| call.end == End::Unsent), 0);
    }
    let (worst, usual) = (failed.iter().copied().fold(0.0, f64::max), median(failed));
    println!("rolling restart: {usual:.1} failed calls per restart, at most {worst:.1}");
    assert!(usual <= 3.0 && worst <= 10.0);
}
