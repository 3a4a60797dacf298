//! Where the monitoring pages are served.

use libfast::{Address, Error, ErrorKind, Result};
use std::net::IpAddr;
use tokio::net::TcpListener;

/// The listener of the monitoring pages.
#[derive(Debug)]
pub struct Monitoring {
    /// Listens since this was made.
    pub listener: TcpListener,
    /// Where, with the port that was found for port 0.
    pub address: Address,
}

impl Monitoring {
    /// Listens on a TCP address.
    pub async fn listen(address: &Address) -> Result<Self> {
        let cannot_listen = |error: std::io::Error| {
            let message = format!("cannot listen on {address} for monitoring (option -m): {error}");
            Error::new(ErrorKind::Connect, message).at(address)
        };
        let Address::Tcp { host, port } = address else {
            return Err(cannot_listen(std::io::ErrorKind::AddrNotAvailable.into()));
        };
        let listener = TcpListener::bind((host.as_str(), *port)).await.map_err(cannot_listen)?;
        let bound = listener.local_addr().map_err(cannot_listen)?;
        Ok(Self { listener, address: Address::Tcp { host: host.clone(), port: bound.port() } })
    }

    /// The address as others can use it; empty if it stands for all addresses.
    pub fn callable(&self) -> String {
        match &self.address {
            Address::Tcp { host, .. } if host.parse().is_ok_and(|ip: IpAddr| ip.is_unspecified()) => {
                String::new()
            }
            address => address.to_string(),
        }
    }
}
