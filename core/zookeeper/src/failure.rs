//! Failures in words that an operator can act on.

use crate::security::{has_password, source};
use crate::session::Ensemble;
use crate::tls;
use libfast_model::{Error, ErrorKind};
use std::time::Duration;
use tokio::net::TcpStream;
use zookeeper_client::Error as ZkError;

/// What a request to ZooKeeper comes to.
pub type ZkResult<T> = Result<T, ZkError>;

const PROBE_LIMIT: Duration = Duration::from_millis(500);
const PROBED_HOSTS: usize = 5;

/// True if the error tells about the connection and not about the request, whose outcome is then unknown.
pub fn is_lost(error: &ZkError) -> bool {
    matches!(
        error,
        ZkError::ConnectionLoss
            | ZkError::SessionExpired
            | ZkError::SessionMoved
            | ZkError::ClientClosed
            | ZkError::Timeout
            | ZkError::NoHosts
            | ZkError::UnmarshalError { .. }
            | ZkError::UnexpectedError(_)
            | ZkError::Custom(_)
    )
}

/// ZooKeeper's answer to `doing` something, which names the path.
pub fn refused(doing: &str, error: &ZkError) -> Error {
    let remedy = match error {
        ZkError::NoAuth => {
            "; check the ACL of the node and of its parents, and the credentials (zookeeper_auth_file)"
        }
        ZkError::NoChildrenForEphemerals => "; a parent is an ephemeral node: choose another root",
        ZkError::QuotaExceeded => "; raise the quota of the path",
        _ if is_lost(error) => "; check the servers and the network",
        _ => "",
    };
    Error::new(ErrorKind::Registry, format!("ZooKeeper: {doing}: {error}{remedy}"))
}

/// No session with any of `hosts`.
pub fn unreachable(hosts: &[String], why: &str) -> Error {
    let hosts = hosts.join(",");
    Error::new(
        ErrorKind::Registry,
        format!(
            "ZooKeeper at {hosts} cannot be reached: {why}; check that the servers run and that the target names them \
             (it is being tried again)"
        ),
    )
}

/// Servers answer, and there is no session with them before somebody puts that right.
pub fn refusing(hosts: &[String], why: &str) -> Error {
    let hosts = hosts.join(",");
    let message = format!("ZooKeeper at {hosts} cannot be used: {why} (it is being tried again)");
    Error::new(ErrorKind::Registry, message)
}

/// The servers do not believe us.
pub fn unauthenticated(ensemble: &Ensemble) -> Error {
    let (hosts, source) = (ensemble.hosts.join(","), source(&ensemble.access));
    let message = format!(
        "ZooKeeper at {hosts} refuses the credentials; correct {source} (it is being tried again, and read anew)"
    );
    Error::new(ErrorKind::Registry, message)
}

/// Why there is no session.
pub enum Diagnosis {
    /// No server answers, or none that could open one.
    Away(String),
    /// A server accepted the connection and ended it without a session.
    BrokenOff(String),
    /// A server does not accept us, or we do not accept it.
    Refused(String),
}

/// Why there is no session. `zookeeper-client` keeps what the system said to itself, so each host is asked again.
pub async fn diagnose(ensemble: &Ensemble, error: &ZkError) -> Diagnosis {
    let (mut reasons, mut refused, mut broken_off) = (Vec::new(), false, false);
    for host in ensemble.hosts.iter().take(PROBED_HOSTS) {
        let reason = match tokio::time::timeout(PROBE_LIMIT, TcpStream::connect(host)).await {
            Err(_) => "no answer".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(_)) => {
                let (access, name) = (ensemble.access.clone(), host.clone());
                let trouble = tokio::task::spawn_blocking(move || tls::trouble(&access, &name)).await;
                match trouble.ok().flatten() {
                    Some(trouble) => {
                        refused |= trouble.is_lasting;
                        trouble.why
                    }
                    None => {
                        broken_off = true;
                        // Some servers close the connection before what they said about the password is read.
                        let source = source(&ensemble.access);
                        let perhaps = match has_password(&ensemble.access) {
                            true => {
                                format!(", perhaps because it refuses the user or the password of {source}")
                            }
                            false => String::new(),
                        };
                        format!("accepts connections but opens no session ({error}){perhaps}")
                    }
                }
            }
        };
        reasons.push(format!("{host}: {reason}"));
    }
    let why = reasons.join(", ");
    match (refused, broken_off) {
        (true, _) => Diagnosis::Refused(why),
        (_, true) => Diagnosis::BrokenOff(why),
        _ => Diagnosis::Away(why),
    }
}
