//! A client and a server driven against each other in memory, and each against frames that no sane peer
//! sends.

mod both;
mod client;
mod pair;
mod server;
