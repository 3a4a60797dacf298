//! Balancing as its users meet it: clients, servers and faults on simulated time, the same for each seed.
//!
//! Each policy is looked at with 1,000 seeds; where one run is long, with a part of these. `SEEDS=10000 cargo test -p
//! libfast-balance --test simulation` looks at ten times as many. What a test measured is printed with `-- --nocapture`.

mod churn;
mod even;
mod faults;
mod overload;
mod records;
mod recovery;
mod server;
mod slow;
mod world;

use libfast_model::Policy;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Those that notice how the endpoints do.
const AWARE: [Policy; 2] = [Policy::P2c, Policy::LeastLoaded];
/// All that may be used without keys.
const KEYLESS: [Policy; 6] = [
    Policy::P2c,
    Policy::LeastLoaded,
    Policy::RoundRobin,
    Policy::WeightedRoundRobin,
    Policy::Random,
    Policy::WeightedRandom,
];

/// The seeds to look at, or a part of them where one run is long.
fn seeds(part: f64) -> std::ops::Range<u64> {
    let all = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1000.0);
    0..((all * part) as u64).max(3)
}
