//! What tests need that is real: at present a ZooKeeper server in a process of its own.
//!
//! Nothing here is asynchronous and nothing is installed into the system: [`ZooKeeper::start`] fetches Debian's
//! packages into the ignored folder `.build` of the repository, once, and runs the server from there.

#![forbid(unsafe_code)]

mod unavailable;
mod zookeeper;
mod zookeeper_jars;

pub use unavailable::Unavailable;
pub use zookeeper::{ZooKeeper, ZooKeeperSettings};
