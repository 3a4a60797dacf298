//! A server gets well again (M10): at least half of its fair share within 10 s.

use super::records::median;
use super::server::Fault;
use super::world::{Change, Setup};
use super::*;

/// Seconds from recovery to the first second with at least half of the fair share.
fn back_after(policy: Policy, fault: Fault, long: Duration, part: f64) -> f64 {
    let run = |seed| {
        let mut setup = Setup::new(policy, 10, 1000.0, SECOND * 25 + long);
        setup.deadline = Some(SECOND);
        let well = SECOND * 2 + long;
        let setup = setup.at(SECOND * 2, Change::Fault(0, fault)).at(well, Change::Fault(0, Fault::None));
        let records = setup.run(seed);
        let share =
            |second: u32| records.between(well + SECOND * second, well + SECOND * (second + 1)).share(0);
        (0..22).find(|&second| share(second) >= 0.05).map_or(99.0, f64::from)
    };
    median(seeds(part).map(run).collect())
}

#[test]
fn the_slow_and_the_frozen_are_back_soon() {
    for (name, fault) in [("slow", Fault::Slow(10.0)), ("frozen", Fault::Frozen)] {
        let seconds = back_after(Policy::P2c, fault, SECOND * 20, 0.03);
        println!("M10: p2c, {name} for 20 s: half of its share in second {seconds}");
        assert!(seconds < 10.0);
    }
}

/// Only calls tell that one no longer fails, and each that tells the opposite doubles the time to the next: it is out for up
/// to twice as long as it failed, and then gets warm for as long.
#[test]
fn those_that_failed_are_back_after_their_time() {
    for policy in KEYLESS {
        let failing = Fault::Failing(Duration::from_micros(500));
        let seconds = back_after(policy, failing, SECOND * 5, 0.03);
        println!("M10: {policy:?}, failing for 5 s: half of its share in second {seconds}");
        assert!(seconds <= 12.0);
    }
}
