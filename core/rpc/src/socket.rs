//! One byte stream or listener, TCP or Unix.

use crate::unacknowledged::unacknowledged;
use bytes::{Buf, BytesMut};
use libfast_model::{Address, InheritedFd};
use libfast_protocol::frame_bytes;
use socket2::TcpKeepalive;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, Interest, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream, tcp, unix};

/// A connected stream. All methods take `&self`, so that a caller can write while a task reads with the [`Reader`].
#[derive(Debug)]
pub(crate) struct Socket {
    // Dropped before the stream: the descriptor must not be noted any more when it is closed.
    _noted: InheritedFd,
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    Tcp(tcp::OwnedWriteHalf),
    Unix(unix::OwnedWriteHalf),
}

/// The incoming side of a stream, for the one task that reads it.
#[derive(Debug)]
pub(crate) enum Reader {
    Tcp(tcp::OwnedReadHalf),
    Unix(unix::OwnedReadHalf),
}

/// Read at most per system call, unless more is known to be on its way.
const READ_BYTES: usize = 64 * 1024;

/// What a message that is larger than that grows by, in times of what has come.
const GROWTH: usize = 3;

/// Where the two ends of a stream are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ends {
    Tcp {
        remote: SocketAddr,
        local: SocketAddr,
    },
    Unix,
    /// The peer is gone.
    Unknown,
}

/// Calls a method that both kinds of stream have.
macro_rules! either {
    ($stream:expr, $s:ident => $call:expr) => {
        match &$stream {
            Stream::Tcp($s) => $call,
            Stream::Unix($s) => $call,
        }
    };
}

/// Of what was written, the system takes no more than this beyond what the peer has room for. By itself it takes up to 4 MiB, which a
/// peer that does not read costs it, and us the time to write that. Measured at 100 of them: their answers kept others waiting for
/// half a second. A peer that reads gets its answers no later: there is more when half of this is left.
const MOST_UNSENT: u32 = 128 * 1024;

/// Silence before the kernel asks whether the peer is there, time between questions, and unanswered ones that end it.
const IDLE: Duration = Duration::from_secs(3);
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
const PROBES: u32 = 3;

