//! An address where nobody listens.

use socket2::{Domain, Socket, Type};
use std::io::{Error, Result};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// A port of loopback that refuses connections, and that nobody is given who asks for any port, as long as this is there. Who names
/// it may listen there.
pub struct Nobody {
    address: SocketAddr,
    // Bound and not listening.
    _socket: Socket,
}

impl Nobody {
    /// Takes a free port.
    pub fn new() -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // As all who listen do. It lets them have the address, and keeps it from those that ask for any.
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0).into())?;
        let address = socket.local_addr()?.as_socket().ok_or_else(|| Error::other("no address"))?;
        Ok(Self { address, _socket: socket })
    }

    /// The address, as in `127.0.0.1:4711`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn it_refuses_until_somebody_listens_there() {
        let nobody = Nobody::new().unwrap();
        let refused = TcpStream::connect(nobody.address()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let listener = TcpListener::bind(nobody.address()).unwrap();
        let _client = TcpStream::connect(nobody.address()).unwrap();
        listener.accept().unwrap();
    }
}
