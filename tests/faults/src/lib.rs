//! The fault matrix: what a cluster of real processes does when something breaks.
//!
//! Each [`Row`] breaks one thing (a process dies or stops, a network loses packets, a peer sends nonsense) under a load
//! that goes on, and compares what the load saw with bars. [`ROWS`] lists them. The long form, whose figures count, is run
//! by `make faults`; the short form, of the same code, by the tests of this crate.

#![forbid(unsafe_code)]

pub mod clock;
pub mod ledger;
pub mod load;
pub mod measured;
pub mod network;
pub mod page;
pub mod process;
mod raw;
pub mod report;
pub mod results;
pub mod rig;
mod row;
mod rows;
pub mod server;

pub use row::{ROWS, Row};
