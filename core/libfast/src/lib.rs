//! Balanced calls between programs in C, C++, Python, PHP, Node and Rust.
//!
//! Programs serve methods, register themselves (in a folder of one machine, or in ZooKeeper), find each other, and call
//! each other with client-side load balancing. On the wire it is Fast, streaming JSON RPC over TCP, so programs that use
//! node-fast or rust-fast are members, too. This crate is for Rust; it needs a tokio runtime.
//!
//! ```no_run
//! # async fn example() -> libfast::Result<()> {
//! use libfast::{Client, Request, Server, ServerOptions};
//!
//! let mut options = ServerOptions::default();
//! options.announce = "calc".into();
//! let server = Server::new(options)?;
//! server.method("add", |request: Request| async move {
//!     let (a, b): (i64, i64) = request.args()?;
//!     Ok(a + b)
//! })?;
//! server.start().await?;
//!
//! let client = Client::new("calc")?;
//! let values = client.call("add", (2, 3)).await?;
//! assert_eq!(values[0].parse::<i64>()?, 5);
//! # Ok(())
//! # }
//! ```
//!
//! A *target* is a string: a service name (`calc`, in the registry of `$FAST_REGISTRY`, else in a folder of the user's own),
//! `host:port[,host:port…]`, `unix:/path`, `dir:///folder/service` or `zk://host:port/root/service`.

#![forbid(unsafe_code)]

pub use libfast_model::{
    Address, Cause, ChecksumV1, ClientOptions, Concurrency, Endpoint, Error, ErrorKind, Metadata, OptionKind,
    OptionSpec, Policy, Progress, Registry, RegistryCache, RemoteError, Result, ServerOptions, ServiceName,
    Target, Timestamp, VERSION, ZooKeeperAccess, ZooKeeperAcl, option_specs,
};
pub use libfast_registry::{Announcement, AnnouncementState, Record};
pub use libfast_rpc::{
    Affinity, Buffered, Call, CallEvent, CallObserver, CallOptions, CallRequest, Client, ClientInterceptor,
    Handler, IncomingCall, KangSnapshot, Metrics, Outcome, OutgoingCall, Picked, Registries, Request, Server,
    ServerInterceptor, Value, Way, announce, close_registries, kang_snapshot, metrics_text,
};