impl Socket {
    /// Connects. The caller sets the time limit. See [`tcp`](Self::tcp) for `unacknowledged`.
    pub async fn connect(address: &Address, unacknowledged: Duration) -> io::Result<(Self, Reader)> {
        match address {
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                Self::tcp(stream, unacknowledged)
            }
            Address::Unix(path) => UnixStream::connect(path).await.map(Self::unix),
        }
    }

    /// Gives up a peer that leaves what was sent without acknowledgement, or takes nothing more, for `unacknowledged`;
    /// zero leaves that to the system.
    fn tcp(stream: TcpStream, unacknowledged: Duration) -> io::Result<(Self, Reader)> {
        // Writes are gathered here already; waiting for more only delays a lone call (43 ms with delayed ACK).
        stream.set_nodelay(true)?;
        // A peer that vanished without a word is noticed within seconds although nobody writes.
        let probes = TcpKeepalive::new().with_time(IDLE).with_interval(PROBE_INTERVAL).with_retries(PROBES);
        socket2::SockRef::from(&stream).set_tcp_keepalive(&probes)?;
        // The probes are not sent while something is unacknowledged.
        if !unacknowledged.is_zero() {
            socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(unacknowledged))?;
        }
        // Where the system knows nothing of it, slow peers cost more.
        let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(MOST_UNSENT);
        let noted = InheritedFd::note(&stream);
        let (reader, stream) = stream.into_split();
        Ok((Self { _noted: noted, stream: Stream::Tcp(stream) }, Reader::Tcp(reader)))
    }

    fn unix(stream: UnixStream) -> (Self, Reader) {
        let noted = InheritedFd::note(&stream);
        let (reader, stream) = stream.into_split();
        (Self { _noted: noted, stream: Stream::Unix(stream) }, Reader::Unix(reader))
    }

    /// Waits until a read can make progress.
    pub async fn readable(&self) -> io::Result<()> {
        either!(self.stream, s => s.as_ref().readable().await)
    }

    /// Waits until a write can make progress.
    pub async fn writable(&self) -> io::Result<()> {
        either!(self.stream, s => s.writable().await)
    }

    /// Whether the other end is known to be closed, not only to send nothing more. A TCP peer's close shows when
    /// something is sent to it.
    pub fn is_hung_up(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let hung_up = |stream: BorrowedFd<'_>| {
            let mut polled = [PollFd::from_borrowed_fd(stream, PollFlags::empty())];
            poll(&mut polled, Some(&Timespec::default())).is_ok()
                && polled[0].revents().contains(PollFlags::HUP)
        };
        either!(self.stream, s => hung_up(s.as_ref().as_fd()))
    }

    /// Waits until the stream is found broken, for somebody who neither reads nor writes.
    pub async fn broken(&self) -> io::Error {
        let waited = either!(self.stream, s => s.as_ref().ready(Interest::ERROR).await);
        let found = either!(self.stream, s => s.as_ref().take_error());
        waited.err().or(found.ok().flatten()).unwrap_or_else(|| io::ErrorKind::ConnectionReset.into())
    }

    /// Reads what is there into the spare capacity of `input`. `Ok(0)` is the end of the stream.
    pub fn try_read(&self, input: &mut BytesMut) -> io::Result<usize> {
        either!(self.stream, s => s.as_ref().try_read_buf(input))
    }

    /// Writes from the front of `output` until it is empty (`true`) or the kernel takes no more (`false`).
    pub fn try_write(&self, output: &mut BytesMut) -> io::Result<bool> {
        while !output.is_empty() {
            match either!(self.stream, s => s.try_write(output)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => output.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// As [`try_write`](Self::try_write), once, and without believing the system that there is no room. Returns how many bytes it took.
    pub fn push(&self, output: &mut BytesMut) -> io::Result<usize> {
        use rustix::net::{SendFlags, send};
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        match either!(self.stream, s => send(s.as_ref().as_fd(), output, flags)).map_err(io::Error::from) {
            Ok(taken) => {
                output.advance(taken);
                Ok(taken)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    /// How much of what was written the peer's system has not got yet, as far as that is known.
    pub fn unsent(&self) -> u64 {
        match self.ends() {
            Ends::Tcp { remote, local } => unacknowledged(local, remote).unwrap_or(0),
            // The other end of a Unix socket has it at once.
            Ends::Unix | Ends::Unknown => 0,
        }
    }

    /// Tells the peer's system now what has been read. A peer that writes an answer in pieces and gathers small writes sends
    /// the next piece only then, after 40 ms with acknowledgements as they are by default.
    pub fn acknowledge(&self) {
        if let Stream::Tcp(stream) = &self.stream {
            // Without it things are slower, not wrong.
            let _ = socket2::SockRef::from(stream.as_ref()).set_tcp_quickack(true);
        }
    }

    /// Has the stream reset when it is closed, with what was written and not sent: the system would keep that, up to 4 MiB, and
    /// offer it for many minutes.
    pub fn reset_when_closed(&self) {
        let linger = Some(Duration::ZERO);
        let _ = either!(self.stream, s => socket2::SockRef::from(s.as_ref()).set_linger(linger));
    }

    /// Ends the stream in one direction: the peer reads to the end of what was written.
    pub fn end_writing(&self) {
        let _ = either!(self.stream, s => socket2::SockRef::from(s.as_ref()).shutdown(Shutdown::Write));
    }

    /// Ends the stream in both directions; readers and writers of it wake up.
    pub fn shut_down(&self) {
        // An error means that it is not connected any more, which is what is wanted.
        let _ = either!(self.stream, s => socket2::SockRef::from(s.as_ref()).shutdown(Shutdown::Both));
    }

    /// Where both ends are.
    pub fn ends(&self) -> Ends {
        match &self.stream {
            Stream::Tcp(s) => match (s.peer_addr(), s.local_addr()) {
                (Ok(remote), Ok(local)) => Ends::Tcp { remote, local },
                _ => Ends::Unknown,
            },
            Stream::Unix(_) => Ends::Unix,
        }
    }

    /// The other end, for messages.
    pub fn peer(&self) -> String {
        match &self.stream {
            Stream::Tcp(s) => s.peer_addr().map_or_else(|_| "unknown".into(), |a| a.to_string()),
            Stream::Unix(_) => "unix".into(),
        }
    }
}

thread_local! {
    /// Where reads go first, one for all connections that a thread reads.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

impl Reader {
    /// Waits for bytes and adds them to `input`. `Ok(0)` is the end of the stream. Cancel safe.
    ///
    /// `input` gets a buffer that fits what came: values and arguments are slices of it and may be kept for long, and an idle
    /// connection has none. Only the rest of what is large is read straight to its place.
    pub async fn read(&mut self, input: &mut BytesMut) -> io::Result<usize> {
        poll_fn(|cx| {
            if input.len() >= READ_BYTES {
                // In large steps, for each one moves what is there. Memory that nothing is read into is not touched.
                if input.capacity() == input.len() {
                    input.reserve(growth(input));
                }
                return match self {
                    Self::Tcp(half) => pin!(half.read_buf(input)).poll(cx),
                    Self::Unix(half) => pin!(half.read_buf(input)).poll(cx),
                };
            }
            // An empty rest, too, holds on to what it was cut from: megabytes, after a large message.
            if input.is_empty() {
                *input = BytesMut::new();
            }
            SCRATCH.with_borrow_mut(|scratch| {
                let mut read = ReadBuf::new(scratch);
                // Unlike `try_read`, this knows from a short read that there is no more, and does not ask again.
                ready!(match self {
                    Self::Tcp(half) => Pin::new(half).poll_read(cx, &mut read),
                    Self::Unix(half) => Pin::new(half).poll_read(cx, &mut read),
                })?;
                match input.is_empty() {
                    true => *input = BytesMut::from(read.filled()),
                    false => input.extend_from_slice(read.filled()),
                }
                Poll::Ready(Ok(read.filled().len()))
            })
        })
        .await
    }
}

/// For how many bytes more a message of which `input` is the beginning is made room: to its end if that is not far, and never
/// far beyond what has come, whatever it announces.
fn growth(input: &[u8]) -> usize {
    let is_near = |whole: &usize| (input.len() + 1..=input.len() * (GROWTH + 2)).contains(whole);
    // In full powers of two: glibc gives memory back to the system, page by page, when twice the largest block is free, which the
    // three copies of a message that is answered with itself were after each call.
    let near = frame_bytes(input).filter(is_near).map(usize::next_power_of_two);
    near.map_or(input.len() * GROWTH, |whole| whole - input.len())
}

/// A listening socket. A Unix socket's file is removed with it.
#[derive(Debug)]
pub(crate) struct Listener {
    _noted: InheritedFd,
    unacknowledged: Duration,
    kind: ListenerKind,
}

#[derive(Debug)]
enum ListenerKind {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

const BACKLOG: i32 = 1024;

impl Listener {
    /// Binds and listens. A file left at a Unix address by a dead server is replaced; a live server's is not.
    /// What it accepts is as [`Socket::connect`] has it.
    pub async fn bind(address: &Address, unacknowledged: Duration) -> io::Result<Self> {
        match address {
            Address::Tcp { host, port } => {
                let mut last = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
                for resolved in tokio::net::lookup_host((host.as_str(), *port)).await? {
                    match listen(resolved) {
                        Ok(listener) => {
                            let noted = InheritedFd::note(&listener);
                            let kind = ListenerKind::Tcp(listener);
                            return Ok(Self { _noted: noted, unacknowledged, kind });
                        }
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            Address::Unix(path) => {
                remove_stale(path).await?;
                let listener = UnixListener::bind(path)?;
                let noted = InheritedFd::note(&listener);
                let kind = ListenerKind::Unix(listener, path.clone());
                Ok(Self { _noted: noted, unacknowledged, kind })
            }
        }
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> io::Result<(Socket, Reader)> {
        match &self.kind {
            ListenerKind::Tcp(listener) => Socket::tcp(listener.accept().await?.0, self.unacknowledged),
            ListenerKind::Unix(listener, _) => Ok(Socket::unix(listener.accept().await?.0)),
        }
    }

    /// The bound address, with the port that was found for port 0.
    pub fn address(&self) -> io::Result<Address> {
        match &self.kind {
            ListenerKind::Tcp(listener) => {
                let bound = listener.local_addr()?;
                Ok(Address::Tcp { host: bound.ip().to_string(), port: bound.port() })
            }
            ListenerKind::Unix(_, path) => Ok(Address::Unix(path.clone())),
        }
    }
}

impl Drop for Listener {
    /// Closing is not enough: a child that this process is just starting holds a copy, which would go on listening until the
    /// child becomes its program.
    fn drop(&mut self) {
        let _ = match &self.kind {
            ListenerKind::Tcp(listener) => socket2::SockRef::from(listener).shutdown(Shutdown::Both),
            ListenerKind::Unix(listener, path) => {
                let _ = std::fs::remove_file(path);
                socket2::SockRef::from(listener).shutdown(Shutdown::Both)
            }
        };
    }
}

fn listen(address: std::net::SocketAddr) -> io::Result<TcpListener> {
    let socket =
        if address.is_ipv4() { tokio::net::TcpSocket::new_v4() } else { tokio::net::TcpSocket::new_v6() }?;
    // A restarted server takes its port back while connections of the old one are in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG as u32)
}

async fn remove_stale(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "a live server listens there")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: Duration = Duration::from_secs(5);

    /// Together with delayed acknowledgements the system's default makes a lone call wait for 40 ms.
    #[tokio::test]
    async fn neither_side_gathers_small_writes_or_waits_for_ever() {
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap(), FIVE).await.unwrap();
        let address = listener.address().unwrap();
        let (connected, accepted) = tokio::join!(Socket::connect(&address, FIVE), listener.accept());
        for (socket, _) in [connected.unwrap(), accepted.unwrap()] {
            let Stream::Tcp(stream) = &socket.stream else { panic!("a TCP address") };
            assert!(stream.as_ref().nodelay().unwrap());
            // How the system obeys needs a network that loses packets.
            assert_eq!(socket2::SockRef::from(stream.as_ref()).tcp_user_timeout().unwrap(), Some(FIVE));
        }
    }

    #[tokio::test]
    async fn a_closed_listener_refuses_while_a_child_being_started_still_holds_it() {
        use std::os::fd::AsFd;
        let folder = tempfile::tempdir().unwrap();
        let path = format!("unix:{}", folder.path().join("socket").display());
        for address in ["127.0.0.1:0", &path] {
            let listener = Listener::bind(&address.parse().unwrap(), FIVE).await.unwrap();
            let address = listener.address().unwrap();
            let _of_child = match &listener.kind {
                ListenerKind::Tcp(listener) => listener.as_fd().try_clone_to_owned(),
                ListenerKind::Unix(listener, _) => listener.as_fd().try_clone_to_owned(),
            };
            drop(listener);
            assert!(Socket::connect(&address, FIVE).await.is_err(), "{address}");
        }
    }

    #[tokio::test]
    async fn little_is_kept_by_the_system_for_a_peer_that_does_not_read() {
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap(), FIVE).await.unwrap();
        let address = listener.address().unwrap();
        let (connected, accepted) = tokio::join!(Socket::connect(&address, FIVE), listener.accept());
        let ((writer, _reading), _reader) = (connected.unwrap(), accepted.unwrap());
        let mut taken = 0;
        loop {
            writer.writable().await.unwrap();
            let mut output = BytesMut::from(&[7; 65_536][..]);
            let took_all = writer.try_write(&mut output).unwrap();
            taken += 65_536 - output.len();
            if !took_all {
                break;
            }
        }
        // Its system has a window of 64 KiB for it, unless that is set to something else.
        assert!(taken < 1 << 20, "{taken} bytes");
    }

    #[test]
    fn room_is_made_as_far_as_a_message_goes_and_not_for_what_is_only_announced() {
        use libfast_protocol::{Status, Version, encode};
        let mut message = BytesMut::new();
        encode(&mut message, Version::V2, Status::Data, 1, &[b' '; 1 << 20]);
        for came in [1 << 16, 1 << 17, 1 << 18, 1 << 19, message.len() - 1] {
            let room = came + growth(&message[..came]);
            assert!(room == 4 * came || (message.len()..2 * message.len()).contains(&room), "{came}");
        }
        assert_eq!(growth(&message[..1 << 16]), 3 << 16);
        // Behind its end, or of what is no message.
        assert_eq!((growth(&message), growth(b"none, but long enough")), (3 * message.len(), 3 * 21));
    }

    /// A connection that waits after a large message must not keep the memory of that.
    #[tokio::test]
    async fn a_waiting_reader_lets_go_of_what_was_taken() {
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap(), FIVE).await.unwrap();
        let address = listener.address().unwrap();
        let (connected, accepted) = tokio::join!(Socket::connect(&address, FIVE), listener.accept());
        let (mut writer, (_socket, mut reader)) = (connected.unwrap().0, accepted.unwrap());
        let Stream::Tcp(stream) = &mut writer.stream else { panic!("a TCP address") };
        let (sent, mut input) = (vec![7; 1_000_000], BytesMut::new());
        let write = tokio::io::AsyncWriteExt::write_all(stream, &sent);
        let read = async {
            while input.len() < sent.len() {
                reader.read(&mut input).await.unwrap();
            }
        };
        assert!(tokio::join!(write, read).0.is_ok());
        let taken = input.split().freeze();
        let mut read = pin!(reader.read(&mut input));
        assert!(poll_fn(|cx| Poll::Ready(read.as_mut().poll(cx).is_pending())).await);
        assert!(taken.is_unique());
    }
}
