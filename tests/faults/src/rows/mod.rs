//! What each row does.

pub mod broken;
pub mod bytes;
pub mod crowd;
pub mod elsewhere;
pub mod freeze;
pub mod herd;
pub mod ids;
pub mod kill;
pub mod network;
pub mod overload;
pub mod readers;
pub mod registration;
pub mod restart;
pub mod slow;
pub mod zookeeper;
