//! A port that can be closed and opened again, and in between goes to nobody by chance.

use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 1024;

pub struct Listener {
    /// Bound and never listening: while the port is closed, the system gives it to nobody who asks for any port. Who asks
    /// for this one, with SO_REUSEADDR, would get it.
    _guard: TcpSocket,
    address: SocketAddr,
    listener: Option<TcpListener>,
}

impl Listener {
    /// Listens; port 0 takes a free one.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let first = socket(address)?;
        let address = first.local_addr()?;
        let guard = socket(address)?;
        Ok(Self { _guard: guard, address, listener: Some(first.listen(BACKLOG)?) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens or refuses from now on.
    pub fn set_open(&mut self, open: bool) -> io::Result<()> {
        match (open, &self.listener) {
            (false, _) => self.listener = None,
            (true, None) => self.listener = Some(socket(self.address)?.listen(BACKLOG)?),
            (true, Some(_)) => {}
        }
        Ok(())
    }

    /// The next connection; none comes while they are refused.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        match &self.listener {
            Some(listener) => Ok(listener.accept().await?.0),
            None => std::future::pending().await,
        }
    }
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
