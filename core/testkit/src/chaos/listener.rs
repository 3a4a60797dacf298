//! A port that can be closed and opened again, and in between goes to nobody by chance.

use socket2::SockRef;
use std::io;
use std::net::{Shutdown, SocketAddr};
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
            (false, Some(listener)) => {
                // Closing is not enough: a child that this process is just starting holds a copy, which goes on listening
                // until the child becomes its program.
                SockRef::from(listener).shutdown(Shutdown::Both)?;
                self.listener = None;
            }
            (false, None) => {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[tokio::test]
    async fn a_closed_port_refuses_while_a_child_being_started_still_holds_it() {
        let mut listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let _of_child = listener.listener.as_ref().unwrap().as_fd().try_clone_to_owned().unwrap();
        listener.set_open(false).unwrap();
        let refused = TcpStream::connect(listener.address()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        listener.set_open(true).unwrap();
        TcpStream::connect(listener.address()).await.unwrap();
    }
}
