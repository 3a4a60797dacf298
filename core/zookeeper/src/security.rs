//! Who asks, over what, and for whom the nodes are that are made.
//!
//! Secrets are read where they are used, anew whenever a session begins or is taken up after it was lost, and not kept here;
//! the crate keeps them, to come back by itself while the session lives. Errors tell where a secret is, never what it is.

use crate::{helper, tls};
use libfast_model::{Error, ErrorKind, Result, ZooKeeperAccess, ZooKeeperAcl};
use zookeeper_client::{
    Acl, Acls, AuthId, Client, Connector, CreateMode, CreateOptions, Permission, SaslOptions,
};

/// The credentials themselves, for who has no file.
const AUTH_VARIABLE: &str = "FAST_ZOOKEEPER_AUTH";

/// Takes what is not set from the environment.
pub fn completed(mut access: ZooKeeperAccess) -> ZooKeeperAccess {
    if access.auth_file.is_empty() && access.auth_command.is_empty() {
        access.auth_file = std::env::var("FAST_ZOOKEEPER_AUTH_FILE").unwrap_or_default();
        if access.auth_file.is_empty() {
            access.auth_command = std::env::var("FAST_ZOOKEEPER_AUTH_COMMAND").unwrap_or_default();
        }
    }
    for (file, variable) in [
        (&mut access.ca_file, "FAST_ZOOKEEPER_CA_FILE"),
        (&mut access.cert_file, "FAST_ZOOKEEPER_CERT_FILE"),
        (&mut access.key_file, "FAST_ZOOKEEPER_KEY_FILE"),
    ] {
        if file.is_empty() {
            *file = std::env::var(variable).unwrap_or_default();
        }
    }
    access
}

/// A connection as `access` wants it. `hosts` are checked against it.
pub async fn connector(access: &ZooKeeperAccess) -> Result<Connector> {
    let mut connector = Client::connector().with_session_timeout(access.session_timeout);
    for credential in credentials(access).await? {
        connector = match credential {
            Credential::Digest(text) => connector.with_auth("digest", text.as_bytes()),
            Credential::Sasl { user, password } => {
                connector.with_sasl(SaslOptions::digest_md5(user, password))
            }
        };
    }
    Ok(match tls::options(access)? {
        Some(options) => connector.with_tls(options),
        None => connector,
    })
}

/// Who may do what with the nodes that are made.
#[derive(Debug, Clone)]
pub struct Grants(Vec<Acl>);

impl Grants {
    /// As `access` says. Fails if nodes are to be private and nobody is there for whom.
    pub fn new(access: &ZooKeeperAccess) -> Result<Self> {
        let is_known = has_credentials(access) || !access.cert_file.is_empty();
        let everybody = |permission| Acl::new(permission, AuthId::anyone());
        let creator = Acl::new(Permission::ALL, AuthId::authed());
        Ok(Self(match access.acl {
            ZooKeeperAcl::Private if !is_known => {
                let message = "option \"zookeeper_acl\": private nodes need credentials; set zookeeper_auth_file, zookeeper_auth_command or zookeeper_cert_file";
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            ZooKeeperAcl::Private => vec![creator],
            ZooKeeperAcl::Creator if is_known => vec![creator, everybody(Permission::READ)],
            ZooKeeperAcl::Creator | ZooKeeperAcl::Open => vec![everybody(Permission::ALL)],
        }))
    }

    /// A node that goes with the session.
    pub fn entry(&self) -> CreateOptions<'_> {
        CreateMode::Ephemeral.with_acls(Acls::from(&self.0[..]))
    }

    /// The same, with a number at the end of its name.
    pub fn sequential(&self) -> CreateOptions<'_> {
        CreateMode::EphemeralSequential.with_acls(Acls::from(&self.0[..]))
    }

    /// A node that stays.
    pub fn kept(&self) -> CreateOptions<'_> {
        CreateMode::Persistent.with_acls(Acls::from(&self.0[..]))
    }

    /// A parent: ZooKeeper removes a container some time after its last child. Who may not delete in it cannot delete what is
    /// in it, whatever the ACL of that.
    pub fn folder(&self) -> CreateOptions<'_> {
        CreateMode::Container.with_acls(Acls::from(&self.0[..]))
    }
}

// No Debug: it would tell.
enum Credential {
    /// `user:password`.
    Digest(String),
    Sasl {
        user: String,
        password: String,
    },
}

/// Whether a server may refuse the connection because of the credentials.
pub fn has_password(access: &ZooKeeperAccess) -> bool {
    let is_sasl = |credential: &Credential| matches!(credential, Credential::Sasl { .. });
    !access.auth_command.is_empty() || written(access).is_ok_and(|found| found.iter().any(is_sasl))
}

