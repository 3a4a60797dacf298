//! Choosing an endpoint: which of a service's providers takes the next call, and whether it may be sent at all.
//!
//! Pure decisions: time and randomness are arguments, nothing here waits, connects or reads a clock.
//!
//! ```text
//!  registry ─▶ Balancer::update(now, endpoints) ─▶ EndpointSet: immutable, replaced as a whole
//!  call     ─▶ Balancer::pick(now, …) ─▶ Pick ─▶ Pick::record(outcome, now) ─▶ Load of the endpoint
//!  pings    ─▶ Balancer::to_ping() ─▶ Load::ping_answered(now) or ping_failed()
//! ```
//!
//! Starting point: [`Balancer`]. Picking and recording take no lock: a set is a snapshot, and what is known about an endpoint
//! ([`Load`]) is atomics, which it keeps over all updates. The other state machines stand alone: [`RetryBudget`],
//! [`Throttle`] and [`TokenBucket`] for callers, [`Admission`] with [`Gradient`] for servers.

#![forbid(unsafe_code)]

mod admission;
mod balancer;
mod copies;
mod endpoint_set;
mod fair_queue;
mod gradient;
mod hash;
mod health;
mod latencies;
mod load;
mod marks;
mod member;
mod moment;
mod options;
mod owners;
mod pick;
mod picker;
mod pool;
mod retry_budget;
mod scan;
mod state;
mod subset;
mod survey;
mod throttle;
mod token_bucket;
mod window;

pub use admission::{Admission, AdmissionOptions, Offer};
pub use balancer::Balancer;
pub use endpoint_set::{Changes, EndpointSet};
pub use gradient::{Gradient, GradientOptions};
pub use hash::hash;
pub use latencies::Latencies;
pub use load::Load;
pub use member::Member;
pub use moment::Moment;
pub use options::{BalanceOptions, EjectionOptions};
pub use pick::{Outcome, Pick};
pub use picker::Picker;
pub use retry_budget::RetryBudget;
pub use state::{Standing, State};
pub use subset::subset;
pub use throttle::Throttle;
pub use token_bucket::TokenBucket;
