//! The proxy between real peers: each fault as both of them see it.

mod admission;
mod command;
mod content;
mod endings;
mod life;
mod stall;
mod support;
mod timing;
