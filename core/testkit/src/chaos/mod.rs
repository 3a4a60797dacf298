//! A network with faults: a TCP proxy in front of one server, which delays, limits, spoils and breaks what passes.
//!
//! [`ChaosProxy`] is the proxy, [`Plan`] what is wrong at present: [`Faults`] per direction, and what happens to new
//! connections. The tool `fastchaos` is the same proxy with [commands](Command).
//!
//! ```
//! use libfast_testkit::{ChaosProxy, Direction};
//! use std::time::Duration;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::{TcpListener, TcpStream};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let server = TcpListener::bind("127.0.0.1:0").await?;
//! let proxy = ChaosProxy::start(server.local_addr()?.to_string())?;
//! proxy.change(|plan| plan.to_server.latency = Duration::from_millis(20));
//!
//! let mut client = TcpStream::connect(proxy.address()).await?;
//! let (mut accepted, _) = server.accept().await?;
//! client.write_all(b"late").await?;
//! let mut bytes = [0; 4];
//! accepted.read_exact(&mut bytes).await?;
//!
//! proxy.half_close(Direction::ToServer);
//! assert_eq!(accepted.read(&mut bytes).await?, 0);
//! proxy.reset();
//! assert_eq!(client.read(&mut bytes).await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
//! assert_eq!(proxy.counts().to_server.bytes, 4);
//! proxy.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! A proxy without faults is as transparent as one can be that ends TCP on either side: it passes bytes, the end of
//! each direction, and RST. It keeps at most [`BUFFER_BYTES`] per direction and 256 KiB per connection in all, and then
//! reads no more, so that the sender waits as for any slow receiver.
//!
//! What a proxy cannot do, because it sees a stream and not packets: lose, repeat or reorder them. To a program, loss is
//! latency; a network that is gone is [`Faults::stall`], in both directions or in one.

mod command;
mod connection;
mod corruptor;
mod counts;
mod delay_line;
mod dice;
mod listener;
mod orders;
mod pace;
mod pipe;
mod plan;
mod proxy;

pub use command::{COMMANDS, Change, Command, CommandError};
pub use counts::{Counts, Passed};
pub use delay_line::BUFFER_BYTES;
pub use plan::{Admission, Corruption, Direction, Ending, Faults, Flip, Plan};
pub use proxy::{ChaosProxy, ChaosSettings};
