//! What each row does.

pub mod freeze;
pub mod kill;
pub mod overload;
pub mod restart;
pub mod slow;
