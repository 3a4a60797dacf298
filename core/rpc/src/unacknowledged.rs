//! What was written to a TCP connection and the peer's system has not acknowledged.
//!
//! The usual way to learn that, the request `SIOCOUTQ`, can be made only in unsafe code. The system tells the same number to tools
//! such as `ss`, over a socket (sock_diag(7)): one question with both ends of the connection, one answer.

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use rustix::net::{netlink, recv, send, socket_with};
use std::net::SocketAddr;

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const TCP: u8 = 6;
const QUESTION_BYTES: u32 = 72;
/// Where the number is in the answer, behind the header (16), four bytes, both ends (48), a timer and the other queue.
const UNACKNOWLEDGED: std::ops::Range<usize> = 76..80;

/// How many bytes. `None` where the system does not tell.
pub(crate) fn unacknowledged(local: SocketAddr, remote: SocketAddr) -> Option<u64> {
    let question = question(local, remote)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let system =
        socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, Some(netlink::SOCK_DIAG)).ok()?;
    send(&system, &question, SendFlags::empty()).ok()?;
    let mut answer = [0; 512];
    // It is there when the question is sent.
    let (read, _) = recv(&system, &mut answer[..], RecvFlags::empty()).ok()?;
    let answer = &answer[..read];
    let kind = answer.get(4..6)?;
    let bytes = answer.get(UNACKNOWLEDGED)?.try_into().ok()?;
    (kind == SOCK_DIAG_BY_FAMILY.to_ne_bytes()).then_some(u64::from(u32::from_ne_bytes(bytes)))
}

/// `nlmsghdr` and `inet_diag_req_v2`.
fn question(local: SocketAddr, remote: SocketAddr) -> Option<Vec<u8>> {
    let (family, from, to, interface) = match (local, remote) {
        (SocketAddr::V4(local), SocketAddr::V4(remote)) => {
            let wide = |octets: [u8; 4]| {
                let mut wide = [0; 16];
                wide[..4].copy_from_slice(&octets);
                wide
            };
            (AddressFamily::INET, wide(local.ip().octets()), wide(remote.ip().octets()), 0)
        }
        (SocketAddr::V6(local), SocketAddr::V6(remote)) => {
            (AddressFamily::INET6, local.ip().octets(), remote.ip().octets(), local.scope_id())
        }
        _ => return None,
    };
    let family = u8::try_from(family.as_raw()).ok()?;
    let mut question = Vec::with_capacity(QUESTION_BYTES as usize);
    question.extend(QUESTION_BYTES.to_ne_bytes());
    question.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    question.extend(NLM_F_REQUEST.to_ne_bytes());
    // Neither a number of the question nor who asks.
    question.extend([0; 8]);
    question.extend([family, TCP, 0, 0]);
    // In whatever state it is.
    question.extend(u32::MAX.to_ne_bytes());
    question.extend(local.port().to_be_bytes());
    question.extend(remote.port().to_be_bytes());
    question.extend(from);
    question.extend(to);
    question.extend(interface.to_ne_bytes());
    // Whichever connection has these ends.
    question.extend([u8::MAX; 8]);
    Some(question)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    fn until(what: &str, condition: impl Fn() -> bool) {
        let started = Instant::now();
        while !condition() {
            assert!(started.elapsed() < Duration::from_secs(20), "{what}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn it_is_what_the_reader_has_no_room_for() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let mut writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut reader, _) = listener.accept().unwrap();
            let (local, remote) = (writer.local_addr().unwrap(), writer.peer_addr().unwrap());
            let left = || unacknowledged(local, remote).expect("the system tells");
            assert_eq!(left(), 0);
            writer.set_nonblocking(true).unwrap();
            let mut written = 0;
            while let Ok(more) = writer.write(&[7; 65_536]) {
                written += more;
            }
            assert!((1..=written as u64).contains(&left()), "{} of {written}", left());
            reader.read_exact(&mut vec![0; written]).unwrap();
            until("all is acknowledged", || left() == 0);
        }
    }

    #[test]
    fn of_a_connection_that_is_not_there_nothing_is_known() {
        let own = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(unacknowledged(own, "127.0.0.1:1".parse().unwrap()), None);
        assert_eq!(unacknowledged(own, "[::1]:1".parse().unwrap()), None);
    }
}
