//! The servers: three real ones, and one that speaks as old ones do.

use super::cases::Case;
use super::libfast_server::LibfastServer;
use super::old_server::OldServer;
use super::process::{Process, node, rust_fast, tool};
use std::fmt;
use std::process::Stdio;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerKind {
    Libfast,
    NodeFast,
    RustFast,
    /// Frames that the libraries of today do not write, but must read.
    Old,
}

pub struct Servers {
    fastserve: Process,
    fastserve_address: String,
    libfast: LibfastServer,
    node: Option<(Process, String)>,
    rust: Process,
    rust_address: String,
    old: OldServer,
}

impl Servers {
    pub fn start() -> Self {
        let mut fastserve = Process::start(tool("fastserve").args(["-p", "0"]));
        let line = fastserve.line();
        let address = line.split_whitespace().nth(3).unwrap_or_else(|| panic!("{line:?}")).to_owned();
        let mut rust = Process::start(&mut rust_fast("server"));
        let rust_address = listening(&mut rust);
        Self {
            fastserve,
            fastserve_address: address,
            libfast: LibfastServer::start(),
            node: None,
            rust,
            rust_address,
            old: OldServer::start(),
        }
    }

    /// Where the server is that has the methods of this case.
    pub fn address(&mut self, server: ServerKind, case: &Case) -> String {
        match server {
            ServerKind::Libfast => {
                assert!(self.fastserve.is_running(), "fastserve has ended");
                match case.demo {
                    true => self.fastserve_address.clone(),
                    false => self.libfast.address(),
                }
            }
            ServerKind::NodeFast => self.node(),
            ServerKind::RustFast => {
                assert!(self.rust.is_running(), "the rust-fast server has ended");
                self.rust_address.clone()
            }
            ServerKind::Old => self.old.address(),
        }
    }

    /// The node-fast server, started again if something has ended it. What it says then is of no interest.
    fn node(&mut self) -> String {
        if !self.node.as_mut().is_some_and(|(process, _)| process.is_running()) {
            let mut process = Process::start(node("server.js").stderr(Stdio::null()));
            let address = listening(&mut process);
            self.node = Some((process, address));
        }
        self.node.as_ref().expect("just started").1.clone()
    }

    /// After something that must end it.
    pub fn wait_for_end_of_node(&mut self) {
        let (mut process, _) = self.node.take().expect("it was asked");
        while process.next_line().is_some() {}
    }
}

impl ServerKind {
    pub fn has(self, case: &Case) -> bool {
        case.old == (self == Self::Old)
    }
}

/// The address that a server prints first.
pub fn listening(process: &mut Process) -> String {
    let line = process.line();
    line.trim().strip_prefix("listening ").unwrap_or_else(|| panic!("the server says {line:?}")).to_owned()
}

impl fmt::Display for ServerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Libfast => "libfast",
            Self::NodeFast => "node-fast",
            Self::RustFast => "rust-fast",
            Self::Old => "old frames",
        })
    }
}
