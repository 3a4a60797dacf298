//! What other programs can see of a running load: kang's snapshot and the metrics, each on a port of this machine.

use super::live::Live;
use super::load::Load;
use crate::monitor::{self, Pages};
use crate::output;
use libfast::{Client, Error, ErrorKind, KangSnapshot, Result};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// Where to show it. Port 0 is a free one, of which the user is told.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// Option `-k`.
    pub kang: Option<u16>,
    /// Option `-p`.
    pub metrics: Option<u16>,
}

/// The pages, for as long as the process lives.
pub struct Monitoring(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    clients: Vec<Client>,
    live: Vec<Arc<Live>>,
}

impl Ports {
    /// Whether anything is to be shown.
    pub fn any(&self) -> bool {
        self.kang.is_some() || self.metrics.is_some()
    }
}

impl Monitoring {
    /// Listens, or says which port is taken.
    pub async fn start(ports: Ports) -> Result<Self> {
        let monitoring = Self(Arc::default());
        let pages = [(ports.kang, "-k", "kang/snapshot"), (ports.metrics, "-p", "metrics")];
        for (port, option, path) in pages.into_iter().filter_map(|(port, o, p)| Some((port?, o, p))) {
            let refused = |error: std::io::Error| {
                let message =
                    format!("cannot listen on 127.0.0.1:{port} for monitoring (option {option}): {error}");
                Error::new(ErrorKind::Connect, message).at(format_args!("127.0.0.1:{port}"))
            };
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(refused)?;
            if port == 0 {
                let address = listener.local_addr().map_err(refused)?;
                output::say(&format!("fastbench: http://{address}/{path}"));
            }
            let seen = monitoring.0.clone();
            tokio::spawn(monitor::serve(listener, Pages::new(move || snapshot(&seen))));
        }
        Ok(monitoring)
    }

    /// Shows the connections of this load from now on.
    pub fn show(&self, load: &Load) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Seen { clients: load.clients().to_vec(), live: load.live().to_vec() };
    }
}

fn snapshot(seen: &Mutex<Seen>) -> String {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let most = seen.live.iter().map(|live| live.most_in_flight()).sum();
    let snapshot = KangSnapshot::new("fastbench").stat("maxObservedConcurrency", most);
    seen.clients.iter().fold(snapshot, KangSnapshot::client).to_json()
}
