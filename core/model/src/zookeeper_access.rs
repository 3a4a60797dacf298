//! How ZooKeeper is talked to: what the options about it say, for clients and servers alike.

use crate::{ClientOptions, OptionValue, ServerOptions};
use std::time::Duration;

/// Whom nodes are for that this process makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ZooKeeperAcl {
    /// Everybody may read; only those with the same credentials may change. Without credentials as [`Open`](Self::Open).
    #[default]
    Creator,
    /// Only those with the same credentials may read and change.
    Private,
    /// Everybody may do everything.
    Open,
}

impl ZooKeeperAcl {
    /// All of them with their names.
    pub const NAMES: [(Self, &'static str); 3] =
        [(Self::Creator, "creator"), (Self::Private, "private"), (Self::Open, "open")];
}

impl OptionValue for ZooKeeperAcl {
    fn from_text(text: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(acl, _)| *acl)
    }

    fn to_text(&self) -> String {
        Self::NAMES.iter().find(|(acl, _)| acl == self).map_or("", |(_, name)| *name).into()
    }
}

/// The session that is asked for, and who asks. Holds the names of files with secrets, never the secrets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ZooKeeperAccess {
    /// How long the servers keep a session that is not heard of; they bound it.
    pub session_timeout: Duration,
    /// Whom the nodes are for.
    pub acl: ZooKeeperAcl,
    /// File with credentials.
    pub auth_file: String,
    /// Program that prints credentials, with its arguments; not beside `auth_file`.
    pub auth_command: String,
    /// File with the certificates that servers must be signed by. Not empty means TLS.
    pub ca_file: String,
    /// File with the certificate to show.
    pub cert_file: String,
    /// File with its key.
    pub key_file: String,
}

impl Default for ZooKeeperAccess {
    fn default() -> Self {
        ServerOptions::default().zookeeper()
    }
}

impl From<Duration> for ZooKeeperAccess {
    /// The default with that session timeout.
    fn from(session_timeout: Duration) -> Self {
        Self { session_timeout, ..Self::default() }
    }
}

macro_rules! access_of {
    ($($options:ty),*) => {$(
        impl $options {
            /// How these options want ZooKeeper to be talked to.
            pub fn zookeeper(&self) -> ZooKeeperAccess {
                ZooKeeperAccess {
                    session_timeout: Duration::from_millis(self.zookeeper_session_ms),
                    acl: self.zookeeper_acl,
                    auth_file: self.zookeeper_auth_file.clone(),
                    auth_command: self.zookeeper_auth_command.clone(),
                    ca_file: self.zookeeper_ca_file.clone(),
                    cert_file: self.zookeeper_cert_file.clone(),
                    key_file: self.zookeeper_key_file.clone(),
                }
            }
        }
    )*};
}

access_of!(ClientOptions, ServerOptions);
