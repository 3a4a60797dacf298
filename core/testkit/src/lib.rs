//! What tests need that is real: ZooKeeper servers in processes of their own, and a network with faults.
//!
//! - [`ZooKeeper::start`] runs a server, [`ZooKeeperEnsemble::start`] three that are one. Nothing is installed into the system: it fetches Debian's packages into the
//!   ignored folder `.build` of the repository, once, and runs the server from there.
//! - [`ChaosProxy::start`] stands between clients and any server on TCP; [`chaos`] tells what it can do.
//! - [`Nobody`] is an address where nobody listens.

#![forbid(unsafe_code)]

pub mod chaos;
mod nobody;
mod unavailable;
mod zookeeper;
mod zookeeper_ensemble;
mod zookeeper_jars;
mod zookeeper_process;
mod zookeeper_secured;

pub use chaos::{ChaosProxy, ChaosSettings, Direction};
pub use nobody::Nobody;
pub use unavailable::Unavailable;
pub use zookeeper::{ZooKeeper, ZooKeeperSettings};
pub use zookeeper_ensemble::ZooKeeperEnsemble;
pub use zookeeper_secured::Secrets;
