//! Providers and consumers listed in ZooKeeper.
//!
//! ```text
//! <root>/<service>/providers/<uuid>.<generation>   ephemeral, a Record as JSON; what changes
//!                                                 gets the next generation, in one transaction
//! <root>/<service>/consumers/<uuid>                ephemeral, likewise
//! <root>/<service>/config                          persistent, what an operator decided, as JSON
//! ```
//!
//! One [`ZooKeeperRegistry`] has one ZooKeeper session, made at the first use and shared by all its announcements and
//! watches; all that are [`shared`](ZooKeeperRegistry::shared) have one per ensemble and process. A supervisor owns it
//! and tells everybody when it is connected; the `Duty` of an announcer or a resolver is simply done again from the
//! start whenever that changes, because after a reconnect nothing that was known is certain. The last list stands as
//! long as ZooKeeper cannot be reached.
//!
//! Rules for the crate `zookeeper-client` that the code keeps to: one-shot watches only, as persistent ones are lost
//! at every reconnect; the old session is taken up again before a new one is made, as the crate declares a session
//! dead by its own clock while the server still holds it; what became of a request that failed with its connection is
//! found out by looking at the owner of the node.

#![forbid(unsafe_code)]

mod announcer;
mod backoff;
mod decisions;
mod duty;
mod failure;
mod foreign;
mod helper;
mod inspection;
mod keeping;
mod layouts;
mod node;
mod pace;
mod path;
mod place;
mod process;
mod registry;
mod resolver;
mod security;
mod session;
mod several;
mod supervisor;
mod tls;
mod upkeep;

pub use inspection::{Inspection, RootInspection, ServiceInspection};
pub use process::{close_shared, on_thread_start};
pub use registry::{ServiceCount, ZooKeeperRegistry};
