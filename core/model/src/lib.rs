//! The nouns and tables that every part of libfast shares.
//!
//! What is visible outside is declared here once: the kinds of error ([`ErrorKind`]), the options
//! ([`ClientOptions`], [`ServerOptions`]), the metrics ([`Metric`]) and the grammar of a [`Target`]. Headers, documentation and the
//! constants of each binding are generated from these tables by `core/codegen`. Nothing here does I/O.

#![forbid(unsafe_code)]

mod address;
mod concurrency;
mod endpoint;
mod error;
mod error_kind;
mod inherited;
mod metadata;
mod metric;
mod option_choices;
mod option_spec;
mod options;
mod policy;
mod rate_limit;
mod target;
mod timestamp;
mod zookeeper_access;

pub use address::{Address, AddressError};
pub use concurrency::Concurrency;
pub use endpoint::Endpoint;
pub use error::{Cause, Error, Progress, RemoteError};
pub use error_kind::{ErrorKind, KindSpec};
pub use inherited::{InheritedFd, take_inherited_fds};
pub use metadata::{Metadata, parse_metadata};
pub use metric::{
    DURATION_BUCKETS, LEGACY_BUCKETS, METRIC_LABELS, METRIC_OTHER, Metric, MetricKind, MetricSpec,
};
pub use option_choices::{ChecksumV1, RegistryCache};
pub use option_spec::{OptionKind, OptionSpec, OptionValue};
pub use options::{CALL_OPTIONS, ClientOptions, ServerOptions, find_option, option_specs};
pub use policy::Policy;
pub use rate_limit::{RateLimit, Whose};
pub use target::{Registry, ServiceName, Target};
pub use timestamp::Timestamp;
pub use zookeeper_access::{ZooKeeperAccess, ZooKeeperAcl};

/// The version of the library, as in `Cargo.toml`.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
