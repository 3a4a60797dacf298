//! What tests need that is real: a ZooKeeper server in a process of its own, and a network with faults.
//!
//! - [`ZooKeeper::start`] runs a server. Nothing is installed into the system: it fetches Debian's packages into the
//!   ignored folder `.build` of the repository, once, and runs the server from there.
//! - [`ChaosProxy::start`] stands between clients and any server on TCP; [`chaos`] tells what it can do.

#![forbid(unsafe_code)]

pub mod chaos;
mod unavailable;
mod zookeeper;
mod zookeeper_jars;

pub use chaos::{ChaosProxy, ChaosSettings, Direction};
pub use unavailable::Unavailable;
pub use zookeeper::{ZooKeeper, ZooKeeperSettings};