/// The option that says where the credentials are.
pub fn source(access: &ZooKeeperAccess) -> &'static str {
    if access.auth_command.is_empty() { "zookeeper_auth_file" } else { "zookeeper_auth_command" }
}

/// Whether there are credentials to show.
pub fn has_credentials(access: &ZooKeeperAccess) -> bool {
    !access.auth_file.is_empty()
        || !access.auth_command.is_empty()
        || std::env::var_os(AUTH_VARIABLE).is_some_and(|text| !text.is_empty())
}

async fn credentials(access: &ZooKeeperAccess) -> Result<Vec<Credential>> {
    if access.auth_command.is_empty() {
        return written(access);
    }
    let place = "option \"zookeeper_auth_command\"";
    if !access.auth_file.is_empty() {
        return Err(wrong(place, "zookeeper_auth_file is set as well; choose one of them"));
    }
    parse(place, &helper::printed(place, &access.auth_command).await?)
}

/// Those of the file or of the environment.
fn written(access: &ZooKeeperAccess) -> Result<Vec<Credential>> {
    if !has_credentials(access) {
        return Ok(Vec::new());
    }
    if access.auth_file.is_empty() {
        return parse(&format!("${AUTH_VARIABLE}"), &std::env::var(AUTH_VARIABLE).unwrap_or_default());
    }
    let place = format!("option \"zookeeper_auth_file\": {}", access.auth_file);
    parse(&place, &read(&place, &access.auth_file)?)
}

/// The text of a file that an option names.
pub fn read(place: &str, path: &str) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| wrong(place, &error.to_string()))
}

/// An error about what an option or variable names.
pub fn wrong(place: &str, why: &str) -> Error {
    Error::new(ErrorKind::Registry, format!("{place}: {why}"))
}

fn parse(place: &str, text: &str) -> Result<Vec<Credential>> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parts = line.split_once(char::is_whitespace).map(|(scheme, user)| (scheme, user.trim_start()));
        let parts = parts.and_then(|(scheme, text)| Some((scheme, text, text.split_once(':')?)));
        found.push(match parts {
            Some(("digest", text, _)) => Credential::Digest(text.to_owned()),
            Some(("sasl", _, (user, password))) => {
                Credential::Sasl { user: user.to_owned(), password: password.to_owned() }
            }
            _ => {
                let why = format!("line {number} is neither digest USER:PASSWORD nor sasl USER:PASSWORD");
                return Err(wrong(place, &why));
            }
        });
    }
    let users = found.iter().filter(|credential| matches!(credential, Credential::Sasl { .. })).count();
    match (found.len(), users) {
        (0, _) => Err(wrong(place, "there are no credentials in it")),
        (_, 2..) => Err(wrong(place, "a session has one sasl user, and there are several")),
        _ => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_line_by_line() {
        let text = "# who we are\n\ndigest fleet:se:cret \n  sasl\tfleet:other\ndigest old:one\n";
        let found = parse("file", text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(found.len(), 3);
        assert!(matches!(&found[0], Credential::Digest(text) if text == "fleet:se:cret"));
        assert!(
            matches!(&found[1], Credential::Sasl { user, password } if user == "fleet" && password == "other")
        );
    }

    #[test]
    fn what_is_wrong_is_told_without_the_secret() {
        for (text, why) in [
            ("", "no credentials"),
            ("# digest fleet:hunter2", "no credentials"),
            ("digest fleet:hunter2\nfleet:hunter2", "line 2"),
            ("digest hunter2", "line 1"),
            ("kerberos fleet:hunter2", "line 1"),
            ("sasl a:hunter2\nsasl b:hunter2", "several"),
        ] {
            let Err(error) = parse("the file", text) else { panic!("{text:?} was taken") };
            assert!(error.message().contains("the file") && error.message().contains(why), "{error}");
            assert!(!error.message().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn nodes_are_for_whom_the_option_says() {
        let access =
            |acl, auth_file: &str| ZooKeeperAccess { acl, auth_file: auth_file.into(), ..Default::default() };
        let of = |acl, auth_file| Grants::new(&access(acl, auth_file)).map(|grants| grants.0);
        let open = [Acl::new(Permission::ALL, AuthId::anyone())];
        let creator =
            [Acl::new(Permission::ALL, AuthId::authed()), Acl::new(Permission::READ, AuthId::anyone())];
        assert_eq!(of(ZooKeeperAcl::Creator, "file").unwrap(), creator);
        assert_eq!(of(ZooKeeperAcl::Creator, "").unwrap(), open);
        assert_eq!(of(ZooKeeperAcl::Private, "file").unwrap(), creator[..1]);
        assert_eq!(of(ZooKeeperAcl::Open, "file").unwrap(), open);
        assert!(of(ZooKeeperAcl::Private, "").unwrap_err().message().contains("zookeeper_auth_file"));
    }
}
